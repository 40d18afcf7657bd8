/**
 * Operator commands about recoveries and hosts.
 *
 * Invariant: a command that is invalid in the current state of a recovery changes nothing.
 */
import type { Configuration } from '#config/configuration.ts';
import { segmentOf } from '#config/options/segments.ts';
import type { Clock } from '#protocol/clock.ts';
import { matchHost } from '#protocol/host-name.ts';
import type { Log } from '#protocol/log.ts';
import type { Notification } from '#protocol/notification.ts';
import { LOCAL_ORIGIN, type Origin } from '#protocol/origin.ts';
import { whyLeftAlone } from '../intake/came-back.ts';
import type { HostNames } from '../intake/host-names.ts';
import { decideNotification } from '../intake/notification-decision.ts';
import { returnFacts } from '../intake/return-facts.ts';
import type { Journal } from '../journal/journal.ts';
import type { Mutation } from '../journal/mutations.ts';
import type { FlowRow, LogbookRow, StepRow } from '../journal/rows.ts';
import { endDecision } from '../recovery/closing-decision.ts';
import { faultOfOperatorDecisions, type InDoubtDecision } from '../recovery/in-doubt-decision.ts';
import type { Waits } from '../recovery/waits.ts';
import { TASK_STEP } from '../task-drivers/task-step.ts';
import { commandEntry } from './audit.ts';
import { RequestRefused } from './request-refused.ts';
import type { RunningRecoveries } from './running-recoveries.ts';

/** Commands that change the course of a recovery. */
export const WAYS = ['rollback', 'restart', 'cancel'] as const;
export type Way = (typeof WAYS)[number];

export interface OperatorParts {
  readonly journal: Journal;
  readonly clock: Clock;
  readonly configuration: Configuration;
  readonly log: Log;
  readonly running: RunningRecoveries;
  readonly waits: Waits;
  readonly hostNames: HostNames;
  /** Causes the queue to be planned again. */
  readonly wake: () => void;
}

export class Operator {
  readonly #parts: OperatorParts;

  constructor(parts: OperatorParts) {
    this.#parts = parts;
  }

