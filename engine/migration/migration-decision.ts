/**
 * Decides the next action for the migration home of one instance. Pure: facts in, decision out.
 *
 * Invariants:
 * - `call` is returned only if no earlier call of ours can be in transit (as in `instance-action-decision.ts`), the instance is on the host where it
 *   was when the migration was planned, and Nova does nothing with it;
 * - a cold migration is confirmed only on the host that was requested. Confirming removes the copy on the other host.
 *
 * Nova sets the task state before it stores the action, and stores the action before it responds. So if an action is visible and the
 * instance, read after it, has no task, the action is over. confirmResize sets no task state: there the vm_state is the evidence.
 */
import type { Instance } from '../cloud/cloud.ts';
import type { MigrationKind } from '../journal/migration-kinds.ts';
import {
  busyReason,
  callOrEnd,
  type InstanceActionDecision,
  type InstanceActionFacts,
  type InstanceActionLimits,
  isNotRuledOut,
  settle,
  WAIT,
} from '../task-drivers/recovery-action/instance-action-decision.ts';

export type MigrationPlan =
  | { readonly migrate: 'yes'; readonly kind: MigrationKind }
  | { readonly migrate: 'no'; readonly reason: string };

const KIND_OF: Readonly<Record<string, MigrationKind>> = {
  active: 'live_migrate',
  paused: 'live_migrate',
  stopped: 'cold_migrate',
};

/** A locked instance is migrated as any other: a lock restricts its users, not the operator. */
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
  /** Its host when this was planned. */
  readonly source: string;
  readonly home: string;
}

type MigrationFacts = Omit<InstanceActionFacts, 'isHostUp' | 'readsWithoutReason'>;

export function decideMigration(
  facts: MigrationFacts,
  { kind, source, home }: Journey,
  limits: InstanceActionLimits,
): InstanceActionDecision {
  const { instance, action, state } = facts;
  if (instance === 'gone') return settle('skipped', 'the instance was deleted');
  const isLate = facts.elapsedMs > limits.effectMs;
  const isRequested = state !== 'planned' && action !== undefined;
  if (instance.taskState !== null) {
    // The copying may take long: only the time limit of the whole task bounds it.
    if (isRequested && !action.isFailed) return WAIT;
    const reason = busyReason(instance, facts.migration);
    return isLate ? settle(state === 'planned' ? 'failed' : 'unknown', reason) : WAIT;
  }
  if (instance.host === home) return decideArrival(instance, isRequested && kind === 'cold_migrate');
  if (isRequested) return settle('failed', whyNotArrived(instance, source, action));
  if (instance.host !== source) return settle('skipped', `another user moved it to ${instance.host ?? 'no host'}`);
  if (state === 'sent') return isLate ? settle('unknown', 'Nova shows nothing of it') : WAIT;
  if (isNotRuledOut(facts, limits)) return { do: 'note silence' };
  const plan = planMigration(instance.vmState);
  // It was healthy when this was planned: an error, perhaps of an earlier migration, must be reported.
  if (instance.vmState === 'error') return settle('failed', `it is in state error${wordsOf(instance)}`);
  if (plan.migrate === 'no') return settle('skipped', plan.reason);
  return plan.kind === kind ? callOrEnd(facts, limits) : settle('failed', `it is ${instance.vmState} now`);
}

/** Nova's own reason for the state error; for a healthy instance it would concern something else. */
function wordsOf({ vmState, fault }: Instance): string {
  return vmState === 'error' && fault !== undefined ? `: ${fault}` : '';
}

/** @param isOurs Nova shows a cold migration that we requested */
function decideArrival(instance: Instance, isOurs: boolean): InstanceActionDecision {
  const { vmState, host } = instance;
  if (vmState === 'error') return settle('failed', `it is on ${host} in state error${wordsOf(instance)}`);
  // The user who resized or migrated it may want to revert that.
  if (vmState === 'resized' && !isOurs)
    return settle('skipped', `another user moved it to ${host}, and has not confirmed that`);
  return settle('done');
}

function whyNotArrived(
  instance: Instance,
  source: string,
  { requestId, isFailed }: NonNullable<InstanceActionFacts['action']>,
): string {
  const { host, vmState } = instance;
  const words = wordsOf(instance);
  if (isFailed) return `Nova's request ${requestId} ended in an error${words}`;
  if (host !== source) return `it is on ${host ?? 'no host'} now`;
  return vmState === 'error'
    ? `it is in state error after it${words}`
    : `Nova's request ${requestId} did not succeed, and the instance is still on ${source}`;
}

/** The second half of a cold migration, after the instance has arrived. */
export function decideConfirmation(
  facts: MigrationFacts,
  home: string,
  limits: InstanceActionLimits,
): InstanceActionDecision {
  const { instance, action, state } = facts;
  if (instance === 'gone') return settle('skipped', 'the instance was deleted');
  const isLate = facts.elapsedMs > limits.effectMs;
  if (instance.taskState !== null) {
    const reason = busyReason(instance, facts.migration);
    return isLate ? settle(state === 'planned' ? 'failed' : 'unknown', reason) : WAIT;
  }
  if (instance.host !== home) return settle('failed', `it has left ${home} again, for ${instance.host ?? 'no host'}`);
  if (instance.vmState === 'error') return settle('failed', `it is in state error${wordsOf(instance)}`);
  // Confirmed, by this call or by Nova's own resize_confirm_window.
  if (instance.vmState !== 'resized') return settle('done');
  if (state !== 'planned' && action) {
    if (action.isFailed) return settle('failed', `Nova's request ${action.requestId} ended in an error`);
    return isLate ? settle('unknown', 'it was not confirmed in time') : WAIT;
  }
  if (state === 'sent') return isLate ? settle('unknown', 'Nova shows nothing of it') : WAIT;
  return isNotRuledOut(facts, limits) ? { do: 'note silence' } : callOrEnd(facts, limits);
}
