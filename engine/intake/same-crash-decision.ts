/**
 * Whether a report is about the crash for which a recovery already restarts the instance. Pure.
 *
 * One crash arrives as several events (an I/O error, then the end of QEMU; two monitors of one host), and any of them may be delivered
 * late. A report that was accepted before the recovery requested the restart is about the same crash: the restart comes after it. For one
 * that is accepted later, durations that the sender measured may show that it happened before the restart. Otherwise it is another crash.
 */
import type { LogbookRow } from '../journal/rows.ts';

export interface Restart {
  /** When the recovery first requested it, ms UTC of the engine. */
  readonly at: number;
}

/** Events of one crash follow each other within seconds. A larger difference of two stamps may be due to a clock that was set. */
export const SAME_CRASH_MS = 10_000;
/** A monitor's measure of the delay is rounded to seconds. */
const AGE_ROUNDING_MS = 500;

export function isSameCrash(
  report: { readonly generatedAt: number; readonly at: number; readonly ageMs?: number },
  first: Pick<LogbookRow, 'accepted_at' | 'generated_at'>,
  restart: Restart,
): boolean {
  // Accepted after the restart and yet before it by the clock: the engine's clock was set back, so nothing is compared.
  if (report.at < restart.at) return false;
  if (report.ageMs !== undefined) {
    const before = restart.at - (report.at - report.ageMs);
    if (Math.abs(before) > AGE_ROUNDING_MS) return before > 0;
  }
  const apart = report.generatedAt - first.generated_at;
  // The first crash happened before its acceptance, the second so much later by the same clock: an upper bound.
  return Math.abs(apart) <= SAME_CRASH_MS && first.accepted_at + apart < restart.at;
}
