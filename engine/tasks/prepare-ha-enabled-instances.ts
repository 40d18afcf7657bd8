/** Finds out which instances of a failed host have to be moved, in which order, and what each of them was. */
import { FAILURE_FLOWS } from '#config/pipelines.ts';
import type { Instance } from '../cloud/cloud.ts';
import { SkipRecovery } from '../flow/outcome.ts';
import type { Json } from '../flow/plan.ts';
import { type EarlierMove, type Task, type TaskContext, textInput } from '../flow/task.ts';
import { type InstanceSnapshot, snapshotOf } from '../recovery/original-state.ts';
import { LISTED, listed, movedBefore } from './listed-instance.ts';
import { patiently } from './patience.ts';

/**
 * What an instance was before the first recovery of its host touched it: that recovery may have set it to error and failed.
 * An instance in any other state has been changed by somebody since; then what it is now counts.
 */
export function withOriginal(now: InstanceSnapshot, earlier: EarlierMove | undefined): InstanceSnapshot {
  if (!earlier || now.vmState !== 'error') return now;
  return earlier.before as unknown as InstanceSnapshot;
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
    const now = await patiently(context, () => context.cloud.instance(instance, { signal: context.signal }));
    if (now && now.vmState !== 'deleted') found.push(before as unknown as InstanceSnapshot);
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
    const { items } = await patiently(context, () => cloud.listInstances({ host }, { signal }));
    tell(`Total instances running on failed host '${host}' is ${items.length}`, 0.3);

    const earlier = await context.earlierMoves(host);
    const originals = new Map(earlier.map((move) => [move.instance, move]));
    const snapshot = (instance: Instance): InstanceSnapshot =>
      withOriginal(snapshotOf(instance, settings.hostHaKey), originals.get(instance.uuid));
    const all = [...items.map(snapshot), ...(await strays(context, earlier, new Set(items.map(({ uuid }) => uuid))))];
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
