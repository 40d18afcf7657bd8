/**
 * Delays recoveries of instances that crash repeatedly, as `crashBackoff` decides.
 *
 * Invariant: a delayed recovery is parked with its reason in the journal, and its delay runs in CLOCK_BOOTTIME over all engines.
 */

import type { Clock } from '#protocol/clock.ts';
import type { Log } from '#protocol/log.ts';
import type { Parking } from '../intake/parked-reports.ts';
import type { Journal } from '../journal/journal.ts';
import type { LogbookRow } from '../journal/rows.ts';
import { CRASH_LIMITS, crashBackoff } from './crash-backoff-decision.ts';
import type { Waits } from './waits.ts';

export interface CrashBackoffParts {
  readonly journal: Journal;
  readonly clock: Clock;
  readonly log: Log;
  readonly parking: Parking;
  readonly waits: Waits;
}

export class CrashBackoffs {
  readonly #parts: CrashBackoffParts;

  constructor(parts: CrashBackoffParts) {
    this.#parts = parts;
  }

  /** Whether a recovery that could start now is delayed or becomes a dead letter instead. */
  async holds(row: LogbookRow): Promise<boolean> {
    if (row.type !== 'VM' || row.status !== 'new') return false;
    const { clock, journal, log, parking } = this.#parts;
    const decision = await this.#decide(row);
    if (decision.do === 'start') return false;
    if (decision.do === 'wait') {
      await parking.delay(row.uuid, decision.reason);
      return true;
    }
    const { message } = decision;
    await journal.write({ op: 'logbook', uuid: row.uuid, status: 'failed', message, at: clock.now() });
    log('error', 'an instance crashes again and again', { uuid: row.uuid, reason: message });
    return true;
  }

  /** Releases those whose delay is over. Returns when the queue must be planned again, CLOCK_BOOTTIME ms; null: none waits. */
  async release(open: readonly LogbookRow[]): Promise<number | null> {
    const { clock, parking } = this.#parts;
    let next: number | null = null;
    for (const row of open) {
      if (row.parked_reason === null || row.parked_by !== null) continue;
      const decision = await this.#decide(row);
      if (decision.do !== 'wait') await parking.release(row.uuid);
      const waitMs = decision.do === 'wait' ? decision.ms : 0;
      next = Math.min(next ?? Number.POSITIVE_INFINITY, clock.boottime() + waitMs);
    }
    return next;
  }

  async #decide(row: LogbookRow) {
    const { journal, waits } = this.#parts;
    const crashes = await journal.query('crashesOf', row.target, CRASH_LIMITS.maxCrashes);
    const instance = row.target.slice('instance:'.length);
    return crashBackoff({ instance, recovery: row.uuid, crashes, waitedMs: waits.openFor(row) });
  }
}
