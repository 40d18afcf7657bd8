/** Lists the instances of a failed host that have to be moved, in their order and with the state of each. */
import { FAILURE_FLOWS } from '#config/pipelines/pipelines.ts';
import { CloudError, isOutage } from '#openstack/cloud-error.ts';
import { type InstanceAction, POWER_STATE } from '../cloud/cloud.ts';
import { readInstance, readInstancesOn } from '../cloud/reading.ts';
import { inRotation } from '../evacuation/order-decision.ts';
import { type InstanceSnapshot, snapshotOf } from '../evacuation/original-state-decision.ts';
import { isStoppedByOwner } from '../evacuation/restore-decision.ts';
import { SkipRecovery } from '../flow/outcome.ts';
import type { Json } from '../flow/plan.ts';
import type { EarlierMove, StoppedInstance } from '../flow/recovery-history.ts';
import { type BuiltInTask, type TaskContext, textInput } from '../flow/task.ts';
import { warnOfForeign } from './host-filter.ts';
import { LISTED, listed, movedBefore } from './listed-instance.ts';
import { known, withOutageRetry } from './outage-retry.ts';
import { decideRebooted } from './rebooted-instance-decision.ts';

/**
 * The state of an instance before the first recovery of its host touched it: that recovery may have set it to error and failed. If an
 * instance is in any other state, a user has changed it since; then its present state counts.
 */
export function withOriginal(now: InstanceSnapshot, earlier: EarlierMove | undefined): InstanceSnapshot {
  if (!earlier || now.vmState !== 'error') return now;
  return earlier.before as unknown as InstanceSnapshot;
}

/**
 * As `withOriginal`. In addition, an instance that ran counts as running although it is stopped now: by nova-compute of a host that
 * rebooted, or by the recovery of its own crash, which the failure of the host interrupted before it could start the instance again.
 */
async function originalOf(
  context: TaskContext,
  now: InstanceSnapshot,
  earlier: EarlierMove | undefined,
  stopped: ReadonlyMap<string, StoppedInstance>,
): Promise<InstanceSnapshot> {
  const before = earlier?.before as unknown as InstanceSnapshot | undefined;
  if (now.vmState !== 'stopped') return withOriginal(now, earlier);
  if (stopped.get(now.uuid)?.vmState === 'active') return running(now);
  if (before === undefined) return (await wasStoppedByNova(context, now)) ? running(now) : now;
  if (before.vmState !== 'active') return withOriginal(now, earlier);
  const { cloud, signal } = context;
  const actions = await withOutageRetry(context, () => cloud.instanceActions(now.uuid, { signal }).catch(notShown));
  return isStoppedByOwner(actions) ? now : before;
}

function running(instance: InstanceSnapshot): InstanceSnapshot {
  return { ...instance, vmState: 'active', taskState: null, powerState: POWER_STATE.RUNNING };
}

/** Sooner after the failure the host cannot be back, so that its nova-compute cannot have stopped anything. */
const FASTEST_REBOOT_MS = 30_000;

/**
 * Whether the host came back in between, and its nova-compute stopped the instances that were off. Not read while that cannot have
 * happened.
 */
async function wasStoppedByNova(
  context: TaskContext,
  { uuid, vmState, taskState }: InstanceSnapshot,
): Promise<boolean> {
  const { clock, cloud, deadSince, signal } = context;
  const elapsed = deadSince === null ? 0 : clock.now() - deadSince;
  if (elapsed >= 0 && elapsed < FASTEST_REBOOT_MS) return false;
  const actions = await withOutageRetry(context, () => cloud.instanceActions(uuid, { signal }).catch(notShown));
  return decideRebooted({ vmState, taskState }, actions, deadSince).do === 'start';
}

/** Nova shows the requests for the instance to no user. */
function notShown(error: unknown): readonly InstanceAction[] {
  if (error instanceof CloudError && !isOutage(error)) return [];
  throw error;
}

/** Instances that left the host in an earlier unfinished attempt. */
export async function strays(
  context: TaskContext,
  earlier: readonly EarlierMove[],
  onHost: ReadonlySet<string>,
): Promise<InstanceSnapshot[]> {
  const found: InstanceSnapshot[] = [];
  for (const { instance, before, unfinished } of earlier) {
    if (!unfinished || onHost.has(instance)) continue;
    const reading = await known(context, () => readInstance(context.cloud, instance, { signal: context.signal }));
    if (reading.answer === 'yes') found.push(before as unknown as InstanceSnapshot);
  }
  return found;
}

export const prepareHaEnabledInstances: BuiltInTask = {
  name: 'prepare_HA_enabled_instances_task',
  title: 'PrepareHAEnabledInstancesTask',
  requires: ['host_name'],
  provides: ['instance_list', 'instances'],
  flows: FAILURE_FLOWS,
  shapes: { instance_list: 'any', instances: LISTED },

  async run(context) {
    const host = textInput(context, 'host_name');
    const { settings, cloud, signal } = context;
    const report = context.progress;
    report('Preparing instances for evacuation', 0);
    const reading = await known(context, () => readInstancesOn(cloud, host, { signal }));
    const { items, foreign } = reading.answer === 'yes' ? reading.value : { items: [], foreign: 0 };
    if (foreign > 0) warnOfForeign(context, host, foreign);
    report(`Total instances running on failed host '${host}' is ${items.length}`, 0.3);

    const earlier = await context.history.earlierMoves(host);
    const originals = new Map(earlier.map((move) => [move.instance, move]));
    const stopped = await context.history.stoppedByRecoveries(host);
    const all: InstanceSnapshot[] = [];
    for (const instance of items) {
      const now = snapshotOf(instance, settings.hostHaKey);
      all.push(await originalOf(context, now, originals.get(instance.uuid), stopped));
    }
    all.push(...(await strays(context, earlier, new Set(items.map(({ uuid }) => uuid)))));
    const candidates = all.filter((instance) => {
      if (instance.vmState !== 'error' || !settings.ignoreInstancesInErrorState) return true;
      if (instance.haEnabled) {
        report(`Ignoring recovery of HA_Enabled instance '${instance.uuid}' as it is in 'error' state.`, 0.4);
      }
      return false;
    });
    const marked = inRotation(candidates.filter(({ haEnabled }) => haEnabled));
    const others = inRotation(candidates.filter(({ haEnabled }) => !haEnabled));
    report(`Total HA Enabled instances count: '${marked.length}'`, 0.6);
    let chosen = marked;
    if (settings.evacuateAllInstances) {
      report(`Total Non-HA Enabled instances count: '${others.length}'`, 0.7);
      chosen = [...marked, ...others];
      report(
        `All instances (HA Enabled/Non-HA Enabled) should be considered for evacuation. Total count is: '${chosen.length}'`,
        0.8,
      );
    }
    const moved = chosen.length === 0 ? await movedBefore(context) : [];
    if (moved.length > 0) {
      // The tasks after this one are not all done: for example, an operator's task failed in an earlier round.
      report(`All instances of host '${host}' that needed to be evacuated were evacuated before`, 1);
      return { instance_list: [], instances: moved };
    }
    if (chosen.length === 0) {
      const message = `Skipped host '${host}' recovery as no instances needs to be evacuated`;
      report(message, 1);
      throw new SkipRecovery(message);
    }
    report(`Instances to be evacuated are: '${chosen.map(({ uuid }) => uuid).join(',')}'`, 1);
    return { instance_list: chosen as unknown as Json, instances: chosen.map(listed) };
  },
};