  /**
   * Retries a recovery by an operator command.
   * @param `decisions` of tasks that are in doubt, by name: the outcome that the operator found
   * @param abandoned an instance whose open evacuation never ends, as the operator found: another may be requested
   * @param origin of the command, for the audit
   */
  async retry(
    uuid: string,
    proof: 'none' | 'operator',
    decisions: ReadonlyMap<string, InDoubtDecision> = new Map(),
    abandoned?: string,
    origin: Origin = LOCAL_ORIGIN,
  ): Promise<LogbookRow> {
    const { clock, configuration, journal } = this.#parts;
    const logbook = await this.#logbook(uuid);
    const at = clock.now();
    if (logbook.status === 'finished')
      throw new RequestRefused(`recovery ${uuid} is finished; there is nothing to retry`);
    if (logbook.parked_reason !== null) throw new RequestRefused(`recovery ${uuid} waits: ${logbook.parked_reason}`);
    if (logbook.status === 'new' || logbook.status === 'running') {
      throw new RequestRefused(`recovery ${uuid} is ${logbook.status}; it is in progress`);
    }
    if (logbook.status === 'ignored') {
      const segment = segmentOf(configuration.segments, logbook.host);
      const notification = notificationOf(logbook);
      const back = await returnFacts(this.#parts, notification);
      const { status, reason } = decideNotification(notification, segment, proof, back);
      if (status !== 'new') throw new RequestRefused(reason ?? 'it is not a failure to recover');
    }
    const lives = proof === 'none' ? await whyLeftAlone(journal, logbook) : null;
    if (lives !== null) throw new RequestRefused(lives);
    const given = abandoned === undefined ? [] : [await this.#abandonment(logbook, abandoned)];
    this.#parts.waits.take(uuid);
    const settled = await this.#settleDoubts(logbook, decisions);
    const { status: from } = logbook;
    const proved = proof === 'operator' ? { provedAt: at, proof } : {};
    // It counts as no failure, and its time starts again.
    const round = { retried: 1, waitedMs: -logbook.waited_ms, ...proved } as const;
    const change: Mutation =
      from === 'error'
        ? { op: 'logbook', uuid, status: 'error', from, retryAt: at, ...round, at }
        : { op: 'logbook', uuid, status: 'new', from, message: null, ...round, at };
    const overridden = overriddenBy(proof, decisions, abandoned);
    const audit = commandEntry(origin, 'retry', { notification: uuid, object: logbook.host, overridden }, at);
    await journal.write(...settled, ...given, change, audit).catch(async (error: unknown) => {
      // The engine itself, or another operator, was faster.
      const { status } = await this.#logbook(uuid);
      if (status === from) throw error;
      throw new RequestRefused(`recovery ${uuid} is ${status} by now; it is in progress, or was closed`);
    });
    this.#parts.wake();
    return this.#logbook(uuid);
  }

  /**
   * Changes the course of a running recovery by an operator command. `rollback`: its flow is rolled back, and nothing more is done until an
   * operator sends `retry`. `restart`: its flow is abandoned and started from the beginning. `cancel`: see `#cancel`.
   */
  async turn(uuid: string, way: Way, origin: Origin = LOCAL_ORIGIN): Promise<LogbookRow> {
    if (way === 'cancel') return this.#cancel(uuid, origin);
    const { clock, journal, log } = this.#parts;
    // Checked before an invalid command interrupts anything.
    await this.#flowToTurn(uuid, way);
    const { host } = await this.#logbook(uuid);
    return this.#parts.running.held(uuid, `an operator's ${way}`, async () => {
      const flow = await this.#flowToTurn(uuid, way);
      const error = `operator command: ${way}`;
      await journal.write(
        way === 'rollback'
          ? { op: 'revert_flow', flowId: flow.id, cause: 'order', error }
          : { op: 'close_flow', flowId: flow.id, state: 'ABANDONED', error, at: clock.now() },
        commandEntry(origin, way, { notification: uuid, object: host }, clock.now()),
      );
      log('warning', 'flow is interrupted by an operator command', { uuid, flow: flow.uuid, way });
      return this.#logbook(uuid);
    });
  }

