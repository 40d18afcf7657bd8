/**
 * Whether a report repeats an earlier one. Pure.
 *
 * The decision is valid for the moment of the acceptance: a duplicate adds nothing to the work of its predecessor, open or just done.
 * Invariant: only the order of acceptances decides, and durations by one clock; stamps of two machines are never compared. If the order is
 * in doubt, the report is a recovery of its own, which the queue starts after the first one: it may find nothing to do, but nothing is
 * lost.
 *
 * - The very same report (payload and stamp) was delivered again: a duplicate, however late.
 * - The first recovery is open, and nothing contradicted it since (a return, for a host): a duplicate. An open recovery that
 *   already requested the instance's restart covers only the crash it was for (`same-crash-decision.ts`).
 * - Hosts and processes: the first finished and the report was accepted within the interval after the first one, or was in transit
 *   since before that end: a duplicate, unless it carries an operator's proof.
 * - The first was closed at its acceptance, and the report would be closed in the same state within the interval: a duplicate.
 * - Any other report is new, above all after a recovery that failed or that found the object healthy (`ignored`).
 */
import { isContradiction, isSameFailure } from '../journal/host-event.ts';
import type { AcceptedAs, LogbookRow, NotificationType, Proof } from '../journal/rows.ts';
import { isSameCrash, type Restart } from './same-crash-decision.ts';

export interface Report {
  readonly type: NotificationType;
  readonly host: string;
  /** Canonical JSON. */
  readonly payload: string;
  readonly generatedAt: number;
  /** The state at its acceptance. */
  readonly status: AcceptedAs;
  readonly proof?: Proof;
  readonly ageMs?: number;
  /** Of the acceptance, ms UTC. */
  readonly at: number;
}

export type Earlier = Pick<
  LogbookRow,
  | 'uuid'
  | 'type'
  | 'host'
  | 'payload'
  | 'generated_at'
  | 'accepted_at'
  | 'accepted_as'
  | 'closed_at'
  | 'status'
  | 'retried'
> & {
  /** Of an instance: when its recovery requested the restart; null: not yet, or another attempt will request one. */
  readonly restart?: Restart | null;
};

/** @param earlier reports about the same target, newest acceptance first. Returns the one that `report` repeats. */
export function findDuplicate<E extends Earlier>(
  report: Report,
  earlier: readonly E[],
  intervalMs: number,
): E | undefined {
  const same = earlier.filter((one) => one.type === report.type && one.host === report.host);
  const redelivered = same.find((one) => one.payload === report.payload && one.generated_at === report.generatedAt);
  if (redelivered) return redelivered;
  const contradiction = same.findIndex((one) => isContradiction(report, one));
  const alike = same.slice(0, contradiction < 0 ? undefined : contradiction).filter((one) => repeats(report, one));
  const open = alike.find((one) => one.closed_at === null && isCovered(report, one));
  if (open) return open;
  // Of the closed ones only the newest shows the final state.
  return alike.slice(0, 1).find((one) => one.closed_at !== null && isSettled(report, one, intervalMs));
}

/** Two failures of one object may be reported with different texts; other reports are equal byte for byte. */
function repeats(report: Report, one: Earlier): boolean {
  if (one.payload === report.payload) return true;
  return report.status === 'new' && one.accepted_as === 'new' && isSameFailure(report, one);
}

function isCovered(report: Report, one: Earlier): boolean {
  return report.type !== 'VM' || !one.restart || isSameCrash(report, one, one.restart);
}

function isSettled(report: Report, one: Earlier, intervalMs: number): boolean {
  if (one.accepted_as !== report.status || report.proof === 'operator') return false;
  const isOfAcceptance = one.accepted_as !== 'new' && one.status === one.accepted_as && one.retried === 0;
  if (isOfAcceptance) return isWithin(report, one, intervalMs);
  if (one.status !== 'finished') return false;
  if (report.type === 'VM') return one.restart ? isSameCrash(report, one, one.restart) : false;
  return isWithin(report, one, intervalMs) || wasOnItsWay(report, one);
}

/** Both by the engine's clock. If it was set back meanwhile, the time is negative: then nothing is known of it. */
function isWithin(report: Report, one: Earlier, intervalMs: number): boolean {
  const elapsed = report.at - one.accepted_at;
  return elapsed >= 0 && elapsed < intervalMs;
}

/** Whether the report was sent before the recovery of the first one ended, by the sender's own measure of the delay. */
function wasOnItsWay({ at, ageMs }: Report, { closed_at }: Earlier): boolean {
  return ageMs !== undefined && closed_at !== null && at >= closed_at && at - ageMs < closed_at;
}
