/** The pause before a call is repeated. Pure. */
import { backoff } from '#protocol/backoff.ts';

/** Maximum pause, ms. */
export const LONGEST_PAUSE_MS = 30_000;

/**
 * Doubles with each repetition.
 * @param before repetitions before this one
 * @param firstMs pause before the first one
 */
export function growingPause(before: number, firstMs: number): number {
  return backoff(before, { firstMs, maxMs: Math.max(LONGEST_PAUSE_MS, firstMs) });
}
