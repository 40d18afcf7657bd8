/** Stops a failed instance, so that Nova and the hypervisor agree before it is started again. */
import { isSameHost } from '#protocol/host-name.ts';
import type { Instance } from '../cloud/cloud.ts';
import { isHaEnabled } from '../evacuation/original-state-decision.ts';
import { IgnoreRecovery, SkipRecovery, TaskFailure } from '../flow/outcome.ts';
import type { Values } from '../flow/plan.ts';
import type { EarlierStep } from '../flow/recovery-history.ts';
import { type BuiltInTask, type TaskContext, textInput } from '../flow/task.ts';
import { bringAbout, type Examined } from './convergence.ts';
import { failedElsewhere } from './failed-elsewhere.ts';
import { actionsOf, downHostOf, faultOf, instanceOf, stateOf } from './instance.ts';
import { isUp, wasSeenDown, wasStartedSince } from './instance-up-decision.ts';
import { withOutageRetry } from './outage-retry.ts';

async function leaveResized(context: TaskContext, uuid: string): Promise<void> {
  const { cloud, signal, settings, globalRequestId } = context;
  await bringAbout<Instance>(context, {
    key: `reset:${uuid}`,
    kind: 'reset',
    object: uuid,
    read: () => instanceOf(context, uuid),
    before: stateOf,
    decide: ({ vmState }) => (vmState === 'resized' ? 'absent' : 'done'),
    act: () => cloud.resetState(uuid, 'active', { signal, globalRequestId }),
    waitMs: settings.waitPeriodAfterPowerOffMs,
    mostCalls: settings.evacuationRetries + 1,
    late: () => new TaskFailure(`Failed to stop instance ${uuid}`),
  });
}

/** @throws IgnoreRecovery if the instance is not, or not any more, the one that failed there */
function requireFailedHere(context: TaskContext, { uuid, host, vmState }: Instance): void {
  const reportedBy = textInput(context, 'host_name');
  const isElsewhere = host !== null && !isSameHost(host, reportedBy);
  const isKept = vmState === 'paused' || vmState === 'rescued';
  if (!isElsewhere && !isKept) return;
  const message = isElsewhere
    ? failedElsewhere(uuid, host, reportedBy)
    : `Recovery of instance '${uuid}' is ignored as it is in '${vmState}' state.`;
  context.progress(message, 1);
  throw new IgnoreRecovery(message);
}

/** A further occurrence of the task in the flow stops it once more. */
async function stepsOfOtherFlows(context: TaskContext, key: string): Promise<readonly EarlierStep[]> {
  return (await context.history.earlierSteps(key)).filter(({ flow }) => flow === 'other');
}

/** Another flow of the recovery stopped it, and it runs: it was started since, so there is nothing left to stop. */
async function isBackSince(context: TaskContext, instance: Instance): Promise<boolean> {
  if (!isUp(instance)) return false;
  const stops = await stepsOfOtherFlows(context, `stop:${instance.uuid}`);
  const starts = await stepsOfOtherFlows(context, `start:${instance.uuid}`);
  return wasSeenDown({ stops, starts });
}

/** IDs of the requests for the instance before the recovery first acted on it. */
async function knownBefore(context: TaskContext, uuid: string, detail: Values): Promise<readonly string[] | undefined> {
  const earlier = await stepsOfOtherFlows(context, `stop:${uuid}`);
  const first = [...earlier.map((step) => step.detail), detail].find(({ known }) => Array.isArray(known));
  return Array.isArray(first?.known) ? first.known.map(String) : undefined;
}

async function examine(context: TaskContext, instance: Instance, detail: Values): Promise<Examined> {
  const { uuid } = instance;
  const actions = await actionsOf(context, uuid);
  const known = await knownBefore(context, uuid, detail);
  if (actions && known && isUp(instance) && wasStartedSince(actions, known)) {
    return { do: 'done', reason: 'it was started since its recovery began' };
  }
  const downHost = await downHostOf(context, instance);
  if (downHost !== undefined) throw failure(context, uuid, `its host '${downHost}' is down`);
  return { do: 'call', detail: { known: known ?? actions?.map(({ requestId }) => requestId) ?? null } };
}

function failure(context: TaskContext, uuid: string, reason?: string): TaskFailure {
  const message = `Failed to stop instance ${uuid}`;
  context.progress(message, 1);
  return new TaskFailure(reason === undefined ? message : `${message}: ${reason}`);
}

async function stop(context: TaskContext, uuid: string): Promise<Instance> {
  const { cloud, signal, settings, globalRequestId } = context;
  let wasDown = false;
  return bringAbout<Instance>(context, {
    key: `stop:${uuid}`,
    kind: 'stop',
    object: uuid,
    read: () => instanceOf(context, uuid),
    before: stateOf,
    decide: (instance) => {
      const { vmState, taskState } = instance;
      requireFailedHere(context, instance);
      wasDown ||= vmState === 'stopped';
      // After it was stopped its owner may start it at any time.
      if (vmState === 'stopped') return taskState === null || taskState === 'powering-on' ? 'done' : 'underway';
      if (taskState !== null) return 'underway';
      return wasDown ? 'done' : 'absent';
    },
    examine: (instance, detail) => examine(context, instance, detail),
    act: () => cloud.stop(uuid, { signal, globalRequestId }),
    onConflict: () => context.progress(`Conflict when stopping instance: ${uuid}`, 0),
    showsAtOnce: true,
    waitMs: settings.waitPeriodAfterPowerOffMs,
    mostCalls: settings.evacuationRetries + 1,
    late: (instance) => {
      const { vmState, taskState } = instance;
      const reason =
        taskState === null ? `it is ${vmState}${faultOf(instance)}` : `Nova is busy with it (${taskState})`;
      return failure(context, uuid, taskState === 'powering-off' ? undefined : reason);
    },
  });
}

function startedSince(uuid: string): string {
  return `Instance '${uuid}' was started since its recovery began and is not stopped again`;
}

export const stopInstance: BuiltInTask = {
  name: 'stop_instance_task',
  title: 'StopInstanceTask',
  requires: ['instance_uuid', 'host_name'],
  provides: [],

  async run(context) {
    const uuid = textInput(context, 'instance_uuid');
    const { settings } = context;
    const instance = await withOutageRetry(context, () => instanceOf(context, uuid));
    if (!settings.processAllInstances && !isHaEnabled(instance.metadata, settings.instanceHaKey)) {
      const message = `Skipping recovery for instance: ${uuid} as it is not Ha_Enabled`;
      context.progress(message, 1);
      throw new SkipRecovery(message);
    }
    requireFailedHere(context, instance);
    if (instance.vmState === 'stopped' && instance.taskState === null && !context.isResumed) return {};
    if (await isBackSince(context, instance)) {
      context.progress(startedSince(uuid), 1);
      return {};
    }
    if (instance.vmState === 'resized') await leaveResized(context, uuid);
    context.progress(`Stopping instance: ${uuid}`, 0);
    const { vmState } = await stop(context, uuid);
    context.progress(vmState === 'stopped' ? `Stopped instance: '${uuid}'` : startedSince(uuid), 1);
    return {};
  },
};
