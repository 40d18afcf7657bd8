/**
 * Decides how to continue a flow that an engine left open. Pure.
 *
 * Invariants: a flow in which engines end again and again becomes a dead letter with any policy; a flow that rolls back only rolls back.
 */
import type { CrashPolicy } from '#config/pipelines/pipelines.ts';
import { isDeadLetter } from './dead-letter-decision.ts';

export interface CrashFacts {
  readonly state: 'RUNNING' | 'REVERTING';
  readonly policy: CrashPolicy;
  /** The previous engine stopped in good order: only its stop interrupted the flow. */
  readonly isLeftInOrder: boolean;
  /** Engines that ended during this flow and during those that were abandoned for it, the last one included. */
  readonly ends: number;
  readonly maxResumes: number;
}

export type Continuation = 'resume' | 'restart' | 'rollback' | 'dead letter';

export function decideContinuation({ state, policy, isLeftInOrder, ends, maxResumes }: CrashFacts): Continuation {
  if (isDeadLetter(ends, maxResumes)) return 'dead letter';
  return state === 'REVERTING' || isLeftInOrder ? 'resume' : policy;
}
