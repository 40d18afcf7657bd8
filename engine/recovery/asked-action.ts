/**
 * What to do next about one reboot or rebuild of one instance. Pure: facts in, decision out.
 *
 * Invariant: `call` comes out only when no call of ours can be on its way: none was made, or Nova, which notes what is asked
 * of an instance before it answers, showed nothing of it for the whole of the queue wait and three looks. A rebuild that was
 * asked for twice would throw away what the first one made. What is late may still come: it ends as `unknown`, for the next
 * try to look for, and `failed` is only what Nova refused or ended in an error, or what was never asked for.
 */
import type { Instance, InstanceAction } from '../cloud/cloud.ts';
import type { StepState } from '../journal/words.ts';
import { SILENT_LOOKS } from './move.ts';

export interface AskedLimits {
  /** From the call to its end, and for whatever else Nova does with the instance before it. */
  readonly effectMs: number;
  readonly queueWaitMs: number;
}

export interface AskedFacts {
  /** `planned`: it was never asked for, or the last one failed. */
  readonly state: StepState;
  /** Looked at after the actions; `gone`: 404 or deleted. */
  readonly instance: Instance | 'gone';
  /** Whether nova-compute of its host takes orders. */
  readonly isHostUp: boolean;
  /** The action of this kind that was not there before the intent. */
  readonly action: InstanceAction | undefined;
  /** Since the call, or since the first look; without times when the cloud was away. */
  readonly elapsedMs: number;
  /** Looks in a row that showed nothing of a call that may have been lost. */
  readonly silentLooks: number;
  readonly silentMs: number;
  /** Looks in a row, this one among them, that showed it in state error without a task and without Nova's words on it. */
  readonly wordlessLooks: number;
}

/** Nova writes the state error first, then why, then that the action failed: a further look has all three. */
const WORDLESS_LOOKS = 3;

export type AskedDecision =
  | { readonly do: 'wait' }
  | { readonly do: 'note silence' }
  | { readonly do: 'call' }
  /** `unknown`: waiting is over, and it may go on all the same. */
  | { readonly do: 'settle'; readonly state: AskedEnd; readonly reason: string | null };

export type AskedEnd = 'done' | 'skipped' | 'failed' | 'unknown';

export const settle = (state: AskedEnd, reason: string | null = null): AskedDecision => ({
  do: 'settle',
  state,
  reason,
});
export const WAIT: AskedDecision = { do: 'wait' };

/** Whether a call that may have been made still has to be looked for: Nova showed nothing of it for too short a time. */
export function isNotRuledOut(
  { state, silentLooks, silentMs }: Pick<AskedFacts, 'state' | 'silentLooks' | 'silentMs'>,
  { queueWaitMs }: AskedLimits,
): boolean {
  return state !== 'planned' && (silentLooks < SILENT_LOOKS || silentMs < queueWaitMs);
}

export function decideAsked(facts: AskedFacts, limits: AskedLimits): AskedDecision {
  const { instance, action, state } = facts;
  if (instance === 'gone') return settle('skipped', 'the instance was deleted');
  const isLate = facts.elapsedMs > limits.effectMs;
  const mayBeUnderway = state !== 'planned';
  if (mayBeUnderway && action) return decideEnd(action, instance, facts.wordlessLooks, isLate);
  if (instance.taskState !== null) {
    // Somebody else's: ours would show as an action.
    const reason = `Nova is busy with it (task ${instance.taskState})`;
    return isLate ? settle(mayBeUnderway ? 'unknown' : 'failed', reason) : WAIT;
  }
  if (state === 'sent') return isLate ? settle('unknown', 'Nova shows nothing of it') : WAIT;
  if (isNotRuledOut(facts, limits)) return { do: 'note silence' };
  if (!facts.isHostUp) {
    return settle('failed', `nova-compute of its host ${instance.host ?? '(none)'} is down; only EVACUATE can help it`);
  }
  return { do: 'call' };
}

/** Whether Nova may still have to say why. */
export function isWordless({ vmState, taskState, fault }: Instance): boolean {
  return vmState === 'error' && taskState === null && fault === undefined;
}

function decideEnd(
  { requestId, isFailed }: InstanceAction,
  instance: Instance,
  wordlessLooks: number,
  isLate: boolean,
): AskedDecision {
  const isInError = instance.vmState === 'error';
  // Of an instance that is well the words would be about something else.
  const words = isInError && instance.fault !== undefined ? `: ${instance.fault}` : '';
  if (isFailed) return settle('failed', `Nova's request ${requestId} ended in an error${words}`);
  if (isWordless(instance) && wordlessLooks < WORDLESS_LOOKS && !isLate) return WAIT;
  if (instance.taskState === null) {
    return isInError ? settle('failed', `it is in state error after it${words}`) : settle('done');
  }
  return isLate ? settle('unknown', `it did not end in time (task ${instance.taskState})`) : WAIT;
}