  /**
   * Ends a recovery: its flow is abandoned, and it is closed as `failed` if it has requested something and as `ignored` if not. Requests that
   * Nova has accepted are completed by Nova. A `retry` continues it; a further report of the failure is a recovery of its own.
   */
  async #cancel(uuid: string, origin: Origin): Promise<LogbookRow> {
    const { clock, journal, log, running, waits } = this.#parts;
    await this.#mayBeCancelled(uuid);
    return running.held(uuid, "an operator's cancel", async () => {
      const { id, host } = await this.#mayBeCancelled(uuid);
      const open = await journal.query('openFlow', id);
      const hasStarted = await journal.query('hasStarted', id);
      const status = hasStarted ? 'failed' : 'ignored';
      const at = clock.now();
      const reason = origin.reason === null ? '' : ` (${origin.reason})`;
      const rest = hasStarted ? ' What Nova has accepted is completed by Nova.' : '';
      const message = `Cancelled by ${nameOf(origin)}${reason}.${rest} "recovery-agent retry ${uuid}" continues it.`;
      await journal.write(
        ...(open
          ? [
              {
                op: 'close_flow',
                flowId: open.flow.id,
                state: 'ABANDONED',
                error: 'operator command: cancel',
                at,
              } as const,
            ]
          : []),
        { op: 'logbook', uuid, status, message, waitedMs: waits.take(uuid), at },
        endDecision({
          uuid,
          outcome: status,
          rule: 'cancelled',
          reason: message,
          facts: { has_started: hasStarted },
          at,
        }),
        commandEntry(origin, 'cancel', { notification: uuid, object: host }, at),
      );
      log('warning', 'recovery is cancelled by an operator', { uuid, host });
      return this.#logbook(uuid);
    });
  }

  async #mayBeCancelled(uuid: string): Promise<LogbookRow> {
    const logbook = await this.#logbook(uuid);
    const { id, status, closed_at } = logbook;
    if (closed_at !== null) throw new RequestRefused(`recovery ${uuid} is ${status}; there is nothing to cancel`);
    const open = await this.#parts.journal.query('openFlow', id);
    if (open?.flow.state === 'REVERTING') {
      throw new RequestRefused(`recovery ${uuid} is rolling back; it ends after that`);
    }
    return logbook;
  }

  /** Leaves an instance on the failed host, before its evacuation is requested; the recovery continues with the others. */
  async skip(uuid: string, instance: string, origin: Origin = LOCAL_ORIGIN): Promise<LogbookRow> {
    const { clock, journal, log, running } = this.#parts;
    await this.#mayBeSkipped(uuid, instance);
    return running.held(uuid, "an operator's skip", async () => {
      const { host } = await this.#mayBeSkipped(uuid, instance);
      const at = clock.now();
      const message = `instance ${instance}`;
      await journal.write(
        { op: 'skip', uuid, instance, at },
        commandEntry(origin, 'skip', { notification: uuid, object: host, message }, at),
      );
      log('warning', 'instance is skipped by an operator', { uuid, instance });
      return this.#logbook(uuid);
    });
  }

  async #mayBeSkipped(uuid: string, instance: string): Promise<LogbookRow> {
    const logbook = await this.#logbook(uuid);
    const { id: logbookId, type, status } = logbook;
    if (type !== 'COMPUTE_HOST') throw new RequestRefused(`recovery ${uuid} is not about the failure of a host`);
    if (status === 'finished') throw new RequestRefused(`recovery ${uuid} is finished; there is nothing to skip`);
    if (await this.#parts.journal.query('hasRequestedMove', { logbookId, instance })) {
      throw new RequestRefused(`the evacuation of instance ${instance} was requested; Nova completes it`);
    }
    return logbook;
  }

  /** Lets a recovery start before those with a smaller number. */
  async prioritize(uuid: string, priority: number, origin: Origin = LOCAL_ORIGIN): Promise<LogbookRow> {
    const { journal, clock, wake } = this.#parts;
    const { status, closed_at, host } = await this.#logbook(uuid);
    if (closed_at !== null) throw new RequestRefused(`recovery ${uuid} is ${status}; it waits for nothing`);
    const message = `priority ${priority}`;
    await journal.write(
      { op: 'priority', uuid, priority },
      commandEntry(origin, 'priority', { notification: uuid, object: host, message }, clock.now()),
    );
    wake();
    return this.#logbook(uuid);
  }

  async #flowToTurn(uuid: string, way: 'rollback' | 'restart'): Promise<FlowRow> {
    const { id, status, closed_at } = await this.#logbook(uuid);
    const open = await this.#parts.journal.query('openFlow', id);
    if (!open) {
      const hint = closed_at === null ? 'it is retried automatically' : 'use "retry"';
      throw new RequestRefused(`recovery ${uuid} is ${status} and has no open flow; ${hint}`);
    }
    if (way === 'restart' && open.flow.state === 'REVERTING') {
      throw new RequestRefused(`recovery ${uuid} is rolling back; it can be retried after that`);
    }
    return open.flow;
  }

  /** The operator's outcomes of tasks in doubt, as changes of their steps. Refused unless each has an outcome and no other task has one. */
  async #settleDoubts({ id, uuid }: LogbookRow, decisions: ReadonlyMap<string, InDoubtDecision>): Promise<Mutation[]> {
    const { clock, journal } = this.#parts;
    const doubts = await journal.query('doubts', id);
    const nameOf = (key: string): string => key.slice(`${TASK_STEP}:`.length);
    const fault = faultOfOperatorDecisions(uuid, new Set(doubts.map(({ key }) => nameOf(key))), decisions);
    if (fault) throw new RequestRefused(fault);
    return doubts.map(({ id: stepId, key, detail: kept }): Mutation => {
      const state = decisions.get(nameOf(key)) === 'done' ? 'done' : 'failed';
      const detail = { outputs: {}, ...JSON.parse(kept), said_by: 'operator' };
      return { op: 'step', stepId, state, detail, error: 'stated by an operator', at: clock.now() };
    });
  }

  /** The evacuation of an instance that this recovery left open, declared to never end. */
  async #abandonment({ uuid }: LogbookRow, instance: string): Promise<Mutation> {
    const { clock, journal, log } = this.#parts;
    const shown = await journal.query('show', uuid);
    const steps = (shown?.flows ?? []).flatMap((flow) => flow.steps);
    const last = steps.findLast(({ kind, object, state }) => {
      return kind === 'evacuate' && object === instance && state !== 'planned';
    });
    const record = last && openRecordOf(last);
    if (record === undefined) {
      throw new RequestRefused(`recovery ${uuid} has no open evacuation of instance ${instance}`);
    }
    log('warning', 'evacuation is declared abandoned by an operator', { uuid, instance, record });
    return { op: 'abandon_evacuation', record, instance, by: 'operator', at: clock.now() };
  }

  /**
   * Lets a recovery start although a gate holds it; a pause of all recoveries still holds it. Valid for the life of the recovery, also
   * before a gate holds it.
   *
   * @param proof `operator`: the operator states that the host is down
   */
  async approve(uuid: string, origin: Origin = LOCAL_ORIGIN, proof: 'none' | 'operator' = 'none'): Promise<LogbookRow> {
    const { journal, clock, wake } = this.#parts;
    const { status, closed_at, host, type } = await this.#logbook(uuid);
    if (closed_at !== null) throw new RequestRefused(`recovery ${uuid} is ${status}; there is nothing to approve`);
    if (status !== 'new' && status !== 'error') {
      throw new RequestRefused(`recovery ${uuid} is ${status}; it needs no approval`);
    }
    const isStated = proof === 'operator';
    if (isStated && type !== 'COMPUTE_HOST') {
      throw new RequestRefused(`recovery ${uuid} is not about the failure of a host: leave out --host-is-down`);
    }
    const at = clock.now();
    const overridden = isStated ? ['host-is-down'] : [];
    await journal.write(
      { op: 'approve', uuid, ...(isStated ? { provedAt: at } : {}) },
      commandEntry(origin, 'approve', { notification: uuid, object: host, overridden }, at),
    );
    wake();
    return this.#logbook(uuid);
  }

  /** Lets no recovery start until `unpause`. Running ones finish. @param forMs ends the pause by itself, counted while an engine runs */
  async pause(forMs: number | null, origin: Origin = LOCAL_ORIGIN): Promise<void> {
    const { journal, clock, log, wake } = this.#parts;
    const at = clock.now();
    const by = nameOf(origin);
    const message = forMs === null ? 'until unpause' : `for ${forMs / 1000} s`;
    await journal.write(
      { op: 'pause', by, reason: origin.reason, forMs, at },
      commandEntry(origin, 'pause', { message }, at),
    );
    log('warning', 'recoveries are paused', { by, length: message });
    wake();
  }

  /** Ends the pause; what it held starts. */
  async unpause(origin: Origin = LOCAL_ORIGIN): Promise<void> {
    const { journal, clock, log, wake } = this.#parts;
    if ((await journal.query('pause')) === null) throw new RequestRefused('recoveries are not paused');
    await journal.write({ op: 'unpause' }, commandEntry(origin, 'unpause', {}, clock.now()));
    log('warning', 'recoveries are no longer paused');
    wake();
  }

  /** Begins or ends work on a host: while it lasts, its failure is held, and those of its instances and processes are ignored. */
  async setMaintenance(given: string, state: 'on' | 'off', origin: Origin = LOCAL_ORIGIN): Promise<void> {
    const { journal, clock, hostNames, log, wake } = this.#parts;
    const nova = hostNames.list;
    const host = hostNames.known(given);
    const known = await journal.query('maintenances');
    const earlier = known.find((one) => hostNames.isSame(one.host, host));
    if (state === 'off' && earlier === undefined) throw new RequestRefused(`host '${host}' is not in maintenance`);
    if (state === 'on' && nova?.isComplete && !nova.names.includes(host)) {
      throw new RequestRefused(`Nova has no nova-compute service on a host '${host}'`);
    }
    const at = clock.now();
    const by = nameOf(origin);
    await journal.write(
      { op: 'maintenance', host: earlier?.host ?? host, state, by, reason: origin.reason, at },
      commandEntry(origin, 'maintenance', { object: host, message: state }, at),
    );
    log('warning', state === 'on' ? 'host is in maintenance' : 'host is no longer in maintenance', { host, by });
    wake();
  }

  /** Changes whether a host is reserved, by an operator command. */
  async setReserved(host: string, reserved: 0 | 1, origin: Origin = LOCAL_ORIGIN): Promise<void> {
    const { journal, clock, configuration, hostNames } = this.#parts;
    const known = configuration.segments.flatMap(({ reservedHosts }) => reservedHosts);
    const found = matchHost(host, known);
    if (found.match === 'several') {
      throw new RequestRefused(`host '${host}' may be ${found.names.join(' or ')}; write the name of the segment`);
    }
    if (found.match === 'none') {
      const names = known.length > 0 ? known.join(', ') : 'none';
      throw new RequestRefused(`no segment has a reserved host '${host}'; reserved hosts are: ${names}`);
    }
    const name = hostNames.known(found.name);
    const at = clock.now();
    const message = reserved === 1 ? 'reserved' : 'not reserved';
    await journal.write(
      { op: 'host', name, reserved, by: 'operator', at },
      commandEntry(origin, 'host', { object: name, message }, at),
    );
  }

  async #logbook(uuid: string): Promise<LogbookRow> {
    return requiredLogbook(this.#parts.journal, uuid);
  }
}

