/** Disables the compute service of a host on which a process cannot be kept running, so that it gets no new instances. */
import type { ComputeService } from '../cloud/cloud.ts';
import { SkipRecovery, TaskFailure } from '../flow/outcome.ts';
import { type BuiltInTask, textInput } from '../flow/task.ts';
import { serviceOf } from './compute-service.ts';
import { bringAbout } from './convergence.ts';

export const disableComputeNode: BuiltInTask = {
  name: 'disable_compute_node_task',
  title: 'DisableComputeNodeTask',
  requires: ['process_name', 'host_name'],
  provides: [],

  async run(context) {
    const host = textInput(context, 'host_name');
    const { cloud, settings, signal, globalRequestId } = context;
    let wasDisabled: boolean | undefined;
    context.progress(`Disabling compute service on host: '${host}'`, 0);
    await bringAbout<ComputeService>(context, {
      key: `disable:${host}`,
      kind: 'disable_service',
      object: host,
      read: () => serviceOf(context, host),
      before: ({ status, state, forcedDown, disabledReason }) => ({ status, state, forcedDown, disabledReason }),
      decide: ({ status, disabledReason }) => {
        // Disabled for our own reason: by an earlier attempt, so the flow continues.
        wasDisabled ??= status === 'disabled' && disabledReason !== settings.processDisableReason;
        return status === 'disabled' ? 'done' : 'absent';
      },
      act: (service) =>
        cloud.changeService(
          service,
          { status: 'disabled', disabledReason: settings.processDisableReason },
          { signal, globalRequestId },
        ),
      waitMs: settings.waitPeriodAfterServiceUpdateMs,
      late: () => new TaskFailure(`Failed to disable service ${textInput(context, 'process_name')}`),
    });
    if (wasDisabled) {
      const message = `Skipping recovery for process ${textInput(context, 'process_name')} as it is already disabled`;
      context.progress(message, 1);
      throw new SkipRecovery(message);
    }
    context.progress(`Disabled compute service on host: '${host}'`, 1);
    return {};
  },
};
