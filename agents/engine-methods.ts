/** What the engine answers on its socket. Parameters are checked here; the engine trusts them. */

import * as v from 'valibot';
import { JournalFailure } from '#engine/journal/failure.ts';
import type { Delivery, Engine } from '#engine/resident/engine.ts';
import { RequestRefused } from '#engine/resident/request-refused.ts';
import { viewNotification } from '#engine/resident/view.ts';
import { type ReportedProof, readProof } from '#protocol/death-proof.ts';
import { HOST_NAME_RULE, isHostName } from '#protocol/host-name.ts';
import { RPC_ERRORS, RpcError } from '#protocol/json-rpc.ts';
import { LOG_LEVELS } from '#protocol/log.ts';
import { InvalidNotification, parseNotification } from '#protocol/notification.ts';
import type { Method } from '#protocol/server.ts';
import type { LogThreshold } from './logger.ts';

const uuid = v.pipe(v.string('must be a text'), v.uuid('is not a UUID'), v.toLowerCase());
const status = v.picklist(
  ['new', 'running', 'error', 'failed', 'ignored', 'finished'],
  'is no status of a notification',
);
const proof = v.optional(v.picklist(['none', 'operator'], 'must be none or operator'), 'none');

const listParams = v.strictObject({
  limit: v.optional(
    v.pipe(
      v.number('must be a number'),
      v.integer('must be whole'),
      v.minValue(1, 'must be at least 1'),
      v.maxValue(10_000, 'must be at most 10000'),
    ),
    50,
  ),
  status: v.optional(status),
});
const uuidParams = v.strictObject({ uuid });
const taskNames = v.optional(v.pipe(v.array(v.pipe(v.string(), v.maxLength(255))), v.maxLength(100)), []);
const retryParams = v.strictObject({
  uuid,
  proof,
  done: taskNames,
  not_done: taskNames,
  /** The instance whose evacuation an operator declares abandoned. */
  abandoned: v.optional(uuid),
});
const turnParams = v.strictObject({ uuid, way: v.picklist(['rollback', 'restart'], 'must be rollback or restart') });
const levelParams = v.strictObject({ level: v.picklist(LOG_LEVELS, `must be one of ${LOG_LEVELS.join(', ')}`) });
/** What a monitor says of its delivery; the notification itself has Masakari's form and no place for it. */
const deliveryFacts = v.object({
  age_seconds: v.pipe(v.number(), v.minValue(0)),
  attempts: v.pipe(v.number(), v.integer(), v.minValue(1)),
});
const monitorName = v.pipe(v.string('must be a text'), v.regex(/^[a-z]{1,32}$/, 'is no name of a monitor'));
const blindParams = v.strictObject({
  host: v.pipe(v.string('must be a text'), v.check(isHostName, `is no host name: ${HOST_NAME_RULE}`)),
  seeing: v.pipe(v.array(monitorName), v.maxLength(16, 'are more than 16')),
  blind: v.pipe(
    v.array(
      v.strictObject({
        monitor: monitorName,
        reason: v.pipe(v.string('must be a text'), v.maxLength(1000, 'is longer than 1000 characters')),
        seconds: v.pipe(
          v.number('must be a number'),
          v.minValue(0, 'must be at least 0'),
          v.maxValue(1e9, 'is too long'),
        ),
      }),
    ),
    v.maxLength(16, 'are more than 16'),
  ),
});
const hostParams = v.strictObject({
  name: v.pipe(v.string('must be a text'), v.check(isHostName, `is no host name: ${HOST_NAME_RULE}`)),
  reserved: v.picklist([0, 1], 'must be 0 or 1'),
});

function read<S extends v.GenericSchema>(schema: S, params: unknown): v.InferOutput<S> {
  const result = v.safeParse(schema, params ?? {}, { abortEarly: true });
  if (result.success) return result.output;
  const [issue] = result.issues;
  const field = v.getDotPath(issue) ?? 'params';
  throw new RpcError(RPC_ERRORS.invalidParams, `${field} ${reasonOf(issue)}`, field);
}

/** Without the value that was given: it may be anything. */
function reasonOf({ type, expected, received, message }: v.BaseIssue<unknown>): string {
  if (received === 'undefined') return 'is missing';
  if (type !== 'strict_object') return message;
  return expected === 'never' ? 'is not a known field' : 'must be an object';
}

