/** The wait before something that failed is attempted again. Pure. */

export interface Backoff {
  /** The first wait. */
  readonly firstMs: number;
  /** Upper bound of a wait. */
  readonly maxMs: number;
  /** Each wait is longer than the one before by this factor; 2 by default. */
  readonly factor?: number;
}

/** @param before waits before this one */
export function backoff(before: number, { firstMs, maxMs, factor = 2 }: Backoff): number {
  // The power may be infinite, and 0 times that is not a number.
  return firstMs === 0 ? 0 : Math.min(maxMs, firstMs * factor ** before);
}
