/**
 * What operators say about recoveries and hosts.
 *
 * Invariant: a word that makes no sense in the state in which a recovery is when it is carried out changes nothing.
 */
import type { Configuration } from '#config/load.ts';
import { segmentOf } from '#config/segments.ts';
import { matchHost } from '#protocol/host-name.ts';
import type { Log } from '#protocol/log.ts';
import type { Notification } from '#protocol/notification.ts';
import type { Clock } from '../clock/clock.ts';
import type { Journal } from '../journal/journal.ts';
import type { Mutation } from '../journal/mutations.ts';
import type { FlowRow, LogbookRow, StepRow } from '../journal/words.ts';
import { type DoubtVerdict, faultOfVerdicts } from '../recovery/doubts.ts';
import { judgeNotification } from '../recovery/judge-notification.ts';
import { TASK_STEP } from '../tasks/custom/task-step.ts';
import { whyLeftAlone } from './came-back.ts';
import type { HostNames } from './host-names.ts';
import { RequestRefused } from './request-refused.ts';
import { returnFacts } from './return-facts.ts';
import type { RunningRecoveries } from './running-recoveries.ts';
import type { Waits } from './waits.ts';

export interface OperatorParts {
  readonly journal: Journal;
  readonly clock: Clock;
  readonly configuration: Configuration;
  readonly log: Log;
  readonly running: RunningRecoveries;
  readonly waits: Waits;
  readonly hostNames: HostNames;
  /** Has the queue looked at anew. */
  readonly wake: () => void;
}

export class Operator {
  readonly #parts: OperatorParts;

  constructor(parts: OperatorParts) {
    this.#parts = parts;
  }

  /**
   * Takes a recovery up again by an operator's word.
   * @param verdicts of tasks that are in doubt, by name: what the operator found out about them
   * @param abandoned an instance whose open evacuation never ends, as the operator found out: another may be requested
   */
  async retry(
    uuid: string,
    proof: 'none' | 'operator',
    verdicts: ReadonlyMap<string, DoubtVerdict> = new Map(),
    abandoned?: string,
  ): Promise<LogbookRow> {
    const { clock, configuration, journal } = this.#parts;
    const logbook = await this.#logbook(uuid);
    const at = clock.now();
    if (logbook.status === 'finished')
      throw new RequestRefused(`recovery ${uuid} is finished; there is nothing to retry`);
    if (logbook.status === 'new' || logbook.status === 'running') {
      throw new RequestRefused(`recovery ${uuid} is ${logbook.status}; it is being worked on`);
    }
    if (logbook.status === 'ignored') {
      const segment = segmentOf(configuration.segments, logbook.host);
      const notification = notificationOf(logbook);
      const back = await returnFacts(this.#parts, notification);
      const { status, reason } = judgeNotification(notification, segment, proof, back);
      if (status !== 'new') throw new RequestRefused(reason ?? 'it is not a failure to recover');
    }
    const lives = proof === 'none' ? await whyLeftAlone(journal, logbook) : null;
    if (lives !== null) throw new RequestRefused(lives);
    const given = abandoned === undefined ? [] : [await this.#abandonment(logbook, abandoned)];
    this.#parts.waits.take(uuid);
    const settled = await this.#settleDoubts(logbook, verdicts);
    const { status: from } = logbook;
    const proved = proof === 'operator' ? { provedAt: at, proof } : {};
    // It counts as no failure, and its time begins again.
    const round = { retried: 1, waitedMs: -logbook.waited_ms, ...proved } as const;
    const change: Mutation =
      from === 'error'
        ? { op: 'logbook', uuid, status: 'error', from, retryAt: at, ...round, at }
        : { op: 'logbook', uuid, status: 'new', from, message: null, ...round, at };
    await journal.write(...settled, ...given, change).catch(async (error: unknown) => {
      // The engine itself, or another operator, was quicker.
      const { status } = await this.#logbook(uuid);
      if (status === from) throw error;
      throw new RequestRefused(`recovery ${uuid} is ${status} by now; it is being worked on, or was closed`);
    });
    this.#parts.wake();
    return this.#logbook(uuid);
  }

  /**
   * Turns a recovery that is at work, by an operator's word. `rollback`: its flow takes back what it did, and nothing more is
   * tried until somebody says `retry`. `restart`: its flow is abandoned and begun anew.
   */
  async turn(uuid: string, way: 'rollback' | 'restart'): Promise<LogbookRow> {
    const { clock, journal, log } = this.#parts;
    // Before anything is interrupted for a word that makes no sense.
    await this.#flowToTurn(uuid, way);
    return this.#parts.running.held(uuid, `an operator's ${way}`, async () => {
      const flow = await this.#flowToTurn(uuid, way);
      const error = `an operator said ${way}`;
      await journal.write(
        way === 'rollback'
          ? { op: 'revert_flow', flowId: flow.id, cause: 'order', error }
          : { op: 'close_flow', flowId: flow.id, state: 'ABANDONED', error, at: clock.now() },
      );
      log('warning', "flow is turned by an operator's word", { uuid, flow: flow.uuid, way });
      return this.#logbook(uuid);
    });
  }

  async #flowToTurn(uuid: string, way: 'rollback' | 'restart'): Promise<FlowRow> {
    const { id, status, closed_at } = await this.#logbook(uuid);
    const open = await this.#parts.journal.query('openFlow', id);
    if (!open) {
      const hint = closed_at === null ? 'it is tried again by itself' : 'there is "retry"';
      throw new RequestRefused(`recovery ${uuid} is ${status} and no flow of it is at work; ${hint}`);
    }
    if (way === 'restart' && open.flow.state === 'REVERTING') {
      throw new RequestRefused(`recovery ${uuid} takes back what it did; it can be retried when that is over`);
    }
    return open.flow;
  }

  /** What an operator says of tasks in doubt, as changes of their steps. Refused unless each has a verdict and no other. */
  async #settleDoubts({ id, uuid }: LogbookRow, verdicts: ReadonlyMap<string, DoubtVerdict>): Promise<Mutation[]> {
    const { clock, journal } = this.#parts;
    const doubts = await journal.query('doubts', id);
    const nameOf = (key: string): string => key.slice(`${TASK_STEP}:`.length);
    const fault = faultOfVerdicts(uuid, new Set(doubts.map(({ key }) => nameOf(key))), verdicts);
    if (fault) throw new RequestRefused(fault);
    return doubts.map(({ id: stepId, key, detail: kept }): Mutation => {
      const state = verdicts.get(nameOf(key)) === 'done' ? 'done' : 'failed';
      const detail = { outputs: {}, ...JSON.parse(kept), said_by: 'operator' };
      return { op: 'step', stepId, state, detail, error: 'an operator said so', at: clock.now() };
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

  /** Changes whether a host is reserved, by an operator's word. */
  async setReserved(host: string, reserved: 0 | 1): Promise<void> {
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
    await journal.write({ op: 'host', name, reserved, by: 'operator', at: clock.now() });
  }

  async #logbook(uuid: string): Promise<LogbookRow> {
    return requiredLogbook(this.#parts.journal, uuid);
  }
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
