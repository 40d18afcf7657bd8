/**
 * Enables the compute service of a host that came back: undoes the changes that the recovery of its failure made.
 *
 * Invariant: the host is marked as up in Nova only when no evacuated instance can still run there. The host's own nova-compute removes
 * these when it starts, and then updates the evacuation records; until then Nova itself responds 400.
 */
import type { ComputeService } from '../cloud/cloud.ts';
import { mayRemainOnSource } from '../evacuation/evacuation-record.ts';
import { TaskFailure } from '../flow/outcome.ts';
import { type BuiltInTask, type TaskContext, textInput } from '../flow/task.ts';
import { serviceOf } from './compute-service.ts';
import { waitUntil } from './condition.ts';
import { bringAbout } from './convergence.ts';
import { withOutageRetry } from './outage-retry.ts';

/** Such waits end with the timeout of the task. */
const WHILE_THE_TASK_LASTS = Number.POSITIVE_INFINITY;

/** Reports each state of a wait once. */
function reportingOnce(context: TaskContext, progress: number): (message: string) => void {
  let reported = '';
  return (message) => {
    if (message !== reported) context.progress(message, progress);
    reported = message;
  };
}

async function waitUntilCleaned(context: TaskContext, host: string): Promise<void> {
  const { cloud, signal } = context;
  const report = reportingOnce(context, 0.1);
  await waitUntil(context, WHILE_THE_TASK_LASTS, async () => {
    const { items } = await cloud.listEvacuations({ sourceHost: host }, { signal });
    const left = items.filter(mayRemainOnSource).length;
    if (left === 0) return true;
    report(
      `Waiting for nova-compute on host '${host}' to remove ${left} evacuated instances, which it does when it starts`,
    );
    return false;
  });
}

async function takeAsUp(context: TaskContext, host: string): Promise<void> {
  const { cloud, settings, signal, globalRequestId } = context;
  const report = reportingOnce(context, 0.3);
  await bringAbout<ComputeService>(context, {
    key: `unforce:${host}`,
    kind: 'enable_service',
    object: host,
    read: () => serviceOf(context, host),
    before: serviceState,
    decide: ({ forcedDown }) => (forcedDown ? 'absent' : 'done'),
    act: (service) => cloud.changeService(service, { forcedDown: false }, { signal, globalRequestId }),
    isNotYet: ({ status, message }) => {
      if (status === 400) report(`Nova does not take host '${host}' as up yet: ${message}`);
      return status === 400;
    },
    waitMs: settings.waitPeriodAfterServiceUpdateMs,
    late: () => new TaskFailure(`Nova still shows the compute service of host '${host}' as forced down`),
  });
}

async function waitUntilUp(context: TaskContext, host: string): Promise<void> {
  const report = reportingOnce(context, 0.5);
  await waitUntil(context, WHILE_THE_TASK_LASTS, async () => {
    const { state } = await serviceOf(context, host);
    if (state === 'down') report(`Waiting for the compute service of host '${host}' to be up`);
    return state === 'up';
  });
}

/** A host that fails again soon takes no new instances meanwhile. A break begins the time again. */
async function quarantine(context: TaskContext, host: string): Promise<void> {
  const { clock, settings, signal } = context;
  const { returnQuarantineMs, heartbeatWaitMs } = settings;
  if (returnQuarantineMs === 0) return;
  context.progress(`Host '${host}' has to report to Nova for ${returnQuarantineMs / 1000} s before it is enabled`, 0.6);
  let since = clock.boottime();
  for (;;) {
    const left = since + returnQuarantineMs - clock.boottime();
    if (left <= 0) return;
    await clock.sleep(Math.min(left, heartbeatWaitMs), signal);
    const { state } = await withOutageRetry(context, () => serviceOf(context, host));
    if (state === 'up') continue;
    context.progress(`Host '${host}' does not report to Nova any more: its time begins again when it does`, 0.6);
    await waitUntilUp(context, host);
    since = clock.boottime();
  }
}

async function enable(context: TaskContext, host: string): Promise<void> {
  const { cloud, settings, signal, globalRequestId } = context;
  await bringAbout<ComputeService>(context, {
    key: `enable:${host}`,
    kind: 'enable_service',
    object: host,
    read: () => serviceOf(context, host),
    before: serviceState,
    decide: ({ status }) => (status === 'enabled' ? 'done' : 'absent'),
    act: (service) => cloud.changeService(service, { status: 'enabled' }, { signal, globalRequestId }),
    waitMs: settings.waitPeriodAfterServiceUpdateMs,
    late: () => new TaskFailure(`Nova does not show the compute service of host '${host}' as enabled`),
  });
}

function serviceState({ status, state, forcedDown, disabledReason }: ComputeService) {
  return { status, state, forcedDown, disabledReason };
}

export const enableComputeService: BuiltInTask = {
  name: 'enable_compute_service_task',
  title: 'EnableComputeServiceTask',
  requires: ['host_name'],
  provides: [],
  // In the flow of a failure it would treat a failed host as up.
  flows: ['host_return'],

  async run(context) {
    const host = textInput(context, 'host_name');
    const { hostDisableReason, processDisableReason } = context.settings;
    context.progress(`Enabling compute service on host: '${host}'`, 0);
    // Also if the service was not forced down: a host that only had lost its network still runs the evacuated instances.
    await waitUntilCleaned(context, host);
    await takeAsUp(context, host);
    await waitUntilUp(context, host);
    await quarantine(context, host);
    const { status, disabledReason } = await withOutageRetry(context, () => serviceOf(context, host));
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
