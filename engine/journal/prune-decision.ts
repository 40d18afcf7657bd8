/**
 * Which closed recoveries are old enough to be removed, and how many there are too many. Pure.
 *
 * Invariant: no jump of a wall clock removes anything. A recovery that was closed by a change is as old as the time in which
 * engines held the lease since (`lease.served_ms`, CLOCK_BOOTTIME). Only a report that was closed as it was accepted has no such
 * stamp; its age is counted up to a time that runs at most one day ahead of what the journal proves: the last renewal before
 * this engine took the lease, and the CLOCK_BOOTTIME since.
 */

const DAY_MS = 86_400_000;

/** So many of the newest reports stay, whatever the limits and the clocks are. */
export const ALWAYS_KEPT = 1_000;

/** A step whose outcome is unknown may still lie in a queue of the cloud for so long. */
const UNSETTLED_KEPT_MS = 30 * DAY_MS;

export interface RetentionLimits {
  /** How long a closed recovery is kept, ms; 0: for ever. */
  readonly retentionMs: number;
  /** How many closed recoveries are kept at most; 0: no bound. */
  readonly maxClosed: number;
}

export interface RetentionFacts {
  /** Wall clock, ms UTC. */
  readonly now: number;
  /** The last renewal of the lease before this engine took it, ms UTC by the clock of that engine. */
  readonly heldAt: number;
  /** CLOCK_BOOTTIME ms since this engine took the lease. */
  readonly heldForMs: number;
  /** `lease.served_ms`. */
  readonly servedMs: number;
  /** How many recoveries are closed. */
  readonly closed: number;
}

export interface PruneDecision {
  /** Without a stamp: what was closed at this time or before it, ms UTC, is old; null: nothing is. */
  readonly closedBefore: number | null;
  /** With a stamp: what was closed at this `served_ms` or before it is old; null: nothing is. */
  readonly servedBefore: number | null;
  /** How many may go although they are not old, the oldest first. */
  readonly surplus: number;
  /** A step of unknown outcome that was intended after this time, ms UTC, keeps its recovery. */
  readonly unsettledSince: number;
}

export function pruneDecision(limits: RetentionLimits, facts: RetentionFacts): PruneDecision {
  const believedNow = Math.min(facts.now, facts.heldAt + DAY_MS + facts.heldForMs);
  const isForEver = limits.retentionMs <= 0;
  return {
    closedBefore: isForEver ? null : believedNow - limits.retentionMs,
    servedBefore: isForEver ? null : facts.servedMs - limits.retentionMs,
    surplus: limits.maxClosed <= 0 ? 0 : Math.max(0, facts.closed - limits.maxClosed),
    unsettledSince: believedNow - UNSETTLED_KEPT_MS,
  };
}

export interface ClosedRecovery {
  readonly closed_at: number | null;
  readonly closed_served_ms: number | null;
}

/** Whether the age of a recovery lets it go; an open one never is old. */
export function isOld(recovery: ClosedRecovery, decision: PruneDecision): boolean {
  if (recovery.closed_at === null) return false;
  const [at, before] =
    recovery.closed_served_ms === null
      ? [recovery.closed_at, decision.closedBefore]
      : [recovery.closed_served_ms, decision.servedBefore];
  return before !== null && at <= before;
}
