/** How long a case waits for what, at most; milliseconds. */

export interface CaseTimes {
  /** For a failure that may mend by itself; on_crash=restart took 10 ms, libvirtd needs up to 2 s to end a guest. */
  readonly mendMs: number;
  /** For an answer of Nova. */
  readonly askMs: number;
  /** Between two questions to Nova when it cannot tell yet, and for all of them. */
  readonly askAgainMs: number;
  readonly uncertainMs: number;
  /** First and longest pause before a report that failed is tried again. */
  readonly retryMs: readonly [first: number, longest: number];
}

export const CASE_TIMES: CaseTimes = {
  mendMs: 3000,
  askMs: 15_000,
  askAgainMs: 5000,
  uncertainMs: 120_000,
  retryMs: [1000, 30_000],
};