/** The operator, as the audit names the origin. */
function nameOf({ user, caller }: Origin): string {
  return user?.user ?? caller.identity;
}

/** The operator's statements against the engine's evidence, in the syntax of the command line. */
function overriddenBy(
  proof: 'none' | 'operator',
  decisions: ReadonlyMap<string, InDoubtDecision>,
  abandoned: string | undefined,
): string[] {
  return [
    ...(proof === 'operator' ? ['host-is-down'] : []),
    ...[...decisions].map(([task, decision]) => `${decision === 'done' ? 'done' : 'not-done'} ${task}`),
    ...(abandoned === undefined ? [] : [`abandon-evacuation ${abandoned}`]),
  ];
}

/** Nova's record of an evacuation that a flow left open; undefined: there is none. */
function openRecordOf({ state, detail }: StepRow): string | undefined {
  const { open }: { readonly open?: unknown } = JSON.parse(detail);
  return state === 'unknown' && typeof open === 'string' ? open : undefined;
}

export async function requiredLogbook(journal: Journal, uuid: string): Promise<LogbookRow> {
  const logbook = await journal.query('logbook', uuid);
  if (!logbook) throw new RequestRefused(`there is no notification ${uuid}`);
  return logbook;
}

function notificationOf(logbook: LogbookRow): Notification {
  return {
    type: logbook.type,
    hostname: logbook.host,
    generated_time: new Date(logbook.generated_at),
    payload: JSON.parse(logbook.payload),
  } as Notification;
}
