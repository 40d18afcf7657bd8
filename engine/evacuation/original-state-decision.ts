/**
 * The state of an instance before its host failed, and the actions around its evacuation that follow from it. Pure.
 *
 * Nova evacuates an instance only in state active, stopped or error. Every other instance is set to error first, which loses its state. So
 * the state is journaled before the first call, and this table defines what to restore after the arrival.
 */
import type { Instance } from '../cloud/cloud.ts';
import { POWER_STATE } from '../cloud/cloud.ts';

/** An instance as the journal keeps it. */
export type InstanceSnapshot = {
  readonly uuid: string;
  readonly name: string;
  readonly host: string;
  readonly vmState: string;
  readonly taskState: string | null;
  readonly powerState: number;
  readonly locked: boolean;
  readonly haEnabled: boolean;
  readonly projectId: string;
  readonly userId: string;
  /** Absent without phases: see `phase-decision.ts`. */
  readonly phase?: number;
};

/** The desired state of the instance on its new host. */
export type Wanted = 'running' | 'stopped' | 'error';

export type MovePlan =
  /** `reset`: its state is set to error before the evacuation. */
  | { readonly move: 'yes'; readonly reset: boolean; readonly wanted: Wanted }
  | { readonly move: 'no'; readonly reason: string };

const DELETING = new Set(['deleting', 'soft-deleting']);
const DELETED = new Set(['deleted', 'soft-delete']);

/** A rebuild is in progress already: Nova's task states `rebuilding`, `rebuild_block_device_mapping`, `rebuild_spawning`. */
export function isRebuilding(taskState: string | null): boolean {
  return taskState?.startsWith('rebuild') ?? false;
}

/** Nova's task states of a migration of another kind: the instance may leave the host by itself. */
export function isMigrating(taskState: string | null): boolean {
  return taskState !== null && (taskState === 'migrating' || taskState.startsWith('resize_'));
}

/** @param evacuation `abandoned`: an operator declared that the one which set its task state never ends */
export function planMove(
  before: Pick<InstanceSnapshot, 'vmState' | 'taskState' | 'powerState'>,
  evacuation: 'none' | 'abandoned' = 'none',
): MovePlan {
  const { vmState, taskState, powerState } = before;
  if (DELETED.has(vmState) || (taskState !== null && DELETING.has(taskState))) {
    return { move: 'no', reason: `it is being deleted (${vmState}, ${taskState ?? 'no task'})` };
  }
  const isBusy = taskState !== null && (evacuation === 'abandoned' || !isRebuilding(taskState));
  switch (vmState) {
    case 'active':
      return { move: 'yes', reset: isBusy, wanted: 'running' };
    case 'stopped':
      return { move: 'yes', reset: isBusy, wanted: 'stopped' };
    case 'error':
      return { move: 'yes', reset: isBusy, wanted: 'error' };
    case 'resized':
      return { move: 'yes', reset: true, wanted: powerState === POWER_STATE.SHUTDOWN ? 'stopped' : 'running' };
    default:
      return { move: 'yes', reset: true, wanted: 'stopped' };
  }
}

/** Masakari reads the flag as oslo reads booleans. */
export function isHaEnabled(metadata: Readonly<Record<string, string>>, key: string): boolean {
  return isTrue(metadata[key] ?? '');
}

/** In any case: true, 1, yes, on (and t, y). */
export function isTrue(value: string): boolean {
  return ['true', 't', '1', 'yes', 'y', 'on'].includes(value.trim().toLowerCase());
}

export function snapshotOf(instance: Instance, haKey: string): InstanceSnapshot {
  const { uuid, name, host, vmState, taskState, powerState, locked, metadata, projectId, userId } = instance;
  const haEnabled = isHaEnabled(metadata, haKey);
  return { uuid, name, host: host ?? '', vmState, taskState, powerState, locked, haEnabled, projectId, userId };
}

/**
 * The state of an instance before the first recovery of its host touched it: that recovery may have set it to error and failed. If an
 * instance is in any other state, a user has changed it since; then its present state counts.
 */
export function withOriginal(now: InstanceSnapshot, before: InstanceSnapshot | undefined): InstanceSnapshot {
  return before === undefined || now.vmState !== 'error' ? now : before;
}
