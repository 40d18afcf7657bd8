/**
 * Decides which closed recoveries are old enough to be removed, and how many exceed the limit. Pure.
 *
 * Invariant: no jump of a wall clock removes anything. The age of a recovery that a change closed is the time in which engines held the
 * lease since (`lease.served_ms`, CLOCK_BOOTTIME). Only a report that was closed at its acceptance has no such stamp. Its age counts up to
 * a time that is at most one day ahead of the journal's evidence: the last renewal before this engine took the lease, and the
 * CLOCK_BOOTTIME since.
 */

const DAY_MS = 86_400_000;

/** This number of the newest reports is kept with any limits and clocks. */
export const ALWAYS_KEPT = 1_000;

/** A step whose outcome is unknown may still be in a queue of the cloud for this time. */
const UNSETTLED_KEPT_MS = 30 * DAY_MS;

export interface RetentionLimits {
  /** How long a closed recovery is kept, ms; 0: for ever. */
  readonly retentionMs: number;
  /** Maximum number of closed recoveries; 0: no limit. */
  readonly maxClosed: number;
  /** How long an entry of the audit is kept, ms; 0 or without it: for ever. */
  readonly auditMs?: number;
  /** Maximum number of entries of each kind; 0 or without it: no limit. */
  readonly auditCount?: number;
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
  /** Without a stamp: a recovery closed at this time or before it, ms UTC, is old; null: none is. */
  readonly closedBefore: number | null;
  /** With a stamp: a recovery closed at this `served_ms` or before it is old; null: none is. */
  readonly servedBefore: number | null;
  /** Number of recoveries that may be removed although they are not old, the oldest first. */
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

/** The entries of the audit that are old, and the number of a kind that is kept. */
export interface AuditPruneDecision {
  /** An entry written at this `served_ms` or before it is old; null: none is. */
  readonly servedBefore: number | null;
  /** null: any number. */
  readonly count: number | null;
}

export function auditPruneDecision(
  { auditMs = 0, auditCount = 0 }: RetentionLimits,
  servedMs: number,
): AuditPruneDecision {
  return { servedBefore: auditMs <= 0 ? null : servedMs - auditMs, count: auditCount <= 0 ? null : auditCount };
}

export interface ClosedRecovery {
  readonly closed_at: number | null;
  readonly closed_served_ms: number | null;
}

/** Whether the age of a recovery allows its removal; an open one is never old. */
export function isOld(recovery: ClosedRecovery, decision: PruneDecision): boolean {
  if (recovery.closed_at === null) return false;
  const [at, before] =
    recovery.closed_served_ms === null
      ? [recovery.closed_at, decision.closedBefore]
      : [recovery.closed_served_ms, decision.servedBefore];
  return before !== null && at <= before;
}
