/**
 * Decides the next action for one reboot or rebuild of one instance. Pure: facts in, decision out.
 *
 * Invariant: `call` is returned only if no earlier call of ours can be in transit. That is, none was made, or Nova, which stores each
 * action before it responds, showed nothing of it for the whole queue wait and in three polls. A second rebuild would destroy the result of
 * the first. A late call may still arrive: it ends as `unknown`, and the next attempt searches for it. `failed` is returned only if Nova
 * refused the call or ended it in an error, or if it was never requested.
 */
import type { Instance, InstanceAction, MigrationRecord } from '../../cloud/cloud.ts';
import { READS_WITHOUT_TRACE } from '../../evacuation/evacuation-decision.ts';
import type { StepState } from '../../journal/rows.ts';

export interface InstanceActionLimits {
  /** From the call to its end, and for anything else that Nova does with the instance before it. */
  readonly effectMs: number;
  readonly queueWaitMs: number;
  /** Calls in one attempt of the task; without it the number is unlimited. */
  readonly calls?: number;
}

export interface InstanceActionFacts {
  /** `planned`: it was never requested, or the last request failed. */
  readonly state: StepState;
  /** Read after the actions; `gone`: 404 or deleted. */
  readonly instance: Instance | 'gone';
  /** Whether the nova-compute of its host accepts requests. */
  readonly isHostUp: boolean;
  /** The action of this kind that did not exist before the intent. */
  readonly action: InstanceAction | undefined;
  /** Since the call, or since the first poll; without times of a cloud outage. */
  readonly elapsedMs: number;
  /** Consecutive polls without a trace of a call that may have been lost. */
  readonly readsWithoutTrace: number;
  readonly withoutTraceMs: number;
  /** Consecutive polls, this one included, with state error, no task and no reason from Nova. */
  readonly readsWithoutReason: number;
  /** Calls of this attempt so far. */
  readonly calls?: number;
  /** Nova's response to the last call, if it was no success. */
  readonly lastError?: string | null;
  /** The host of the instance when this attempt started; null: none. */
  readonly firstHost?: string | null;
  /** Nova's current operation, if it is a long migration. */
  readonly migration?: MigrationRecord;
}

/** Nova writes the state error first, then the reason, then the failure of the action: a further poll shows all three. */
const READS_WITHOUT_REASON = 3;

export type InstanceActionDecision =
  | { readonly do: 'wait' }
  | { readonly do: 'note silence' }
  | { readonly do: 'call' }
  /** `unknown`: waiting is over, and the call may still take effect. */
  | { readonly do: 'settle'; readonly state: InstanceActionEnd; readonly reason: string | null };

export type InstanceActionEnd = 'done' | 'skipped' | 'failed' | 'unknown';

export const settle = (state: InstanceActionEnd, reason: string | null = null): InstanceActionDecision => ({
  do: 'settle',
  state,
  reason,
});
export const WAIT: InstanceActionDecision = { do: 'wait' };

/** Whether a call that may have been made must still be searched for: Nova has shown nothing of it for too short a time. */
export function isNotRuledOut(
  {
    state,
    readsWithoutTrace,
    withoutTraceMs,
  }: Pick<InstanceActionFacts, 'state' | 'readsWithoutTrace' | 'withoutTraceMs'>,
  { queueWaitMs }: InstanceActionLimits,
): boolean {
  return state !== 'planned' && (readsWithoutTrace < READS_WITHOUT_TRACE || withoutTraceMs < queueWaitMs);
}

/** A call, or the end if the calls of this attempt are used up: none of them is in transit any more. */
export function callOrEnd(
  { calls = 0, lastError }: Pick<InstanceActionFacts, 'calls' | 'lastError'>,
  limits: InstanceActionLimits,
): InstanceActionDecision {
  if (limits.calls === undefined || calls < limits.calls) return { do: 'call' };
  const words = lastError ?? 'Nova shows nothing of it';
  return settle('failed', calls === 1 ? words : `${words} (requested ${calls} times)`);
}

/** Reason why nothing is requested for an instance that Nova is busy with. */
export function busyReason({ taskState }: Instance, migration: MigrationRecord | undefined): string {
  const reason = `Nova is busy with it (task ${taskState})`;
  if (migration === undefined) return reason;
  const { id, sourceHost, destinationHost, status } = migration;
  return `${reason}: its migration ${id} from ${sourceHost} to ${destinationHost ?? 'a host not chosen yet'} is ${status}`;
}

/** The instance was moved by others while this waited, so the action on its former host is not needed. */
function isMovedSince({ state, instance, firstHost }: InstanceActionFacts): boolean {
  if (state !== 'planned' || instance === 'gone' || instance.taskState !== null) return false;
  return typeof firstHost === 'string' && instance.host !== firstHost;
}

export function decideInstanceAction(facts: InstanceActionFacts, limits: InstanceActionLimits): InstanceActionDecision {
  const { instance, action, state } = facts;
  if (instance === 'gone') return settle('skipped', 'the instance was deleted');
  const isLate = facts.elapsedMs > limits.effectMs;
  const mayBeUnderway = state !== 'planned';
  if (mayBeUnderway && action) return decideEnd(action, instance, facts.readsWithoutReason, isLate);
  if (instance.taskState !== null) {
    // Another caller's: ours would appear as an action.
    const reason = busyReason(instance, facts.migration);
    return isLate ? settle(mayBeUnderway ? 'unknown' : 'failed', reason) : WAIT;
  }
  if (isMovedSince(facts)) return settle('skipped', `another user moved it to ${instance.host ?? 'no host'} meanwhile`);
  if (state === 'sent') return isLate ? settle('unknown', 'Nova shows nothing of it') : WAIT;
  if (isNotRuledOut(facts, limits)) return { do: 'note silence' };
  if (!facts.isHostUp) {
    return settle('failed', `nova-compute of its host ${instance.host ?? '(none)'} is down; only EVACUATE can help it`);
  }
  return callOrEnd(facts, limits);
}

/** Whether Nova may still have to write the reason. */
export function isWordless({ vmState, taskState, fault }: Instance): boolean {
  return vmState === 'error' && taskState === null && fault === undefined;
}

function decideEnd(
  { requestId, isFailed }: InstanceAction,
  instance: Instance,
  readsWithoutReason: number,
  isLate: boolean,
): InstanceActionDecision {
  const isInError = instance.vmState === 'error';
  // For a healthy instance the fault would concern something else.
  const words = isInError && instance.fault !== undefined ? `: ${instance.fault}` : '';
  if (isFailed) return settle('failed', `Nova's request ${requestId} ended in an error${words}`);
  if (isWordless(instance) && readsWithoutReason < READS_WITHOUT_REASON && !isLate) return WAIT;
  if (instance.taskState === null) {
    return isInError ? settle('failed', `it is in state error after it${words}`) : settle('done');
  }
  return isLate ? settle('unknown', `it did not end in time (task ${instance.taskState})`) : WAIT;
}
