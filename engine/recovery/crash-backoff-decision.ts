/**
 * Decides when the recovery of a crashed instance may start. Pure.
 *
 * Why: an instance that crashes again after each restart would occupy its host, Nova and one permit of the engine for ever. Each further
 * crash within the window doubles the delay, from 5 s up to 320 s. The last allowed crash becomes a dead letter that an operator reads.
 * Crashes that are older than the window do not count, so that the delay decays by itself. A `retry` by an operator starts at once, and
 * crashes before it do not count either.
 */
import { backoff } from '#protocol/backoff.ts';
import type { CrashRow } from '../journal/queries.ts';

export interface CrashLimits {
  readonly firstDelayMs: number;
  readonly longestDelayMs: number;
  /** Crashes accepted within this time count. */
  readonly windowMs: number;
  /** The crash with this number is not recovered any more. */
  readonly maxCrashes: number;
}

/** Ten crashes with all the delays between them take 22 min, so that they fit the window. */
export const CRASH_LIMITS: CrashLimits = {
  firstDelayMs: 5_000,
  longestDelayMs: 320_000,
  windowMs: 3_600_000,
  maxCrashes: 10,
};

export interface CrashFacts {
  /** UUID of the instance. */
  readonly instance: string;
  /** UUID of the recovery that is about to start. */
  readonly recovery: string;
  /** Recoveries of crashes of this instance, newest acceptance first: at least `maxCrashes` if there are so many. */
  readonly crashes: readonly CrashRow[];
  /** How long engines had this recovery open, CLOCK_BOOTTIME ms. */
  readonly waitedMs: number;
}

export type CrashDecision =
  | { readonly do: 'start' }
  /** `ms`: the rest of the delay. */
  | { readonly do: 'wait'; readonly ms: number; readonly reason: string }
  | { readonly do: 'dead letter'; readonly message: string };

const START: CrashDecision = { do: 'start' };

export function crashBackoff(facts: CrashFacts, limits: CrashLimits = CRASH_LIMITS): CrashDecision {
  const { instance, recovery, crashes, waitedMs } = facts;
  const at = crashes.findIndex(({ uuid }) => uuid === recovery);
  const own = crashes[at];
  if (!own || own.retried > 0) return START;
  const counted = [own, ...recent(own, crashes.slice(at + 1), limits.windowMs)];
  const count = counted.length;
  if (count === 1) return START;
  const oldest = Math.min(...counted.map(({ accepted_at }) => accepted_at));
  const within = duration(Math.max(0, own.accepted_at - oldest));
  const crashed = `Instance '${instance}' crashed ${count} times within ${within}`;
  if (count >= limits.maxCrashes) {
    const way = `find out why, e.g. from its console log, then run "recovery-agent retry ${recovery}"`;
    return { do: 'dead letter', message: `${crashed}: it is not restarted any more; ${way}.` };
  }
  const delayMs = backoff(count - 2, { firstMs: limits.firstDelayMs, maxMs: limits.longestDelayMs });
  if (waitedMs >= delayMs) return START;
  return {
    do: 'wait',
    ms: delayMs - waitedMs,
    reason: `${crashed}: restart delayed by ${duration(delayMs)}`,
  };
}

/** Crashes since the last one that an operator retried. If the clock was set meanwhile by more than the window, they are too old. */
function recent(own: CrashRow, earlier: readonly CrashRow[], windowMs: number): readonly CrashRow[] {
  const retried = earlier.findIndex((one) => one.retried > 0);
  return earlier
    .slice(0, retried < 0 ? undefined : retried)
    .filter((one) => Math.abs(own.accepted_at - one.accepted_at) <= windowMs);
}

function duration(ms: number): string {
  return ms < 600_000 ? `${Math.ceil(ms / 1_000)} s` : `${Math.ceil(ms / 60_000)} min`;
}
