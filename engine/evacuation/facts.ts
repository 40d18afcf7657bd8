/** What a decision about the move of one instance is made from, and what it can be. */
import type { Evacuation, Instance, MigrationRecord } from '../cloud/cloud.ts';
import type { StepState } from '../journal/words.ts';
import type { DestinationState } from './evacuation-record.ts';
import type { Wanted } from './original-state.ts';

export type MoveStepKind = 'reset' | 'evacuate' | 'stop' | 'start' | 'error';

export interface MoveLimits {
  readonly evacuationMs: number;
  readonly powerOffMs: number;
  /** Without it that of powering off. */
  readonly powerOnMs?: number;
  /** An evacuation unseen for so long, and in three looks, did not reach Nova. */
  readonly queueWaitMs: number;
  /** Calls of one step that may be made in this run. */
  readonly attempts: number;
}

export interface MoveFacts {
  readonly source: string;
  readonly wanted: Wanted;
  /** The first step of the instance that is not finished. `isFinal`: it failed in a way that another attempt does not cure. */
  readonly step: {
    readonly kind: MoveStepKind;
    readonly state: StepState;
    readonly error: string | null;
    readonly isFinal?: boolean;
  };
  /** As the cloud showed it last; `gone`: 404 or deleted. */
  readonly instance: Instance | 'gone' | 'no answer';
  /** Evacuations of it that began after the intent, newest first; `not asked`: not read this time. */
  readonly evacuations: readonly Evacuation[] | 'not asked';
  /** Its migration of another kind that is not over. */
  readonly migration?: MigrationRecord | null | 'not asked';
  /** Of the newest evacuation, when that is late. */
  readonly destination?: DestinationState;
  /** An operator declared that the evacuation which set its task state never ends. */
  readonly isAbandoned?: boolean;
  /** A request of an earlier flow may still be in Nova's queue. */
  readonly mayBeRequested?: boolean;
  /** False: no evacuation brought it there running, so its owner may have started it. */
  readonly isStopOwed?: boolean;
  /** Since the step was called or first seen by this engine, without times in which the cloud did not answer. */
  readonly elapsedMs: number;
  /** Looks in a row, the evacuations included, that showed no sign of a call that may have been lost. */
  readonly silentLooks: number;
  readonly silentMs: number;
  /** Looks in a row that showed it in state error without Nova's reason. */
  readonly wordlessLooks?: number;
  /** Calls of the step so far. */
  readonly attempts: number;
  /** The cloud was asked about this very instance in this look, not only a listing of changes. */
  readonly isExact: boolean;
}

export type MoveDecision =
  | { readonly do: 'wait' }
  /** The decision needs the evacuations, the migrations, or the instance itself. */
  | { readonly do: 'look closer' }
  | { readonly do: 'call' }
  /** It failed for good in this run. */
  | { readonly do: 'give up' }
  /** Nothing shows of a call that may have been lost: count the look. */
  | { readonly do: 'note silence' }
  | { readonly do: 'settle'; readonly state: StepState; readonly reason: string | null }
  /** What became of it is not known and waiting is over: nothing more is done about it in this run. `record`: what did not end. */
  | { readonly do: 'leave open'; readonly reason: string; readonly record?: Evacuation };

export const settle = (state: StepState, reason: string | null = null): MoveDecision => ({
  do: 'settle',
  state,
  reason,
});
export const leaveOpen = (reason: string): MoveDecision => ({ do: 'leave open', reason });
export const WAIT: MoveDecision = { do: 'wait' };
export const CALL: MoveDecision = { do: 'call' };
export const GIVE_UP: MoveDecision = { do: 'give up' };
export const CLOSER: MoveDecision = { do: 'look closer' };
export const NOTE_SILENCE: MoveDecision = { do: 'note silence' };

/** Looks without a sign before a lost call is repeated: the first and two more. */
export const SILENT_LOOKS = 3;
/** Nova writes the state error first, then why: a further look has both. */
export const WORDLESS_LOOKS = 3;
export const DELETED = 'the instance was deleted';

/** For calls that name the wanted state, and so may be repeated. */
export function callUnlessSpent({ step, attempts }: MoveFacts, limits: MoveLimits): MoveDecision {
  if (step.state === 'planned' || attempts < limits.attempts) return CALL;
  return settle('failed', step.error ?? 'its outcome is not known');
}

/** Nova's own reason; of an instance that is well it would be about something else. */
export function wordsOf({ vmState, fault }: Instance): string {
  return vmState === 'error' && fault !== undefined ? `: ${fault}` : '';
}
