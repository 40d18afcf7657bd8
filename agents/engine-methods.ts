/** Methods of the engine on its socket. Parameters are checked here; the engine trusts them. */

import * as v from 'valibot';
import { JournalFailure } from '#engine/journal/failure.ts';
import type { Delivery } from '#engine/service/acceptance.ts';
import type { Engine } from '#engine/service/engine.ts';
import { WAYS } from '#engine/service/operator-commands.ts';
import { RequestRefused } from '#engine/service/request-refused.ts';
import { viewNotification } from '#engine/service/views.ts';
import type { Caller } from '#protocol/caller.ts';
import { type ReportedProof, readProof } from '#protocol/death-proof.ts';
import { HOST_NAME_RULE, isHostName } from '#protocol/host-name.ts';
import { RPC_ERRORS, RpcError } from '#protocol/json-rpc.ts';
import { LOG_LEVELS } from '#protocol/log.ts';
import { InvalidNotification, parseNotification } from '#protocol/notification.ts';
import { NOTIFICATION_STATUSES } from '#protocol/notification-status.ts';
import type { Method, Peer } from '#protocol/server.ts';
import { auditedRequest } from './audited-request.ts';
import { mayRead, whyBlindForbidden, whyForbidden, whyReportForbidden } from './authorization.ts';
import { Introductions, introduceParams, reasonParam } from './introductions.ts';
import type { LogThreshold } from './logger.ts';
import type { ReportLimits } from './report-limits.ts';

const uuid = v.pipe(v.string('must be a text'), v.uuid('is not a UUID'), v.toLowerCase());
const status = v.picklist(NOTIFICATION_STATUSES, 'is no status of a notification');
const proof = v.optional(v.picklist(['none', 'operator'], 'must be none or operator'), 'none');

const limit = v.pipe(
  v.number('must be a number'),
  v.integer('must be whole'),
  v.minValue(1, 'must be at least 1'),
  v.maxValue(10_000, 'must be at most 10000'),
);
const listParams = v.strictObject({
  limit: v.optional(limit, 50),
  status: v.optional(status),
});
const auditParams = v.strictObject({
  limit: v.optional(limit, 100),
  /** ms UTC. */
  since: v.optional(v.pipe(v.number('must be a number'), v.integer('must be whole'))),
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
  reason: reasonParam,
});
const turnParams = v.strictObject({
  uuid,
  way: v.picklist(WAYS, `must be one of ${WAYS.join(', ')}`),
  reason: reasonParam,
});
const pauseParams = v.strictObject({
  seconds: v.nullable(
    v.pipe(v.number('must be a number'), v.minValue(1, 'must be at least 1'), v.maxValue(1e9, 'is too long')),
  ),
  reason: reasonParam,
});
const skipParams = v.strictObject({ uuid, instance: uuid, reason: reasonParam });
const priorityParams = v.strictObject({
  uuid,
  priority: v.pipe(
    v.number('must be a number'),
    v.integer('must be a whole number'),
    v.minValue(-9999, 'is less than -9999'),
    v.maxValue(9999, 'is more than 9999'),
  ),
  reason: reasonParam,
});
const approveParams = v.strictObject({ uuid, proof, reason: reasonParam });
const unpauseParams = v.strictObject({ reason: reasonParam });
const levelParams = v.strictObject({ level: v.picklist(LOG_LEVELS, `must be one of ${LOG_LEVELS.join(', ')}`) });
/** Facts of a monitor about its delivery; the notification itself has Masakari's form, which has no field for them. */
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
const hostName = v.pipe(v.string('must be a text'), v.check(isHostName, `is no host name: ${HOST_NAME_RULE}`));
const maintenanceParams = v.strictObject({
  name: hostName,
  state: v.picklist(['on', 'off'], 'must be on or off'),
  reason: reasonParam,
});
const hostParams = v.strictObject({
  name: hostName,
  reserved: v.picklist([0, 1], 'must be 0 or 1'),
  reason: reasonParam,
});

