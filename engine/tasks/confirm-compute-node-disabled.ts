/** Waits until Nova shows the compute service of a host as disabled. */
import { TaskFailure } from '../flow/outcome.ts';
import { type BuiltInTask, textInput } from '../flow/task.ts';
import { serviceOf } from './compute-service.ts';
import { waitUntil } from './condition.ts';

export const confirmComputeNodeDisabled: BuiltInTask = {
  name: 'confirm_compute_node_disabled_task',
  title: 'ConfirmComputeNodeDisabledTask',
  requires: ['process_name', 'host_name'],
  provides: [],

  async run(context) {
    const host = textInput(context, 'host_name');
    context.progress(`Confirming compute service is disabled on host: '${host}'`, 0);
    const isDisabled = await waitUntil(context, context.settings.waitPeriodAfterServiceUpdateMs, async () => {
      const { status } = await serviceOf(context, host);
      return status === 'disabled';
    });
    if (!isDisabled) {
      const message = `Failed to disable service ${textInput(context, 'process_name')}`;
      context.progress(message, 1);
      throw new TaskFailure(message);
    }
    context.progress(`Confirmed compute service is disabled on host: '${host}'`, 1);
    return {};
  },
};
