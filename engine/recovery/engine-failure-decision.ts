/**
 * What becomes of a flow that an engine left open. Pure.
 *
 * Invariants: engines that die in a flow again and again end in a dead letter, whatever the policy says; a flow that goes back
 * only goes back.
 */
import type { CrashPolicy } from '#config/pipelines.ts';

export interface CrashFacts {
  readonly state: 'RUNNING' | 'REVERTING';
  readonly policy: CrashPolicy;
  /** The engine before stopped in good order: nothing was cut off but by its own hand. */
  readonly isLeftInOrder: boolean;
  /** Engines that died or stopped in this flow and in those that were abandoned for it, the last one included. */
  readonly ends: number;
  readonly maxResumes: number;
}

export type Continuation = 'resume' | 'restart' | 'rollback' | 'give up';

export function decideContinuation({ state, policy, isLeftInOrder, ends, maxResumes }: CrashFacts): Continuation {
  if (ends > maxResumes) return 'give up';
  return state === 'REVERTING' || isLeftInOrder ? 'resume' : policy;
}
