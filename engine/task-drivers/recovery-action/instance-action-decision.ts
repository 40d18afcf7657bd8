/**
 * What to do next about one reboot or rebuild of one instance. Pure: facts in, decision out.
 *
 * Invariant: `call` comes out only when no call of ours can be on its way: none was made, or Nova, which notes what is asked
 * of an instance before it answers, showed nothing of it for the whole of the queue wait and three looks. A rebuild that was
 * asked for twice would throw away what the first one made. What is late may still come: it ends as `unknown`, for the next
 * try to look for, and `failed` is only what Nova refused or ended in an error, or what was never asked for.
 */
import type { Instance, InstanceAction, MigrationRecord } from '../cloud/cloud.ts';
import type { StepState } from '../journal/words.ts';
import { SILENT_LOOKS } from './move.ts';

export interface AskedLimits {
  /** From the call to its end, and for whatever else Nova does with the instance before it. */
  readonly effectMs: number;
  readonly queueWaitMs: number;
  /** Calls in one attempt of the task; without it their number has no bound. */
  readonly calls?: number;
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
  /** Calls of this attempt so far. */
  readonly calls?: number;
  /** What Nova answered to the last one, where it was no success. */
  readonly lastError?: string | null;
  /** Where the instance was when this attempt began; null: on no host. */
  readonly firstHost?: string | null;
  /** What Nova is at, where that is a migration that takes long. */
  readonly migration?: MigrationRecord;
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

/** A call, or the end when those of this attempt are used up: none of them is on its way any more. */
export function callOrEnd(
  { calls = 0, lastError }: Pick<AskedFacts, 'calls' | 'lastError'>,
  limits: AskedLimits,
): AskedDecision {
  if (limits.calls === undefined || calls < limits.calls) return { do: 'call' };
  const words = lastError ?? 'Nova shows nothing of it';
  return settle('failed', calls === 1 ? words : `${words} (requested ${calls} times)`);
}

/** Why nothing is requested of an instance that Nova is busy with. */
export function busyReason({ taskState }: Instance, migration: MigrationRecord | undefined): string {
  const reason = `Nova is busy with it (task ${taskState})`;
  if (migration === undefined) return reason;
  const { id, sourceHost, destinationHost, status } = migration;
  return `${reason}: its migration ${id} from ${sourceHost} to ${destinationHost ?? 'a host not chosen yet'} is ${status}`;
}

/** Others moved it while this waited for them, so what was to be done about it where it was is not needed. */
function isMovedSince({ state, instance, firstHost }: AskedFacts): boolean {
  if (state !== 'planned' || instance === 'gone' || instance.taskState !== null) return false;
  return typeof firstHost === 'string' && instance.host !== firstHost;
}

export function decideAsked(facts: AskedFacts, limits: AskedLimits): AskedDecision {
  const { instance, action, state } = facts;
  if (instance === 'gone') return settle('skipped', 'the instance was deleted');
  const isLate = facts.elapsedMs > limits.effectMs;
  const mayBeUnderway = state !== 'planned';
  if (mayBeUnderway && action) return decideEnd(action, instance, facts.wordlessLooks, isLate);
  if (instance.taskState !== null) {
    // Somebody else's: ours would show as an action.
    const reason = busyReason(instance, facts.migration);
    return isLate ? settle(mayBeUnderway ? 'unknown' : 'failed', reason) : WAIT;
  }
  if (isMovedSince(facts)) return settle('skipped', `somebody moved it to ${instance.host ?? 'no host'} meanwhile`);
  if (state === 'sent') return isLate ? settle('unknown', 'Nova shows nothing of it') : WAIT;
  if (isNotRuledOut(facts, limits)) return { do: 'note silence' };
  if (!facts.isHostUp) {
    return settle('failed', `nova-compute of its host ${instance.host ?? '(none)'} is down; only EVACUATE can help it`);
  }
  return callOrEnd(facts, limits);
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
