/** The longest waits of a case; milliseconds. */

export interface CaseTimes {
  /** For a failure that may end by itself; on_crash=restart took 10 ms, libvirtd needs up to 2 s to end a guest. */
  readonly mendMs: number;
  /** Timeout of a query to Nova. */
  readonly askMs: number;
  /** Between two queries while Nova's state does not decide it, and for all of them. */
  readonly askAgainMs: number;
  readonly uncertainMs: number;
  /** First and longest pause before a failed report is retried. */
  readonly retryMs: readonly [first: number, longest: number];
}

export const CASE_TIMES: CaseTimes = {
  mendMs: 3000,
  askMs: 15_000,
  askAgainMs: 5000,
  uncertainMs: 120_000,
  retryMs: [1000, 30_000],
};
