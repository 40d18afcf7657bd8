/**
 * Decides the next action for one instance that is moved off a failed host. Pure: facts in, decision out.
 *
 * Invariants:
 * - nothing is decided about an instance without a response from Nova: `wait`, never a call, a skip or an end;
 * - `call` for an evacuation is returned only if no evacuation of ours can be in progress: none was requested, or the cloud showed that
 *   the last one failed, or nothing of it was visible for the whole queue wait and in three polls. Nova itself accepts a second evacuation
 *   while the first runs, so there is no other protection;
 * - an instance in a migration of another kind is not touched while Nova's record of it is open, up to the limit of an evacuation;
 * - every path to a repeated call counts against the attempts.
 */
import type { Evacuation, Instance } from '../cloud/cloud.ts';
import { isPartial } from '../cloud/reading.ts';
import { describeStuck, hasFailed, isOpen } from './evacuation-record.ts';
import {
  CALL,
  CLOSER,
  callUnlessSpent,
  DELETED,
  GIVE_UP,
  leaveOpen,
  type MoveDecision,
  type MoveFacts,
  type MoveLimits,
  NOTE_NO_TRACE,
  READS_WITHOUT_REASON,
  READS_WITHOUT_TRACE,
  settle,
  WAIT,
  wordsOf,
} from './facts.ts';
import { isMigrating, isRebuilding } from './original-state-decision.ts';
import { decideError, decideStart, decideStop } from './restore-decision.ts';

export type { MoveDecision, MoveFacts, MoveLimits, MoveStepKind } from './facts.ts';
export { READS_WITHOUT_TRACE } from './facts.ts';

export function decideMove(facts: MoveFacts, limits: MoveLimits): MoveDecision {
  const { instance } = facts;
  if (instance === 'gone') return settle('skipped', DELETED);
  if (instance === 'no answer' || isPartial(instance)) return WAIT;
  if (instance.vmState === 'soft-delete') return settle('skipped', DELETED);
  switch (facts.step.kind) {
    case 'reset':
      return decideReset(facts, instance, limits);
    case 'evacuate':
      return decideEvacuation(facts, instance, limits);
    case 'stop':
      return decideStop(facts, instance, limits);
    case 'start':
      return decideStart(facts, instance, limits);
    case 'error':
      return decideError(facts, instance, limits);
  }
}

function decideReset(facts: MoveFacts, instance: Instance, limits: MoveLimits): MoveDecision {
  const { state } = facts.step;
  if (state === 'failed') return GIVE_UP;
  if (instance.host !== facts.source) return settle('skipped', 'it has left the host');
  if (isRebuilding(instance.taskState)) {
    if (!facts.isAbandoned) return settle('skipped', 'it is being evacuated already');
    if (facts.evacuations === 'not read') return CLOSER;
    if (facts.evacuations.some(isOpen)) return settle('skipped', 'it is being evacuated again');
  }
  if (instance.vmState === 'error' && instance.taskState === null) {
    return state === 'planned' ? settle('skipped', 'it is in error already') : settle('done');
  }
  if (state === 'sent') return facts.elapsedMs > limits.evacuationMs ? settle('failed', TIMEOUT) : WAIT;
  return migrationFirst(facts, instance, limits) ?? callUnlessSpent(facts, limits);
}

/** Masakari's text. */
const TIMEOUT = 'Failed reason: timeout.';

/** Effect of a migration of another kind on a call that would be due; undefined: none. */
function migrationFirst(facts: MoveFacts, { taskState }: Instance, limits: MoveLimits): MoveDecision | undefined {
  if (!isMigrating(taskState) || facts.elapsedMs > limits.evacuationMs) return undefined;
  if (facts.migration === 'not read') return CLOSER;
  return facts.migration ? WAIT : undefined;
}

function decideEvacuation(facts: MoveFacts, instance: Instance, limits: MoveLimits): MoveDecision {
  const { state, isFinal } = facts.step;
  const { host, taskState } = instance;
  if (host === null) return decideHomeless(facts, instance, limits);
  const isElsewhere = host !== facts.source;
  if (isElsewhere && taskState === null) return decideArrived(facts, instance);
  const isUnderway = isElsewhere || isRebuilding(taskState);
  if (state === 'failed') {
    // Another caller evacuates it now.
    if (isRebuilding(taskState)) return facts.elapsedMs > limits.evacuationMs ? GIVE_UP : WAIT;
    if (isElsewhere || isFinal || facts.attempts >= limits.attempts) return GIVE_UP;
    return migrationFirst(facts, instance, limits) ?? CALL;
  }
  if (isUnderway && (state === 'planned' || state !== 'sent')) {
    const where = isElsewhere ? `it is on ${host} (task ${taskState})` : 'it is being evacuated already';
    const [record] = facts.evacuations === 'not read' ? [] : facts.evacuations.filter(isOpen);
    return settle('sent', record ? adopted(record) : `adopted: ${where}`);
  }
  if (isUnderway) return unlessLate(facts, limits);
  if (state === 'planned') return decideFirstCall(facts, instance, limits);
  return decideUndetected(facts, instance, limits);
}

