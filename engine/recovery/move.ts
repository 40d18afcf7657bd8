/**
 * What to do next about one instance that is being moved off a dead host. Pure: facts in, decision out.
 *
 * Invariant: `call` for an evacuation comes out only when no evacuation of ours can be on its way: none was asked for, or
 * the cloud showed that the last one failed, or nothing of it was seen for the whole of the queue wait and three looks.
 * Nova itself accepts a second evacuation while the first runs, so nothing behind this guards against it.
 */
import type { Evacuation, Instance } from '../cloud/cloud.ts';
import type { StepState } from '../journal/words.ts';
import { isRebuilding, type Wanted } from './original-state.ts';

export type MoveStepKind = 'reset' | 'evacuate' | 'stop' | 'error';

export interface MoveLimits {
  readonly evacuationMs: number;
  readonly powerOffMs: number;
  /** An evacuation unseen for so long, and in three looks, did not reach Nova. */
  readonly queueWaitMs: number;
  /** Evacuations of this instance that may be asked for in this run. */
  readonly attempts: number;
}

export interface MoveFacts {
  readonly source: string;
  readonly wanted: Wanted;
  /** The first step of the instance that is not finished. */
  readonly step: { readonly kind: MoveStepKind; readonly state: StepState; readonly error: string | null };
  /** As the cloud showed it last; `gone`: 404 or deleted. */
  readonly instance: Instance | 'gone';
  /** Evacuations of it that began after the intent, newest first; `not asked`: nobody looked this time. */
  readonly evacuations: readonly Evacuation[] | 'not asked';
  /** Since the step was called or first looked at by this engine. */
  readonly elapsedMs: number;
  /** Looks in a row, the evacuations included, that showed no sign of a call that may have been lost. */
  readonly silentLooks: number;
  readonly silentMs: number;
  /** Evacuations asked for so far. */
  readonly attempts: number;
  /** The cloud was asked about this very instance in this look, not only a listing of changes. */
  readonly isExact: boolean;
}

export type MoveDecision =
  | { readonly do: 'wait' }
  /** The decision needs the evacuations, or the instance itself. */
  | { readonly do: 'look closer' }
  | { readonly do: 'call' }
  /** It failed for good in this run. */
  | { readonly do: 'give up' }
  /** Nothing shows of a call that may have been lost: count the look. */
  | { readonly do: 'note silence' }
  | { readonly do: 'settle'; readonly state: StepState; readonly reason: string | null }
  /** What became of it is not known and waiting is over: nothing more is done about it in this run. */
  | { readonly do: 'leave open'; readonly reason: string };

const settle = (state: StepState, reason: string | null = null): MoveDecision => ({ do: 'settle', state, reason });
const leaveOpen = (reason: string): MoveDecision => ({ do: 'leave open', reason });
const WAIT: MoveDecision = { do: 'wait' };
const CALL: MoveDecision = { do: 'call' };
const GIVE_UP: MoveDecision = { do: 'give up' };
const CLOSER: MoveDecision = { do: 'look closer' };

/** Looks without a sign before a lost call is repeated: the first and two more. */
export const SILENT_LOOKS = 3;
const OPEN_EVACUATION = new Set(['accepted', 'pre-migrating', 'preparing', 'queued', 'running', 'migrating']);
const FAILED_EVACUATION = new Set(['failed', 'error', 'cancelled']);

export function decideMove(facts: MoveFacts, limits: MoveLimits): MoveDecision {
  if (facts.instance === 'gone') return settle('skipped', 'the instance was deleted');
  switch (facts.step.kind) {
    case 'reset':
      return decideReset(facts, facts.instance, limits);
    case 'evacuate':
      return decideEvacuation(facts, facts.instance, limits);
    case 'stop':
      return decideStop(facts, facts.instance, limits);
    case 'error':
      return decideError(facts, facts.instance, limits);
  }
}

function decideReset(facts: MoveFacts, instance: Instance, limits: MoveLimits): MoveDecision {
  if (facts.step.state === 'failed') return GIVE_UP;
  if (instance.host !== facts.source) return settle('skipped', 'it has left the host');
  if (isRebuilding(instance.taskState)) return settle('skipped', 'it is being evacuated already');
  if (instance.vmState === 'error' && instance.taskState === null) {
    return facts.step.state === 'planned' ? settle('skipped', 'it is in error already') : settle('done');
  }
  if (facts.step.state !== 'sent') return CALL;
  return facts.elapsedMs > limits.evacuationMs ? settle('failed', 'Failed reason: timeout.') : WAIT;
}

