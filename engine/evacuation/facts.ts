/** The facts for a decision about the move of one instance, and the possible decisions. */
import type { Evacuation, Instance, MigrationRecord } from '../cloud/cloud.ts';
import type { StepState } from '../journal/rows.ts';
import type { DestinationState } from './evacuation-record.ts';
import type { Wanted } from './original-state-decision.ts';

export type MoveStepKind = 'reset' | 'evacuate' | 'stop' | 'start' | 'error';

export interface MoveLimits {
  readonly evacuationMs: number;
  readonly powerOffMs: number;
  /** Timeout of powering off if there is no other. */
  readonly powerOnMs?: number;
  /** An evacuation that is not visible for this time and in three polls did not reach Nova. */
  readonly queueWaitMs: number;
  /** Maximum number of calls of one step in this run. */
  readonly attempts: number;
}

export interface MoveFacts {
  readonly source: string;
  readonly wanted: Wanted;
  /** The first step of the instance that is not finished. `isFinal`: it failed and another attempt would fail too. */
  readonly step: {
    readonly kind: MoveStepKind;
    readonly state: StepState;
    readonly error: string | null;
    readonly isFinal?: boolean;
  };
  /** The latest state in the cloud; `gone`: 404 or deleted. */
  readonly instance: Instance | 'gone' | 'no answer';
  /** Evacuations of it that started after the intent, newest first; `not read`: not read this time. */
  readonly evacuations: readonly Evacuation[] | 'not read';
  /** Its migration of another kind that is not over. */
  readonly migration?: MigrationRecord | null | 'not read';
  /** Of the newest evacuation, if that is late. */
  readonly destination?: DestinationState;
  /** An operator declared that the evacuation which set its task state never ends. */
  readonly isAbandoned?: boolean;
  /** A request of an earlier flow may still be in Nova's queue. */
  readonly mayBeRequested?: boolean;
  /** False: no evacuation caused it to run there, so its owner may have started it. */
  readonly isStopOwed?: boolean;
  /** Since the step was called or first seen by this engine, without times in which the cloud did not respond. */
  readonly elapsedMs: number;
  /** Consecutive polls, evacuations included, without a trace of a call that may have been lost. */
  readonly readsWithoutTrace: number;
  readonly withoutTraceMs: number;
  /** Consecutive polls in state error without Nova's reason. */
  readonly readsWithoutReason?: number;
  /** Calls of the step so far. */
  readonly attempts: number;
  /** This very instance was read in this poll, not only a listing of changes. */
  readonly isExact: boolean;
}

export type MoveDecision =
  | { readonly do: 'wait' }
  /** The decision needs the evacuations, the migrations, or the instance itself. */
  | { readonly do: 'read details' }
  | { readonly do: 'call' }
  /** The step failed for good in this run. */
  | { readonly do: 'fail' }
  /** There is no trace of a call that may have been lost: count the poll. */
  | { readonly do: 'note silence' }
  | { readonly do: 'settle'; readonly state: StepState; readonly reason: string | null }
  /** The outcome is unknown and waiting is over: nothing more is done about it in this run. `record`: the evacuation that did not end. */
  | { readonly do: 'leave open'; readonly reason: string; readonly record?: Evacuation };

export const settle = (state: StepState, reason: string | null = null): MoveDecision => ({
  do: 'settle',
  state,
  reason,
});
export const leaveOpen = (reason: string): MoveDecision => ({ do: 'leave open', reason });
export const WAIT: MoveDecision = { do: 'wait' };
export const CALL: MoveDecision = { do: 'call' };
export const GIVE_UP: MoveDecision = { do: 'fail' };
export const CLOSER: MoveDecision = { do: 'read details' };
export const NOTE_NO_TRACE: MoveDecision = { do: 'note silence' };

/** Polls without a trace before a lost call is repeated: the first and two more. */
export const READS_WITHOUT_TRACE = 3;
/** Nova writes the state error first, then the reason: a further poll shows both. */
export const READS_WITHOUT_REASON = 3;
export const DELETED = 'the instance was deleted';

/** For calls that state the desired state, and so may be repeated. */
export function callUnlessSpent({ step, attempts }: MoveFacts, limits: MoveLimits): MoveDecision {
  if (step.state === 'planned' || attempts < limits.attempts) return CALL;
  return settle('failed', step.error ?? 'its outcome is not known');
}

/** Nova's own reason; for a healthy instance it would concern something else. */
export function wordsOf({ vmState, fault }: Instance): string {
  return vmState === 'error' && fault !== undefined ? `: ${fault}` : '';
}
