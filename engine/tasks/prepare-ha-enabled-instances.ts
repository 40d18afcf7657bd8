/** Lists the instances of a failed host that have to be moved, in their order and with the state of each. */
import { FAILURE_FLOWS } from '#config/pipelines/pipelines.ts';
import { CloudError, isOutage } from '#openstack/cloud-error.ts';
import { printableShort } from '#protocol/printable.ts';
import { type Instance, type InstanceAction, POWER_STATE } from '../cloud/cloud.ts';
import { readInstance, readInstancesOn } from '../cloud/reading.ts';
import { type InstanceSnapshot, snapshotOf, withOriginal } from '../evacuation/original-state-decision.ts';
import { isStoppedByOwner } from '../evacuation/restore-decision.ts';
import { SkipRecovery } from '../flow/outcome.ts';
import type { Json } from '../flow/plan.ts';
import type { EarlierMove, StoppedInstance } from '../flow/recovery-history.ts';
import { type BuiltInTask, type TaskContext, textInput } from '../flow/task.ts';
import { type Candidate, DEFAULT_PRIORITY, type InstanceOrder, planInstances } from '../incident/order-decision.ts';
import { warnOfForeign } from './host-filter.ts';
import { LISTED, listed, movedBefore } from './listed-instance.ts';
import { known, withOutageRetry } from './outage-retry.ts';
import { decideRebooted } from './rebooted-instance-decision.ts';

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
  if (now.vmState !== 'stopped') return withOriginal(now, before);
  if (stopped.get(now.uuid)?.vmState === 'active') return running(now);
  if (before === undefined) return (await wasStoppedByNova(context, now)) ? running(now) : now;
  if (before.vmState !== 'active') return withOriginal(now, before);
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

/** The instances of a host, each in the state that is to be restored, and those that an earlier attempt has not finished. */
async function candidatesOf(
  context: TaskContext,
  host: string,
  items: readonly Instance[],
): Promise<readonly Candidate[]> {
  const earlier = await context.history.earlierMoves(host);
  const originals = new Map(earlier.map((move) => [move.instance, move]));
  const stopped = await context.history.stoppedByRecoveries(host);
  const requested = new Set((await context.history.openEvacuations(host)).map(({ instance }) => instance));
  const candidates: Candidate[] = [];
  for (const listed of items) {
    const now = snapshotOf(listed, context.settings.hostHaKey);
    const snapshot = await originalOf(context, now, originals.get(listed.uuid), stopped);
    candidates.push({ snapshot, listed, isRequested: requested.has(listed.uuid) });
  }
  const away = await strays(context, earlier, new Set(items.map(({ uuid }) => uuid)));
  return [...candidates, ...away.map((snapshot) => ({ snapshot, listed: null, isRequested: true }))];
}

/** A line of progress names at most so many priorities: tenants write them. */
const MOST_NAMED = 10;

/** Names the instances that are left by a rule of the operator, the rules that cannot be applied, and priorities that are no number. */
function reportLeft({ progress }: TaskContext, host: string, { moves, left, unreadable }: InstanceOrder): void {
  for (const { snapshot, by } of left) {
    if (by !== 'state' || !snapshot.haEnabled) continue;
    progress(`Ignoring recovery of HA_Enabled instance '${snapshot.uuid}' as it is in 'error' state.`, 0.4);
  }
  const excluded = left.filter(({ by }) => by === 'exclusion');
  for (const [reason, some] of Map.groupBy(excluded, (one) => one.reason)) {
    progress(
      `Left on host '${host}', ${reason}: instances '${some.map(({ snapshot }) => snapshot.uuid).join(',')}'`,
      0.4,
    );
  }
  const hidden = moves.flatMap((move) => move.notApplied.map((option) => ({ option, uuid: move.snapshot.uuid })));
  for (const [option, some] of Map.groupBy(hidden, (one) => one.option)) {
    const uuids = some.map(({ uuid }) => uuid).join(',');
    progress(`[order] ${option} excludes no instance whose properties Nova hides: instances '${uuids}'`, 0.4);
  }
  if (unreadable.length === 0) return;
  const named = unreadable.slice(0, MOST_NAMED).map(({ snapshot, value }) => {
    return `${snapshot.uuid} ("${printableShort(value, 40)}")`;
  });
  const rest = unreadable.length > MOST_NAMED ? ` and ${unreadable.length - MOST_NAMED} more` : '';
  progress(`Priority is no number and counts as ${DEFAULT_PRIORITY}: instances ${named.join(', ')}${rest}`, 0.4);
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

    const order = planInstances(await candidatesOf(context, host, items), settings);
    reportLeft(context, host, order);
    const moves = order.moves.map(({ snapshot, phase }) =>
      settings.orderPhases === 'none' ? snapshot : { ...snapshot, phase },
    );
    const marked = moves.filter(({ haEnabled }) => haEnabled);
    report(`Total HA Enabled instances count: '${marked.length}'`, 0.6);
    if (settings.evacuateAllInstances) {
      report(`Total Non-HA Enabled instances count: '${moves.length - marked.length}'`, 0.7);
      report(
        `All instances (HA Enabled/Non-HA Enabled) should be considered for evacuation. Total count is: '${moves.length}'`,
        0.8,
      );
    }
    const moved = moves.length === 0 ? await movedBefore(context) : [];
    if (moved.length > 0) {
      // The tasks after this one are not all done: for example, an operator's task failed in an earlier round.
      report(`All instances of host '${host}' that needed to be evacuated were evacuated before`, 1);
      return { instance_list: [], instances: moved };
    }
    if (moves.length === 0) {
      const message = `Skipped host '${host}' recovery as no instances needs to be evacuated`;
      report(message, 1);
      throw new SkipRecovery(message);
    }
    report(`Instances to be evacuated are: '${moves.map(({ uuid }) => uuid).join(',')}'`, 1);
    return { instance_list: moves as unknown as Json, instances: moves.map(listed) };
  },
};
