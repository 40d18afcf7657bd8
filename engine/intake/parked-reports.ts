/**
 * Recoveries that wait behind the recovery of their host, or for their back-off.
 *
 * Invariants: a parked recovery stays open with its reason and the decision in the journal, and is started when the reason has ended; parking one recovery
 * delays no other.
 */

import type { Clock } from '#protocol/clock.ts';
import type { Log } from '#protocol/log.ts';
import type { Journal } from '../journal/journal.ts';
import type { AddDecision, DecisionFacts, FlowSnapshot, Mutation } from '../journal/mutations.ts';
import type { LogbookRow } from '../journal/rows.ts';
import type { Waits } from '../recovery/waits.ts';
import type { RunningRecoveries } from '../service/running-recoveries.ts';

export interface ParkingParts {
  readonly journal: Journal;
  readonly clock: Clock;
  readonly log: Log;
  readonly running: RunningRecoveries;
  readonly waits: Waits;
}

export class Parking {
  readonly #parts: ParkingParts;
  /** Being interrupted, by uuid. */
  readonly #leaving = new Map<string, Promise<void>>();

  constructor(parts: ParkingParts) {
    this.#parts = parts;
  }

  /** Interrupts a recovery if it runs, and parks it until the end of the recovery `by` of its host. */
  park(uuid: string, by: string): void {
    this.#leave(uuid, `parked: the recovery ${by} of its host comes first`, async (logbook, flow) => {
      const { clock, journal, log, waits } = this.#parts;
      const at = clock.now();
      const reason = `Waits for recovery ${by} of its host '${logbook.host}'.`;
      await journal.write(
        ...abandoned(flow, reason, at),
        { op: 'logbook', uuid, status: 'new', parked: { reason, by }, waitedMs: waits.take(uuid), at },
        queueDecision({ uuid, outcome: 'hold', rule: HOST_FIRST, reason, facts: { by }, at }),
      );
      log('info', 'recovery parked', { uuid, by });
    });
  }

  /** Closes a recovery that waits for its retry: the recovery `by` of the same instance is newer. */
  supersede(uuid: string, by: string): void {
    this.#leave(uuid, `superseded by recovery ${by}`, async () => {
      const { clock, journal, log } = this.#parts;
      const at = clock.now();
      const message = `Superseded by recovery ${by} of the same instance.`;
      await journal.write(
        { op: 'logbook', uuid, status: 'ignored', message, at },
        queueDecision({ uuid, outcome: 'ignored', rule: 'newer-crash', reason: message, facts: { by }, at }),
      );
      log('info', 'recovery superseded', { uuid, by });
    });
  }

  /** The recovery that it waited for has ended. */
  async releaseFromQueue(uuid: string): Promise<void> {
    const at = this.#parts.clock.now();
    const passed = { outcome: 'pass', rule: HOST_FIRST, reason: null, facts: {} } as const;
    await this.release(uuid, queueDecision({ uuid, ...passed, at }));
  }

  /** What held it holds it no more, by this decision. */
  async release(uuid: string, decision: AddDecision): Promise<void> {
    const { journal, log, waits } = this.#parts;
    const { at } = decision;
    await journal.write({ op: 'logbook', uuid, status: 'new', parked: null, waitedMs: waits.take(uuid), at }, decision);
    log('info', 'recovery is no longer parked', { uuid });
  }

  /** Parks a recovery that does not run, for the reason of this decision. */
  async delay(uuid: string, reason: string, decision: AddDecision): Promise<void> {
    const { journal, log, waits } = this.#parts;
    const { at } = decision;
    const parked = { reason, by: null };
    await journal.write({ op: 'logbook', uuid, status: 'new', parked, waitedMs: waits.take(uuid), at }, decision);
    log('info', 'recovery parked', { uuid, reason });
  }

  /** Resolves when nothing is being interrupted any more. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.#leaving.values());
  }

  #leave(
    uuid: string,
    reason: string,
    change: (logbook: LogbookRow, flow: FlowSnapshot | null) => Promise<void>,
  ): void {
    if (this.#leaving.has(uuid)) return;
    const { journal, log, running } = this.#parts;
    const leaving = running
      .held(uuid, reason, async () => {
        const logbook = await journal.query('logbook', uuid);
        if (!logbook || logbook.closed_at !== null) return;
        await change(logbook, await journal.query('openFlow', logbook.id));
      })
      // A journal that fails ends the engine by itself.
      .catch((error: unknown) => log('warning', 'recovery could not be parked', { uuid, reason: String(error) }))
      .finally(() => this.#leaving.delete(uuid));
    this.#leaving.set(uuid, leaving);
  }
}

/** While the failure of a host is recovered, nothing else is done about that host. */
const HOST_FIRST = 'host-first';

function queueDecision(decision: {
  readonly uuid: string;
  readonly outcome: 'hold' | 'pass' | 'ignored';
  readonly rule: string;
  readonly reason: string | null;
  readonly facts: DecisionFacts;
  readonly at: number;
}): AddDecision {
  return { op: 'decision', kind: 'queue', ...decision };
}

/** The flow is closed in favour of one that starts it again from the beginning. */
function abandoned(flow: FlowSnapshot | null, error: string, at: number): Mutation[] {
  return flow ? [{ op: 'close_flow', flowId: flow.flow.id, state: 'ABANDONED', error, at }] : [];
}
