/** The pause before a call is repeated. Pure. */

/** Upper bound of the pause, ms. */
export const LONGEST_PAUSE_MS = 30_000;

/**
 * Doubles with each repetition.
 * @param before repetitions before this one
 * @param firstMs pause before the first one
 */
export function growingPause(before: number, firstMs: number): number {
  return Math.min(Math.max(LONGEST_PAUSE_MS, firstMs), firstMs * 2 ** Math.min(before, 20));
}
