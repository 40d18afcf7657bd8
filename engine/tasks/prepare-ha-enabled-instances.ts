/** Finds out which instances of a failed host have to be moved, in which order, and what each of them was. */
import { FAILURE_FLOWS } from '#config/pipelines.ts';
import { CloudError, type InstanceAction, isOutage, POWER_STATE } from '../cloud/cloud.ts';
import { readInstance, readInstancesOn } from '../cloud/reading.ts';
import { SkipRecovery } from '../flow/outcome.ts';
import type { Json } from '../flow/plan.ts';
import { type EarlierMove, type StoppedInstance, type Task, type TaskContext, textInput } from '../flow/task.ts';
import { type InstanceSnapshot, snapshotOf } from '../recovery/original-state.ts';
import { decideRebooted } from '../recovery/rebooted-instance.ts';
import { isStoppedByOwner } from '../recovery/restore.ts';
import { warnOfForeign } from './host-filter.ts';
import { LISTED, listed, movedBefore } from './listed-instance.ts';
import { known, patiently } from './patience.ts';

/**
 * What an instance was before the first recovery of its host touched it: that recovery may have set it to error and failed.
 * An instance in any other state has been changed by somebody since; then what it is now counts.
 */
export function withOriginal(now: InstanceSnapshot, earlier: EarlierMove | undefined): InstanceSnapshot {
  if (!earlier || now.vmState !== 'error') return now;
  return earlier.before as unknown as InstanceSnapshot;
}

/**
 * As `withOriginal`; and what ran counts as what it was, although it is stopped now: by nova-compute of a host that rebooted, or by the
 * recovery of its own crash, which the failure of the host cut off before it could start it again.
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
  const actions = await patiently(context, () => cloud.instanceActions(now.uuid, { signal }).catch(notShown));
  return isStoppedByOwner(actions) ? now : before;
}

function running(instance: InstanceSnapshot): InstanceSnapshot {
  return { ...instance, vmState: 'active', taskState: null, powerState: POWER_STATE.RUNNING };
}

/** Sooner after the failure the host cannot be back, so that its nova-compute could have stopped anything. */
const FASTEST_REBOOT_MS = 30_000;

/** Whether the host came back in between, and its nova-compute stopped what it found off. Not read while that cannot have happened. */
async function wasStoppedByNova(
  context: TaskContext,
  { uuid, vmState, taskState }: InstanceSnapshot,
): Promise<boolean> {
  const { clock, cloud, deadSince, signal } = context;
  const elapsed = deadSince === null ? 0 : clock.now() - deadSince;
  if (elapsed >= 0 && elapsed < FASTEST_REBOOT_MS) return false;
  const actions = await patiently(context, () => cloud.instanceActions(uuid, { signal }).catch(notShown));
  return decideRebooted({ vmState, taskState }, actions, deadSince).do === 'start';
}

/** Nova shows nobody what was requested of the instance. */
function notShown(error: unknown): readonly InstanceAction[] {
  if (error instanceof CloudError && !isOutage(error)) return [];
  throw error;
}

/** Instances that left the host in an earlier attempt which did not finish with them. */
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

export const prepareHaEnabledInstances: Task = {
  name: 'prepare_HA_enabled_instances_task',
  requires: ['host_name'],
  provides: ['instance_list', 'instances'],
  flows: FAILURE_FLOWS,
  shapes: { instance_list: 'any', instances: LISTED },

  async run(context) {
    const host = textInput(context, 'host_name');
    const { settings, cloud, signal } = context;
    const tell = context.progress;
    tell('Preparing instances for evacuation', 0);
    const reading = await known(context, () => readInstancesOn(cloud, host, { signal }));
    const { items, foreign } = reading.answer === 'yes' ? reading.value : { items: [], foreign: 0 };
    if (foreign > 0) warnOfForeign(context, host, foreign);
    tell(`Total instances running on failed host '${host}' is ${items.length}`, 0.3);

    const earlier = await context.earlierMoves(host);
    const originals = new Map(earlier.map((move) => [move.instance, move]));
    const stopped = await context.stoppedByRecoveries(host);
    const all: InstanceSnapshot[] = [];
    for (const instance of items) {
      const now = snapshotOf(instance, settings.hostHaKey);
      all.push(await originalOf(context, now, originals.get(instance.uuid), stopped));
    }
    all.push(...(await strays(context, earlier, new Set(items.map(({ uuid }) => uuid)))));
    const candidates = all.filter((instance) => {
      if (instance.vmState !== 'error' || !settings.ignoreInstancesInErrorState) return true;
      if (instance.haEnabled) {
        tell(`Ignoring recovery of HA_Enabled instance '${instance.uuid}' as it is in 'error' state.`, 0.4);
      }
      return false;
    });
    const marked = candidates.filter(({ haEnabled }) => haEnabled);
    const others = candidates.filter(({ haEnabled }) => !haEnabled);
    tell(`Total HA Enabled instances count: '${marked.length}'`, 0.6);
    let chosen = marked;
    if (settings.evacuateAllInstances) {
      tell(`Total Non-HA Enabled instances count: '${others.length}'`, 0.7);
      chosen = [...marked, ...others];
      tell(
        `All instances (HA Enabled/Non-HA Enabled) should be considered for evacuation. Total count is: '${chosen.length}'`,
        0.8,
      );
    }
    const moved = chosen.length === 0 ? await movedBefore(context) : [];
    if (moved.length > 0) {
      // The tasks after this one have not all been done: that of an operator, for one, failed in an earlier round.
      tell(`All instances of host '${host}' that needed to be evacuated were evacuated before`, 1);
      return { instance_list: [], instances: moved };
    }
    if (chosen.length === 0) {
      const message = `Skipped host '${host}' recovery as no instances needs to be evacuated`;
      tell(message, 1);
      throw new SkipRecovery(message);
    }
    tell(`Instances to be evacuated are: '${chosen.map(({ uuid }) => uuid).join(',')}'`, 1);
    return { instance_list: chosen as unknown as Json, instances: chosen.map(listed) };
  },
};
