/**
 * What to do next about the migration home of one instance. Pure: facts in, decision out.
 *
 * Invariants:
 * - `call` comes out only when no call of ours can be on its way (as in asked-action.ts), the instance lies where it lay when
 *   the migration was planned, and Nova does nothing with it;
 * - a cold migration is confirmed only on the host to which it was asked for. Confirming removes what lies on the other one.
 *
 * Nova sets the task state before it notes the action, and notes the action before it answers. So an action that shows while the
 * instance, looked at after it, has no task is over. For confirmResize there is no task state: there the vm_state tells.
 */
import type { Instance } from '../cloud/cloud.ts';
import type { MigrationKind } from '../journal/migration-kinds.ts';
import {
  type AskedDecision,
  type AskedFacts,
  type AskedLimits,
  busyReason,
  callOrEnd,
  isNotRuledOut,
  settle,
  WAIT,
} from './asked-action.ts';

export type MigrationPlan =
  | { readonly migrate: 'yes'; readonly kind: MigrationKind }
  | { readonly migrate: 'no'; readonly reason: string };

const KIND_OF: Readonly<Record<string, MigrationKind>> = {
  active: 'live_migrate',
  paused: 'live_migrate',
  stopped: 'cold_migrate',
};

/** A locked instance is migrated as any other: a lock keeps its users from acting on it, not the operator who asks for this. */
export function planMigration(vmState: string): MigrationPlan {
  const kind = Object.hasOwn(KIND_OF, vmState) ? KIND_OF[vmState] : undefined;
  if (kind) return { migrate: 'yes', kind };
  return {
    migrate: 'no',
    reason: `an instance in vm_state ${vmState} is not migrated; only active, paused and stopped ones are`,
  };
}

export interface Journey {
  readonly kind: MigrationKind;
  /** Where it lay when this was planned. */
  readonly source: string;
  readonly home: string;
}

type MigrationFacts = Omit<AskedFacts, 'isHostUp' | 'wordlessLooks'>;

export function decideMigration(
  facts: MigrationFacts,
  { kind, source, home }: Journey,
  limits: AskedLimits,
): AskedDecision {
  const { instance, action, state } = facts;
  if (instance === 'gone') return settle('skipped', 'the instance was deleted');
  const isLate = facts.elapsedMs > limits.effectMs;
  const isAsked = state !== 'planned' && action !== undefined;
  if (instance.taskState !== null) {
    // However long the copying takes: what Nova is at is bounded by the time of the whole task only.
    if (isAsked && !action.isFailed) return WAIT;
    const reason = busyReason(instance, facts.migration);
    return isLate ? settle(state === 'planned' ? 'failed' : 'unknown', reason) : WAIT;
  }
  if (instance.host === home) return decideArrival(instance, isAsked && kind === 'cold_migrate');
  if (isAsked) return settle('failed', whyNotArrived(instance, source, action));
  if (instance.host !== source) return settle('skipped', `somebody moved it to ${instance.host ?? 'no host'}`);
  if (state === 'sent') return isLate ? settle('unknown', 'Nova shows nothing of it') : WAIT;
  if (isNotRuledOut(facts, limits)) return { do: 'note silence' };
  const plan = planMigration(instance.vmState);
  // It was well when this was planned: what broke it, perhaps a migration before this one, is not to be passed over.
  if (instance.vmState === 'error') return settle('failed', `it is in state error${wordsOf(instance)}`);
  if (plan.migrate === 'no') return settle('skipped', plan.reason);
  return plan.kind === kind ? callOrEnd(facts, limits) : settle('failed', `it is ${instance.vmState} now`);
}

/** Nova's own on why an instance is in state error; of one that is well they would be about something else. */
function wordsOf({ vmState, fault }: Instance): string {
  return vmState === 'error' && fault !== undefined ? `: ${fault}` : '';
}

/** @param isOurs Nova shows a cold migration that we asked for */
function decideArrival(instance: Instance, isOurs: boolean): AskedDecision {
  const { vmState, host } = instance;
  if (vmState === 'error') return settle('failed', `it is on ${host} in state error${wordsOf(instance)}`);
  // Whoever resized or migrated it himself may want to take that back.
  if (vmState === 'resized' && !isOurs)
    return settle('skipped', `somebody moved it to ${host}, and has not confirmed that`);
  return settle('done');
}

function whyNotArrived(
  instance: Instance,
  source: string,
  { requestId, isFailed }: NonNullable<AskedFacts['action']>,
): string {
  const { host, vmState } = instance;
  const words = wordsOf(instance);
  if (isFailed) return `Nova's request ${requestId} ended in an error${words}`;
  if (host !== source) return `it is on ${host ?? 'no host'} now`;
  return vmState === 'error'
    ? `it is in state error after it${words}`
    : `Nova's request ${requestId} did not succeed, and the instance is still on ${source}`;
}

/** The second half of a cold migration, when the instance is known to have arrived. */
export function decideConfirmation(facts: MigrationFacts, home: string, limits: AskedLimits): AskedDecision {
  const { instance, action, state } = facts;
  if (instance === 'gone') return settle('skipped', 'the instance was deleted');
  const isLate = facts.elapsedMs > limits.effectMs;
  if (instance.taskState !== null) {
    const reason = busyReason(instance, facts.migration);
    return isLate ? settle(state === 'planned' ? 'failed' : 'unknown', reason) : WAIT;
  }
  if (instance.host !== home) return settle('failed', `it has left ${home} again, for ${instance.host ?? 'no host'}`);
  if (instance.vmState === 'error') return settle('failed', `it is in state error${wordsOf(instance)}`);
  // Confirmed, by this or by Nova's own resize_confirm_window.
  if (instance.vmState !== 'resized') return settle('done');
  if (state !== 'planned' && action) {
    if (action.isFailed) return settle('failed', `Nova's request ${action.requestId} ended in an error`);
    return isLate ? settle('unknown', 'it was not confirmed in time') : WAIT;
  }
  if (state === 'sent') return isLate ? settle('unknown', 'Nova shows nothing of it') : WAIT;
  return isNotRuledOut(facts, limits) ? { do: 'note silence' } : callOrEnd(facts, limits);
}
