/** The longest waits of a case; milliseconds. */

export interface CaseTimes {
  /** For a failure that may end by itself; on_crash=restart took 10 ms, libvirtd needs up to 2 s to end a guest. */
  readonly recoverMs: number;
  /** Timeout of a query to Nova. */
  readonly queryMs: number;
  /** Between two queries while Nova's state does not decide it, and for all of them. */
  readonly queryAgainMs: number;
  readonly uncertainMs: number;
  /** First and longest pause before a failed report is retried. */
  readonly retryMs: readonly [first: number, longest: number];
}

export const CASE_TIMES: CaseTimes = {
  recoverMs: 3000,
  queryMs: 15_000,
  queryAgainMs: 5000,
  uncertainMs: 120_000,
  retryMs: [1000, 30_000],
};
