/**
 * Starts in place the instances that ran on a host when it failed, after the host was rebooted and before anything was moved.
 *
 * Invariant: only instances that Nova itself stopped are started; an instance that a user stopped stays so. An instance that cannot be
 * started prevents no other from being started.
 */
import { CloudError } from '#openstack/cloud-error.ts';
import type { Instance } from '../cloud/cloud.ts';
import { readInstance, readInstancesOn } from '../cloud/reading.ts';
import { isHaEnabled } from '../evacuation/original-state-decision.ts';
import { SkipRecovery, TaskFailure } from '../flow/outcome.ts';
import { type BuiltInTask, type TaskContext, textInput } from '../flow/task.ts';
import { serviceOf } from './compute-service.ts';
import { waitUntil } from './condition.ts';
import { bringAbout } from './convergence.ts';
import { stateOf } from './instance.ts';
import { known } from './outage-retry.ts';
import { decideRebooted } from './rebooted-instance-decision.ts';

/**
 * Consecutive rounds in which Nova did nothing with any instance of the host, after which its power synchronisation is over: it starts
 * within a minute of the start of nova-compute (oslo.service: periodic_fuzzy_delay), and stops instances one after the other.
 */
const QUIET_ROUNDS = 10;
/** Pause between two rounds, in verify intervals. */
const ROUND_INTERVALS = 10;

async function waitUntilUp(context: TaskContext, host: string): Promise<void> {
  let reported = false;
  const isUp = await waitUntil(context, Number.POSITIVE_INFINITY, async () => {
    const { state, forcedDown } = await serviceOf(context, host);
    if (forcedDown) {
      // A recovery has started to move its instances, and is responsible for the others.
      throw new SkipRecovery(`Host '${host}' is forced down by the recovery of its failure: nothing is started there.`);
    }
    if (state === 'down' && !reported)
      context.progress(`Waiting for the compute service of host '${host}' to be up`, 0);
    reported ||= state === 'down';
    return state === 'up';
  });
  if (!isUp) throw new TaskFailure(`the compute service of host '${host}' is not up`);
}

/** The instances on the host of this recovery. */
async function instancesOn(context: TaskContext, host: string): Promise<readonly Instance[]> {
  const { cloud, settings, signal } = context;
  const listing = await known(context, () => readInstancesOn(cloud, host, { signal }));
  const items = listing.answer === 'yes' ? listing.value.items : [];
  return items.filter(({ metadata }) => settings.evacuateAllInstances || isHaEnabled(metadata, settings.hostHaKey));
}

/** Starts one instance. Returns why it could not be started. */
async function start(context: TaskContext, uuid: string, host: string): Promise<string | null> {
  const { cloud, settings, signal, globalRequestId } = context;
  try {
    await bringAbout<Instance | null>(context, {
      key: `start:${uuid}`,
      kind: 'start',
      object: uuid,
      read: async () => {
        const reading = await known(context, () => readInstance(cloud, uuid, { signal }));
        return reading.answer === 'yes' ? reading.value : null;
      },
      before: (instance) => (instance ? { ...stateOf(instance), name: instance.name, host } : {}),
      decide: (instance) => {
        if (instance === null || instance.host !== host || instance.vmState === 'active') return 'done';
        if (instance.taskState !== null) return 'underway';
        if (instance.vmState === 'stopped') return 'absent';
        throw new TaskFailure(`it is in vm_state ${instance.vmState}`);
      },
      act: () => cloud.start(uuid, { signal, globalRequestId }),
      // Another start, or the power synchronisation, was faster.
      onConflict: () => {},
      waitMs: settings.waitPeriodAfterPowerOnMs,
      late: () => new TaskFailure(`it did not become active within ${settings.waitPeriodAfterPowerOnMs / 1000} s`),
    });
    return null;
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    if (error instanceof TaskFailure || error instanceof CloudError) return error.message;
    throw error;
  }
}

export const restartInstances: BuiltInTask = {
  name: 'restart_instances_task',
  title: 'RestartInstancesTask',
  requires: ['host_name'],
  provides: [],
  flows: ['host_reboot'],

  async run(context) {
    const host = textInput(context, 'host_name');
    const { budgets, clock, deadSince, settings, signal } = context;
    context.progress(`Restarting instances that ran on host '${host}' when it failed`, 0);
    await waitUntilUp(context, host);
    const results = new Map<string, string | null>();
    for (let quiet = 0; quiet < QUIET_ROUNDS; ) {
      const starting: Promise<void>[] = [];
      let isBusy = false;
      for (const instance of await instancesOn(context, host)) {
        const { uuid, vmState, taskState } = instance;
        if (results.has(uuid)) continue;
        const mayHaveRun = vmState === 'stopped' && taskState === null;
        const actions = mayHaveRun ? await actionsOf(context, uuid) : null;
        const decision = decideRebooted(instance, actions, deadSince);
        isBusy ||= decision.do === 'wait';
        if (decision.do !== 'start') continue;
        results.set(uuid, null);
        const begin = async (): Promise<void> => void results.set(uuid, await start(context, uuid, host));
        const started = budgets.requests.run(begin, signal);
        // It is awaited below; until then its rejection must not count as unhandled.
        started.catch(() => {});
        starting.push(started);
      }
      await Promise.all(starting);
      quiet = isBusy || starting.length > 0 ? 0 : quiet + 1;
      await clock.sleep(ROUND_INTERVALS * settings.verifyIntervalMs, signal);
    }
    return report(context, host, results);
  },
};

async function actionsOf(context: TaskContext, uuid: string) {
  const { cloud, signal } = context;
  const reading = await known(context, async () => {
    const actions = await cloud.instanceActions(uuid, { signal });
    return { answer: 'yes', value: actions } as const;
  });
  return reading.answer === 'yes' ? reading.value : null;
}

function report(context: TaskContext, host: string, results: ReadonlyMap<string, string | null>) {
  if (results.size === 0) {
    const message = `Host '${host}' came back, and none of its instances was off.`;
    context.progress(message, 1);
    throw new SkipRecovery(message);
  }
  const failed = [...results].filter(([, reason]) => reason !== null).map(([uuid, reason]) => `${uuid} (${reason})`);
  const restarted = [...results].filter(([, reason]) => reason === null).map(([uuid]) => uuid);
  if (restarted.length > 0)
    context.progress(`Restarted instances '${restarted.sort().join(',')}' on host '${host}'`, 1);
  if (failed.length > 0) {
    throw new TaskFailure(`Failed to restart instances ${failed.sort().join(', ')} on host ${host}`);
  }
  return {};
}