const planParams = v.strictObject({
  hosts: v.pipe(
    v.array(v.pipe(v.string('must be a text'), v.check(isHostName, `is no host name: ${HOST_NAME_RULE}`))),
    v.minLength(1, 'are missing'),
    v.maxLength(16, 'are more than 16'),
  ),
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

function received(error: unknown): unknown {
  if (error instanceof InvalidNotification) return new RpcError(RPC_ERRORS.invalidParams, error.message, error.field);
  if (error instanceof RequestRefused) return new RpcError(RPC_ERRORS.refused, error.message);
  if (error instanceof JournalFailure && error.kind === 'constraint') {
    return new RpcError(RPC_ERRORS.refused, `the journal refuses it: ${error.message}`);
  }
  if (error instanceof JournalFailure)
    return new RpcError(RPC_ERRORS.stopping, `the engine is stopping: ${error.message}`);
  return error;
}

const ELSEWHERE = { status: 'found', host: null, vm_state: null, task_state: null };

interface ReceivedReport {
  readonly body: unknown;
  readonly proof: ReportedProof;
  readonly delivery?: Delivery;
  /** The operator's. */
  readonly reason?: string;
}

/** A report of a failure is not refused because a monitor of another version adds a field to the notification. */
function splitReport(params: unknown): ReceivedReport {
  if (typeof params !== 'object' || params === null || Array.isArray(params)) return { body: params, proof: 'none' };
  const { delivery, proof, reason, ...body } = params as Readonly<Record<'delivery' | 'proof' | 'reason', unknown>>;
  const given = v.safeParse(reasonParam, reason);
  const report = {
    body,
    proof: readProof(proof),
    ...(given.success && given.output !== undefined ? { reason: given.output } : {}),
  };
  const facts = v.safeParse(deliveryFacts, delivery);
  if (!facts.success) return report;
  const { age_seconds, attempts } = facts.output;
  return { ...report, delivery: { ageSeconds: age_seconds, attempts } };
}

/** Refusals that the audit records. */
const RECORDED: readonly number[] = [
  RPC_ERRORS.refused,
  RPC_ERRORS.invalidParams,
  RPC_ERRORS.forbidden,
  RPC_ERRORS.tooMany,
];

/** @param why from authorization.ts. Throws `RpcError` where there is a reason. */
function allow(why: string | undefined): void {
  if (why !== undefined) throw new RpcError(RPC_ERRORS.forbidden, why);
}

/**
 * @param activeEngine the engine; throws `RpcError` while there is none yet
 */
export function engineMethods(
  activeEngine: () => Engine,
  threshold: LogThreshold,
  limits: ReportLimits,
): Readonly<Record<string, Method>> {
  /** Subscriptions of each peer: a second request for the same one adds nothing. */
  const watched = new WeakMap<AbortSignal, Set<string>>();
  const introductions = new Introductions();
  /** Throws `RpcError` when the caller has used its share. */
  const share = (caller: Caller): void => {
    const excess = limits.take(caller);
    if (excess !== undefined) throw new RpcError(RPC_ERRORS.tooMany, excess);
  };
  const methods: Record<string, Method> = {
    introduce: async (params, peer) => {
      introductions.take(peer, read(introduceParams, params));
      return null;
    },
    ping: async () => {
      activeEngine();
      return 'pong';
    },
    health: async () => activeEngine().reads.checkHealth(),
    set_log_level: async (params, peer) => {
      const { level } = read(levelParams, params);
      threshold.level = level;
      // An engine that waits for the journal has none to write into.
      await activeEngineOrNone()?.audit.commanded(introductions.originOf(peer), 'set_log_level', { message: level });
      return level;
    },
    notify: async (params, peer) => {
      const { body, proof, delivery, reason } = splitReport(params);
      const notification = parseNotification(body);
      const engine = activeEngine();
      allow(whyReportForbidden(peer.caller, notification, engine.isSameHost));
      share(peer.caller);
      const origin = introductions.originOf(peer, reason);
      const { logbook, isDuplicate } = await engine.accept(notification, proof, delivery, origin);
      limits.accepted(peer.caller);
      return { ...viewNotification(logbook), duplicate: isDuplicate };
    },
    instance: async (params, { caller }) => {
      const engine = activeEngine();
      const instance = await engine.reads.instance(read(uuidParams, params).uuid);
      if (instance === 'unknown') return null;
      if (instance === 'not found') return { status: 'not found', host: null, vm_state: null, task_state: null };
      const { host, vmState, taskState } = instance;
      // The requesting host only needs to know that the instance is on another host.
      if (!mayRead(caller, host, engine.isSameHost)) return ELSEWHERE;
      return { status: 'found', host, vm_state: vmState, task_state: taskState };
    },
    blind: async (params, { caller }) => {
      const { host, blind, seeing } = read(blindParams, params);
      allow(whyBlindForbidden(caller, host, activeEngine().isSameHost));
      share(caller);
      const now = Date.now();
      const since = blind.map(({ monitor, reason, seconds }) => ({ monitor, reason, since: now - seconds * 1000 }));
      activeEngine().heedMonitors(host, { blind: since, seeing });
      return null;
    },
    list: async (params) => {
      const { limit, status } = read(listParams, params);
      return (await activeEngine().reads.list({ limit, ...(status ? { status } : {}) })).map(viewNotification);
    },
    audit: async (params) => {
      const { limit, since } = read(auditParams, params);
      return activeEngine().reads.listAudit({ limit, ...(since === undefined ? {} : { since }) });
    },
    show: async (params) => activeEngine().reads.show(read(uuidParams, params).uuid),
    status: async () => activeEngine().reads.status(),
    plan: async (params) => activeEngine().preview.of(read(planParams, params).hosts),
    retry: async (params, peer) => {
      const { uuid, proof, done, not_done, abandoned, reason } = read(retryParams, params);
      const decisions = new Map([
        ...done.map((name) => [name, 'done'] as const),
        ...not_done.map((name) => [name, 'not done'] as const),
      ]);
      const origin = introductions.originOf(peer, reason);
      return viewNotification(await activeEngine().operator.retry(uuid, proof, decisions, abandoned, origin));
    },
    turn: async (params, peer) => {
      const { uuid, way, reason } = read(turnParams, params);
      const origin = introductions.originOf(peer, reason);
      return viewNotification(await activeEngine().operator.turn(uuid, way, origin));
    },
    approve: async (params, peer) => {
      const { uuid, proof, reason } = read(approveParams, params);
      return viewNotification(await activeEngine().operator.approve(uuid, introductions.originOf(peer, reason), proof));
    },
    skip: async (params, peer) => {
      const { uuid, instance, reason } = read(skipParams, params);
      const origin = introductions.originOf(peer, reason);
      return viewNotification(await activeEngine().operator.skip(uuid, instance, origin));
    },
    priority: async (params, peer) => {
      const { uuid, priority, reason } = read(priorityParams, params);
      const origin = introductions.originOf(peer, reason);
      return viewNotification(await activeEngine().operator.prioritize(uuid, priority, origin));
    },
    pause: async (params, peer) => {
      const { seconds, reason } = read(pauseParams, params);
      const forMs = seconds === null ? null : seconds * 1000;
      await activeEngine().operator.pause(forMs, introductions.originOf(peer, reason));
      return null;
    },
    unpause: async (params, peer) => {
      const { reason } = read(unpauseParams, params);
      await activeEngine().operator.unpause(introductions.originOf(peer, reason));
      return null;
    },
    host: async (params, peer) => {
      const { name, reserved, reason } = read(hostParams, params);
      await activeEngine().operator.setReserved(name, reserved, introductions.originOf(peer, reason));
      return null;
    },
    maintenance: async (params, peer) => {
      const { name, state, reason } = read(maintenanceParams, params);
      await activeEngine().operator.setMaintenance(name, state, introductions.originOf(peer, reason));
      return null;
    },
    watch: async (params, peer) => {
      const { uuid } = read(uuidParams, params);
      const engine = activeEngine();
      const seen = watched.get(peer.signal) ?? new Set();
      if (seen.has(uuid)) return engine.reads.show(uuid);
      // Subscribe before the journal is read, so that no commit in between is missed.
      const stop = engine.hub.watch(uuid, (notice) => peer.notify('progress', notice));
      try {
        const view = await engine.reads.show(uuid);
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
  const activeEngineOrNone = (): Engine | undefined => {
    try {
      return activeEngine();
    } catch {
      return undefined;
    }
  };
  /** A request that is invalid or that was refused. */
  const recordRefusal = (method: string, params: unknown, peer: Peer, failure: unknown): void => {
    if (!(failure instanceof RpcError)) return;
    const request = auditedRequest(method, params, failure.code === RPC_ERRORS.forbidden);
    if (request === undefined || !RECORDED.includes(failure.code)) return;
    const { caller, user, reason: statedReason } = introductions.originOf(peer, request.statedReason);
    activeEngineOrNone()?.audit.refused(caller, { ...request, user, statedReason, reason: failure.message });
  };
  return Object.fromEntries(
    Object.entries(methods).map(([name, method]): [string, Method] => [
      name,
      async (params, peer) => {
        try {
          allow(whyForbidden(peer.caller, name));
          return await method(params, peer);
        } catch (error) {
          const failure = received(error);
          recordRefusal(name, params, peer, failure);
          throw failure;
        }
      },
    ]),
  );
}
