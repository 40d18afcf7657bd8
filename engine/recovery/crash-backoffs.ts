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

  /** Rest of the delay of a parked recovery, ms; 0: it is over. */
  async waitOf(row: LogbookRow): Promise<number> {
    if (row.type !== 'VM') return 0;
    const decision = await this.#decide(row);
    return decision.do === 'wait' ? decision.ms : 0;
  }

  async #decide(row: LogbookRow) {
    const { journal, waits } = this.#parts;
    const crashes = await journal.query('crashesOf', row.target, CRASH_LIMITS.maxCrashes);
    const instance = row.target.slice('instance:'.length);
    return crashBackoff({ instance, recovery: row.uuid, crashes, waitedMs: waits.openFor(row) });
  }
}