const adopted = ({ id, status }: Evacuation): string => `adopted: evacuation ${id} is ${status}`;

/** It is on another host, and Nova does nothing with it. */
function decideArrived(facts: MoveFacts, instance: Instance): MoveDecision {
  if (instance.vmState !== 'error' || facts.wanted === 'error') return settle('done');
  if (facts.step.state === 'failed') return GIVE_UP;
  if (!facts.isExact || isWordless(facts, instance)) return CLOSER;
  return settle('failed', `it arrived on ${instance.host} in state error${wordsOf(instance)}`);
}

/** Shelved by its owner, or not scheduled: it is on no host that could have failed. */
function decideHomeless({ step, elapsedMs }: MoveFacts, instance: Instance, limits: MoveLimits): MoveDecision {
  if (instance.vmState === 'shelved_offloaded') return settle('skipped', 'it was shelved and is on no host');
  if (step.state === 'failed') return GIVE_UP;
  if (elapsedMs <= limits.evacuationMs) return WAIT;
  const reason = `Nova shows it on no host (vm_state ${instance.vmState})`;
  return step.state === 'planned' ? settle('failed', reason) : leaveOpen(reason);
}

/** It is on the failed host, and this flow has requested nothing yet. */
function decideFirstCall(facts: MoveFacts, instance: Instance, limits: MoveLimits): MoveDecision {
  const { evacuations } = facts;
  if (evacuations === 'not read') {
    if (facts.mayBeRequested) return CLOSER;
  } else {
    const [newest] = evacuations;
    if (newest && isOpen(newest)) return settle('sent', adopted(newest));
    if (facts.mayBeRequested && !isSilent(facts, limits)) return NOTE_NO_TRACE;
  }
  return migrationFirst(facts, instance, limits) ?? CALL;
}

/** It was requested, and the instance shows nothing; only the evacuation records contain the reason. */
function decideUndetected(facts: MoveFacts, instance: Instance, limits: MoveLimits): MoveDecision {
  const { state, error } = facts.step;
  const { evacuations } = facts;
  if (evacuations === 'not read') {
    const isReporting = state !== 'sent' || instance.vmState === 'error' || facts.isExact;
    return isReporting || facts.elapsedMs > limits.evacuationMs ? CLOSER : WAIT;
  }
  const [newest] = evacuations;
  if (newest && hasFailed(newest)) {
    if (isWordless(facts, instance)) return CLOSER;
    return settle('failed', `Nova's evacuation ${newest.id} ended as ${newest.status}${wordsOf(instance)}`);
  }
  if (newest && isOpen(newest) && state !== 'sent') return settle('sent', adopted(newest));
  if (newest || state === 'sent') return unlessLate(facts, limits);
  const { taskState } = instance;
  if (taskState !== null) {
    return facts.elapsedMs > limits.evacuationMs
      ? leaveOpen(`Nova shows task ${taskState} and no evacuation; an operator must check it`)
      : NOTE_NO_TRACE;
  }
  if (!isSilent(facts, limits)) return NOTE_NO_TRACE;
  return facts.attempts < limits.attempts ? CALL : settle('failed', error ?? 'Nova showed nothing of it');
}

function isSilent({ readsWithoutTrace, withoutTraceMs }: MoveFacts, { queueWaitMs }: MoveLimits): boolean {
  return readsWithoutTrace >= READS_WITHOUT_TRACE && withoutTraceMs >= queueWaitMs;
}

/** A late evacuation ends only after a read of the instance itself, never by an old listing. */
function unlessLate(facts: MoveFacts, limits: MoveLimits): MoveDecision {
  if (facts.elapsedMs <= limits.evacuationMs) return WAIT;
  if (!facts.isExact || facts.evacuations === 'not read') return CLOSER;
  const [newest] = facts.evacuations;
  if (!newest || !isOpen(newest)) return leaveOpen(TIMEOUT);
  const reason = describeStuck(newest, facts.destination ?? 'unknown', limits.evacuationMs);
  return { do: 'leave open', reason, record: newest };
}

/** Whether Nova may still have to write the reason. */
function isWordless(
  { readsWithoutReason = READS_WITHOUT_REASON }: MoveFacts,
  { vmState, taskState, fault }: Instance,
): boolean {
  return vmState === 'error' && taskState === null && fault === undefined && readsWithoutReason < READS_WITHOUT_REASON;
}
