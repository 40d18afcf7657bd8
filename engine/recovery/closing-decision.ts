/** What becomes of a notification when a round of its recovery has ended. Pure. */
import { type FlowOutcome, waitsForOperator } from '../flow/outcome.ts';
import type { LogbookStatus } from '../journal/words.ts';

export interface Closing {
  readonly status: LogbookStatus;
  readonly message: string | null;
  /** When the engine takes it up again, ms UTC. */
  readonly retryAt: number | null;
}

/** Rounds that may fail for the work's sake: the first one and one retry, as in Masakari. */
const FAILED_ROUNDS = 2;

export function closeRound(
  outcome: FlowOutcome,
  facts: {
    /** Rounds that failed before this one, those aside that an outage of the cloud ended. */
    readonly failures: number;
    readonly now: number;
    readonly retryIntervalMs: number;
  },
): Closing {
  switch (outcome.end) {
    case 'success':
    case 'skipped':
      return { status: 'finished', message: outcome.message, retryAt: null };
    case 'ignored':
      return { status: 'ignored', message: outcome.message, retryAt: null };
    case 'failure':
      // While the cloud is away nothing is decided: such a recovery is tried until it expires.
      return waitsForOperator(outcome.cause) || (outcome.cause === 'work' && facts.failures + 1 >= FAILED_ROUNDS)
        ? { status: 'failed', message: outcome.message, retryAt: null }
        : { status: 'error', message: outcome.message, retryAt: facts.now + facts.retryIntervalMs };
  }
}
