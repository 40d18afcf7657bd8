/**
 * Delays recoveries of instances that crash repeatedly, as `crashBackoff` decides.
 *
 * Invariant: a delayed recovery is parked with its reason in the journal, and its delay runs in CLOCK_BOOTTIME over all engines.
 */

import type { Clock } from '#protocol/clock.ts';
import type { Log } from '#protocol/log.ts';
import type { Parking } from '../intake/parked-reports.ts';
import type { Journal } from '../journal/journal.ts';
import type { AddDecision } from '../journal/mutations.ts';
import type { CrashRow } from '../journal/queries.ts';
import type { LogbookRow } from '../journal/rows.ts';
import { CRASH_LIMITS, type CrashDecision, crashBackoff } from './crash-backoff-decision.ts';
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
    const { journal, log, parking } = this.#parts;
    const { decision, record } = await this.#decide(row);
    if (decision.do === 'start') return false;
    if (decision.do === 'wait') {
      await parking.delay(row.uuid, decision.reason, record);
      return true;
    }
    const { message } = decision;
    await journal.write({ op: 'logbook', uuid: row.uuid, status: 'failed', message, at: record.at }, record);
    log('error', 'an instance crashes again and again', { uuid: row.uuid, reason: message });
    return true;
  }

  /** Rest of the delay of a parked recovery, ms; 0: it is over. `record`: for the transaction that releases it. */
  async waitOf(row: LogbookRow): Promise<{ readonly ms: number; readonly record: AddDecision | null }> {
    if (row.type !== 'VM') return { ms: 0, record: null };
    const { decision, record } = await this.#decide(row);
    return { ms: decision.do === 'wait' ? decision.ms : 0, record };
  }

  async #decide(row: LogbookRow): Promise<{ readonly decision: CrashDecision; readonly record: AddDecision }> {
    const { clock, journal, waits } = this.#parts;
    const crashes = await journal.query('crashesOf', row.target, CRASH_LIMITS.maxCrashes);
    const instance = row.target.slice('instance:'.length);
    const waitedMs = waits.openFor(row);
    const decision = crashBackoff({ instance, recovery: row.uuid, crashes, waitedMs });
    return { decision, record: recordOf(row, decision, { crashes, waitedMs }, clock.now()) };
  }
}

const OUTCOMES = { start: 'pass', wait: 'hold', 'dead letter': 'failed' } as const;

function recordOf(
  { uuid }: LogbookRow,
  decision: CrashDecision,
  { crashes, waitedMs }: { readonly crashes: readonly CrashRow[]; readonly waitedMs: number },
  at: number,
): AddDecision {
  const { firstDelayMs, longestDelayMs, windowMs, maxCrashes } = CRASH_LIMITS;
  return {
    op: 'decision',
    uuid,
    kind: 'crash_back_off',
    outcome: OUTCOMES[decision.do],
    rule: 'crashes',
    reason: decision.do === 'wait' ? decision.reason : decision.do === 'dead letter' ? decision.message : null,
    facts: {
      crashes: crashes.map((crash) => ({ notification_uuid: crash.uuid, accepted_at: crash.accepted_at })),
      waited_ms: Math.floor(waitedMs),
      ...(decision.do === 'wait' ? { wait_ms: Math.ceil(decision.ms) } : {}),
    },
    limits: {
      first_delay_ms: firstDelayMs,
      longest_delay_ms: longestDelayMs,
      window_ms: windowMs,
      max_crashes: maxCrashes,
    },
    at,
  };
}
