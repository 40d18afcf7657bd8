/**
 * Puts the compute service of a host that came back into use again: takes back what the recovery of its failure did.
 *
 * Invariant: Nova is told that the host is up only when nothing that was evacuated from it can still run there. The host's own
 * nova-compute removes that when it starts, and then says so in the evacuation records; Nova itself answers 400 until then.
 */
import type { ComputeService } from '../cloud/cloud.ts';
import { TaskFailure } from '../flow/outcome.ts';
import { type Task, type TaskContext, textInput } from '../flow/task.ts';
import { mayRemainOnSource } from '../recovery/evacuation-record.ts';
import { serviceOf } from './compute-service.ts';
import { waitUntil } from './condition.ts';
import { bringAbout } from './effect.ts';
import { patiently } from './patience.ts';

/** Such waits end with the time of the task. */
const WHILE_THE_TASK_LASTS = Number.POSITIVE_INFINITY;

/** Tells each state of a wait once. */
function tellingOnce(context: TaskContext, progress: number): (message: string) => void {
  let told = '';
  return (message) => {
    if (message !== told) context.progress(message, progress);
    told = message;
  };
}

async function waitUntilCleaned(context: TaskContext, host: string): Promise<void> {
  const { cloud, signal } = context;
  const tell = tellingOnce(context, 0.1);
  await waitUntil(context, WHILE_THE_TASK_LASTS, async () => {
    const { items } = await cloud.listEvacuations({ sourceHost: host }, { signal });
    const left = items.filter(mayRemainOnSource).length;
    if (left === 0) return true;
    tell(
      `Waiting for nova-compute on host '${host}' to remove ${left} evacuated instances, which it does when it starts`,
    );
    return false;
  });
}

async function takeAsUp(context: TaskContext, host: string): Promise<void> {
  const { cloud, settings, signal, globalRequestId } = context;
  const tell = tellingOnce(context, 0.3);
  await bringAbout<ComputeService>(context, {
    key: `unforce:${host}`,
    kind: 'enable_service',
    object: host,
    look: () => serviceOf(context, host),
    before: serviceState,
    judge: ({ forcedDown }) => (forcedDown ? 'absent' : 'done'),
    act: (service) => cloud.changeService(service, { forcedDown: false }, { signal, globalRequestId }),
    isNotYet: ({ status, message }) => {
      if (status === 400) tell(`Nova does not take host '${host}' as up yet: ${message}`);
      return status === 400;
    },
    waitMs: settings.waitPeriodAfterServiceUpdateMs,
    late: () => new TaskFailure(`Nova still shows the compute service of host '${host}' as forced down`),
  });
}

async function waitUntilUp(context: TaskContext, host: string): Promise<void> {
  const tell = tellingOnce(context, 0.5);
  await waitUntil(context, WHILE_THE_TASK_LASTS, async () => {
    const { state } = await serviceOf(context, host);
    if (state === 'down') tell(`Waiting for the compute service of host '${host}' to be up`);
    return state === 'up';
  });
}

async function enable(context: TaskContext, host: string): Promise<void> {
  const { cloud, settings, signal, globalRequestId } = context;
  await bringAbout<ComputeService>(context, {
    key: `enable:${host}`,
    kind: 'enable_service',
    object: host,
    look: () => serviceOf(context, host),
    before: serviceState,
    judge: ({ status }) => (status === 'enabled' ? 'done' : 'absent'),
    act: (service) => cloud.changeService(service, { status: 'enabled' }, { signal, globalRequestId }),
    waitMs: settings.waitPeriodAfterServiceUpdateMs,
    late: () => new TaskFailure(`Nova does not show the compute service of host '${host}' as enabled`),
  });
}

function serviceState({ status, state, forcedDown, disabledReason }: ComputeService) {
  return { status, state, forcedDown, disabledReason };
}

export const enableComputeService: Task = {
  name: 'enable_compute_service_task',
  requires: ['host_name'],
  provides: [],
  // In the flow of a failure it would take a dead host as up.
  flows: ['host_return'],

  async run(context) {
    const host = textInput(context, 'host_name');
    const { hostDisableReason, processDisableReason } = context.settings;
    context.progress(`Enabling compute service on host: '${host}'`, 0);
    // Also where nobody forced it down: a host that only had lost its network still runs what was evacuated.
    await waitUntilCleaned(context, host);
    await takeAsUp(context, host);
    await waitUntilUp(context, host);
    const { status, disabledReason } = await patiently(context, () => serviceOf(context, host));
    const isOurs = disabledReason === hostDisableReason || disabledReason === processDisableReason;
    if (status === 'disabled' && !isOurs) {
      const reason = disabledReason === null ? 'without a reason' : `with the reason '${disabledReason}'`;
      context.progress(`Compute service on host '${host}' stays disabled: an operator disabled it ${reason}`, 1);
      return {};
    }
    await enable(context, host);
    context.progress(`Enabled compute service on host: '${host}'`, 1);
    return {};
  },
};
