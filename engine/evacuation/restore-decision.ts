/**
 * Decides the next action to restore the state that an instance had before its host failed, after it was moved. Pure: facts in, decision
 * out.
 *
 * Invariants:
 * - an instance that was active and arrives stopped is started, unless its owner stopped it. Nova itself stops active instances on a host
 *   that rebooted (its power synchronisation);
 * - an instance that its owner started is not stopped: `isStopOwed` states whether an evacuation started it there.
 */
import type { Instance, InstanceAction } from '../cloud/cloud.ts';
import {
  CALL,
  CLOSER,
  callUnlessSpent,
  GIVE_UP,
  type MoveDecision,
  type MoveFacts,
  type MoveLimits,
  settle,
  WAIT,
  wordsOf,
} from './facts.ts';
import type { Wanted } from './original-state-decision.ts';

const NOT_OURS = 'no evacuation brought it there running; it is left as its owner has it';

export function decideStop(facts: MoveFacts, { vmState, taskState }: Instance, limits: MoveLimits): MoveDecision {
  const { state } = facts.step;
  if (state === 'failed') return GIVE_UP;
  if (vmState === 'stopped' && taskState === null) {
    return state === 'planned' ? settle('skipped', 'it arrived stopped') : settle('done');
  }
  if (state === 'planned' && facts.isStopOwed === false) return settle('skipped', NOT_OURS);
  if (facts.elapsedMs > limits.powerOffMs) return late(facts, 'it did not stop in time');
  return taskState === null && mayCall(facts, limits) ? CALL : WAIT;
}

export function decideStart(facts: MoveFacts, instance: Instance, limits: MoveLimits): MoveDecision {
  const { state } = facts.step;
  const { vmState, taskState } = instance;
  if (state === 'failed') return GIVE_UP;
  if (vmState === 'active' && taskState === null) {
    return state === 'planned' ? settle('skipped', 'it runs') : settle('done');
  }
  if (vmState === 'error' && taskState === null && facts.isExact) {
    return settle('failed', `it is in state error after it was started${wordsOf(instance)}`);
  }
  if (facts.elapsedMs > (limits.powerOnMs ?? limits.powerOffMs)) return late(facts, 'it did not start in time');
  return vmState === 'stopped' && taskState === null && mayCall(facts, limits) ? CALL : WAIT;
}

export function decideError(facts: MoveFacts, { vmState, taskState }: Instance, limits: MoveLimits): MoveDecision {
  const { state } = facts.step;
  if (state === 'failed') return GIVE_UP;
  if (vmState === 'error' && taskState === null) {
    return state === 'planned' ? settle('skipped', 'it is in error') : settle('done');
  }
  if (state === 'planned' && facts.isStopOwed === false) return settle('skipped', NOT_OURS);
  if (state !== 'sent') return callUnlessSpent(facts, limits);
  return facts.elapsedMs > limits.evacuationMs ? late(facts, 'its state could not be set to error') : WAIT;
}

/** A call that may have been made is waited for after its attempts are used up. */
function mayCall({ step, attempts }: MoveFacts, limits: MoveLimits): boolean {
  return step.state === 'planned' || (step.state !== 'sent' && attempts < limits.attempts);
}

function late({ isExact, step }: MoveFacts, reason: string): MoveDecision {
  if (!isExact) return CLOSER;
  return settle('failed', step.error === null ? reason : `${reason}: ${step.error}`);
}

export type ArrivalDecision = 'whole' | 'read its actions' | 'start';

/**
 * Whether an instance that was moved has to be started.
 * @param actions the requests for it, newest first
 */
export function decideArrival(
  wanted: Wanted,
  { vmState, taskState }: Pick<Instance, 'vmState' | 'taskState'>,
  actions: readonly InstanceAction[] | 'not read',
): ArrivalDecision {
  if (wanted !== 'running' || vmState !== 'stopped' || taskState !== null) return 'whole';
  if (actions === 'not read') return 'read its actions';
  return isStoppedByOwner(actions) ? 'whole' : 'start';
}

/** Requests that do not change the power state of an instance. */
const POWERLESS: ReadonlySet<string> = new Set(['evacuate', 'migrate', 'live-migration', 'lock', 'unlock']);

/** Whether a user stopped it last: Nova's own power synchronisation has no user. */
export function isStoppedByOwner(actions: readonly InstanceAction[]): boolean {
  const last = actions.find(({ action, isFailed }) => !isFailed && !POWERLESS.has(action));
  return last?.action === 'stop' && last.userId !== null;
}
