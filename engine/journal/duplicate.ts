/**
 * Does a report say what an earlier one said already? Pure.
 *
 * Masakari refuses an equal payload within an interval whatever became of the first one, which loses the second crash of
 * an instance. Here a report is a duplicate only when acting on it could add nothing:
 * - the very same report was delivered again (same generated time);
 * - the first is still being worked on, and the host has not come back from it in between;
 * - it was made before the first one's recovery had finished, so it tells of the same failure;
 * - host and process only: the first finished within the interval and nothing else was heard of that host in between.
 */
import { eventOf, kindOf } from './host-event.ts';
import type { LogbookRow, NotificationType } from './words.ts';

export interface Report {
  readonly type: NotificationType;
  readonly host: string;
  /** Canonical JSON. */
  readonly payload: string;
  readonly generatedAt: number;
}

type Earlier = Pick<LogbookRow, 'uuid' | 'payload' | 'generated_at' | 'closed_at' | 'status' | 'type' | 'host'>;

/** @param earlier reports of the same type and host, newest first. Returns the one that `report` repeats. */
export function findDuplicate<E extends Earlier>(
  report: Report,
  earlier: readonly E[],
  intervalMs: number,
): E | undefined {
  const same = earlier.filter((one) => one.type === report.type && one.host === report.host);
  const redelivered = same.find((one) => one.payload === report.payload && one.generated_at === report.generatedAt);
  if (redelivered) return redelivered;
  for (const one of same) {
    const saysTheSame = one.payload === report.payload && !hasReturnedSince(one, report, same);
    if (saysTheSame && one.closed_at === null) return one;
    if (saysTheSame && one.status === 'finished' && one.closed_at !== null && report.generatedAt <= one.closed_at) {
      return one;
    }
  }
  if (report.type === 'VM') {
    const ignored = same.find((one) => one.payload === report.payload && one.status === 'ignored');
    return ignored && isWithin(report, ignored, intervalMs) ? ignored : undefined;
  }
  const newest = same.find((one) => one.generated_at <= report.generatedAt);
  if (newest?.payload !== report.payload) return undefined;
  if (newest.status !== 'finished' && newest.status !== 'ignored') return undefined;
  return isWithin(report, newest, intervalMs) ? newest : undefined;
}

/** Whether the host came back between the two failures: it died twice. */
function hasReturnedSince(first: Earlier, report: Report, known: readonly Earlier[]): boolean {
  if (report.type !== 'COMPUTE_HOST' || eventOf(report.payload) === 'STARTED') return false;
  return known.some(
    (one) =>
      kindOf(one) === 'HOST_RETURN' && one.generated_at >= first.generated_at && one.generated_at <= report.generatedAt,
  );
}

function isWithin(report: Report, one: Earlier, intervalMs: number): boolean {
  return Math.abs(report.generatedAt - one.generated_at) < intervalMs;
}
