/** Decides the state of a notification after a round of its recovery. Pure. */
import { type FlowOutcome, waitsForOperator } from '../flow/outcome.ts';
import type { AddDecision } from '../journal/mutations.ts';
import type { LogbookStatus } from '../journal/rows.ts';

export interface Closing {
  readonly status: LogbookStatus;
  readonly message: string | null;
  /** Time of the next round, ms UTC. */
  readonly retryAt: number | null;
}

/** Rounds that may fail because of the work: the first one and one retry, as in Masakari. */
export const FAILED_ROUNDS = 2;

export function closeRound(
  outcome: FlowOutcome,
  facts: {
    /** Rounds that failed before this one, without those that an outage of the cloud ended. */
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
      // During an outage of the cloud nothing is decided: such a recovery is retried until it expires.
      return waitsForOperator(outcome.cause) || (outcome.cause === 'work' && facts.failures + 1 >= FAILED_ROUNDS)
        ? { status: 'failed', message: outcome.message, retryAt: null }
        : { status: 'error', message: outcome.message, retryAt: facts.now + facts.retryIntervalMs };
  }
}

/** The end of a round for the journal, in the transaction of the state that it leads to. */
export function endDecision(end: Omit<AddDecision, 'op' | 'kind'> & { readonly outcome: LogbookStatus }): AddDecision {
  return { op: 'decision', kind: 'end', ...end };
}