function decideEvacuation(facts: MoveFacts, instance: Instance, limits: MoveLimits): MoveDecision {
  const { state } = facts.step;
  const isElsewhere = instance.host !== null && instance.host !== facts.source;
  if (isElsewhere && instance.taskState === null) {
    if (instance.vmState !== 'error' || facts.wanted === 'error') return settle('done');
    return state === 'failed' ? GIVE_UP : settle('failed', `it arrived on ${instance.host} in state error`);
  }
  if (state === 'failed' && isRebuilding(instance.taskState)) {
    // Somebody else evacuates it now.
    return facts.elapsedMs > limits.evacuationMs ? GIVE_UP : WAIT;
  }
  if (state === 'failed') return facts.attempts < limits.attempts && !isElsewhere ? CALL : GIVE_UP;
  if (state === 'planned' && facts.evacuations !== 'not asked') {
    const [newest] = facts.evacuations;
    if (newest && OPEN_EVACUATION.has(newest.status)) {
      return settle('sent', `adopted: evacuation ${newest.id} is ${newest.status}`);
    }
  }
  const isUnderway = isElsewhere || isRebuilding(instance.taskState);
  if (state === 'planned') return isUnderway ? settle('sent', 'adopted: it is being evacuated already') : CALL;
  if (isUnderway)
    return state === 'sent' ? unlessLate(facts, limits) : settle('sent', 'adopted: it is being evacuated');
  // It lies on the dead host and nothing shows on it; only the evacuation records tell why.
  if (facts.evacuations === 'not asked') {
    const isTelling = state !== 'sent' || instance.vmState === 'error' || facts.isExact;
    return isTelling || facts.elapsedMs > limits.evacuationMs ? CLOSER : WAIT;
  }
  const [newest] = facts.evacuations;
  if (newest && FAILED_EVACUATION.has(newest.status)) {
    return settle('failed', `Nova's evacuation ${newest.id} ended as ${newest.status}`);
  }
  if (newest && OPEN_EVACUATION.has(newest.status)) {
    return state === 'sent'
      ? unlessLate(facts, limits)
      : settle('sent', `adopted: evacuation ${newest.id} is ${newest.status}`);
  }
  if (newest) return unlessLate(facts, limits);
  if (state === 'sent') return unlessLate(facts, limits);
  if (instance.taskState !== null) {
    return facts.elapsedMs > limits.evacuationMs
      ? leaveOpen(`Nova shows task ${instance.taskState} and no evacuation; an operator must look`)
      : { do: 'note silence' };
  }
  const isSilent = facts.silentLooks >= SILENT_LOOKS && facts.silentMs >= limits.queueWaitMs;
  return isSilent ? CALL : { do: 'note silence' };
}

/** A late evacuation fails on a look at the instance itself only, never on an old listing. */
function unlessLate(facts: MoveFacts, limits: MoveLimits): MoveDecision {
  if (facts.elapsedMs <= limits.evacuationMs) return WAIT;
  return facts.isExact && facts.evacuations !== 'not asked' ? leaveOpen('Failed reason: timeout.') : CLOSER;
}

function decideStop(facts: MoveFacts, instance: Instance, limits: MoveLimits): MoveDecision {
  if (facts.step.state === 'failed') return GIVE_UP;
  if (instance.vmState === 'stopped' && instance.taskState === null) {
    return facts.step.state === 'planned' ? settle('skipped', 'it arrived stopped') : settle('done');
  }
  if (facts.elapsedMs > limits.powerOffMs) {
    return facts.isExact ? settle('failed', 'it did not stop in time') : CLOSER;
  }
  return instance.taskState === null && facts.step.state !== 'sent' ? CALL : WAIT;
}

function decideError(facts: MoveFacts, instance: Instance, limits: MoveLimits): MoveDecision {
  if (facts.step.state === 'failed') return GIVE_UP;
  if (instance.vmState === 'error' && instance.taskState === null) {
    return facts.step.state === 'planned' ? settle('skipped', 'it is in error') : settle('done');
  }
  if (facts.step.state !== 'sent') return CALL;
  if (facts.elapsedMs <= limits.evacuationMs) return WAIT;
  return facts.isExact ? settle('failed', 'its state could not be set to error') : CLOSER;
}