function told(error: unknown): unknown {
  if (error instanceof InvalidNotification) return new RpcError(RPC_ERRORS.invalidParams, error.message, error.field);
  if (error instanceof RequestRefused) return new RpcError(RPC_ERRORS.refused, error.message);
  if (error instanceof JournalFailure && error.kind === 'constraint') {
    return new RpcError(RPC_ERRORS.refused, `the journal refuses it: ${error.message}`);
  }
  if (error instanceof JournalFailure)
    return new RpcError(RPC_ERRORS.stopping, `the engine is stopping: ${error.message}`);
  return error;
}

interface ReceivedReport {
  readonly body: unknown;
  readonly proof: ReportedProof;
  readonly delivery?: Delivery;
}

/** No report of a failure is refused for what a monitor of another version adds to the notification. */
function splitReport(params: unknown): ReceivedReport {
  if (typeof params !== 'object' || params === null || Array.isArray(params)) return { body: params, proof: 'none' };
  const { delivery, proof, ...body } = params as { readonly delivery?: unknown; readonly proof?: unknown };
  const report = { body, proof: readProof(proof) };
  const facts = v.safeParse(deliveryFacts, delivery);
  if (!facts.success) return report;
  const { age_seconds, attempts } = facts.output;
  return { ...report, delivery: { ageSeconds: age_seconds, attempts } };
}

/**
 * @param reigning the engine; throws `RpcError` while there is none yet
 */
export function engineMethods(reigning: () => Engine, threshold: LogThreshold): Readonly<Record<string, Method>> {
  /** What each peer watches: asking again adds nothing. */
  const watched = new WeakMap<AbortSignal, Set<string>>();
  const methods: Record<string, Method> = {
    ping: async () => {
      reigning();
      return 'pong';
    },
    health: async () => reigning().checkHealth(),
    set_log_level: async (params) => {
      threshold.level = read(levelParams, params).level;
      return threshold.level;
    },
    notify: async (params) => {
      const { body, proof, delivery } = splitReport(params);
      const { logbook, isDuplicate } = await reigning().accept(parseNotification(body), proof, delivery);
      return { ...viewNotification(logbook), duplicate: isDuplicate };
    },
    instance: async (params) => {
      const instance = await reigning().instance(read(uuidParams, params).uuid);
      if (instance === 'unknown') return null;
      if (instance === 'not found') return { status: 'not found', host: null, vm_state: null, task_state: null };
      const { host, vmState, taskState } = instance;
      return { status: 'found', host, vm_state: vmState, task_state: taskState };
    },
    blind: async (params) => {
      const { host, blind, seeing } = read(blindParams, params);
      const now = Date.now();
      const since = blind.map(({ monitor, reason, seconds }) => ({ monitor, reason, since: now - seconds * 1000 }));
      reigning().heedMonitors(host, { blind: since, seeing });
      return null;
    },
    list: async (params) => {
      const { limit, status } = read(listParams, params);
      return (await reigning().list({ limit, ...(status ? { status } : {}) })).map(viewNotification);
    },
    show: async (params) => reigning().show(read(uuidParams, params).uuid),
    status: async () => reigning().status(),
    retry: async (params) => {
      const { uuid, proof, done, not_done, abandoned } = read(retryParams, params);
      const verdicts = new Map([
        ...done.map((name) => [name, 'done'] as const),
        ...not_done.map((name) => [name, 'not done'] as const),
      ]);
      return viewNotification(await reigning().operator.retry(uuid, proof, verdicts, abandoned));
    },
    turn: async (params) => {
      const { uuid, way } = read(turnParams, params);
      return viewNotification(await reigning().operator.turn(uuid, way));
    },
    host: async (params) => {
      const { name, reserved } = read(hostParams, params);
      await reigning().operator.setReserved(name, reserved);
      return null;
    },
    watch: async (params, peer) => {
      const { uuid } = read(uuidParams, params);
      const engine = reigning();
      const seen = watched.get(peer.signal) ?? new Set();
      if (seen.has(uuid)) return engine.show(uuid);
      // Before the journal is asked: what is committed in between is told rather than missed.
      const stop = engine.hub.watch(uuid, (notice) => peer.tell('progress', notice));
      try {
        const view = await engine.show(uuid);
        watched.set(peer.signal, seen.add(uuid));
        peer.subscribe();
        if (peer.signal.aborted) stop();
        else peer.signal.addEventListener('abort', stop, { once: true });
        return view;
      } catch (error) {
        stop();
        throw error;
      }
    },
  };
  return Object.fromEntries(
    Object.entries(methods).map(([name, method]): [string, Method] => [
      name,
      async (params, peer) => {
        try {
          return await method(params, peer);
        } catch (error) {
          throw told(error);
        }
      },
    ]),
  );
}
