/** Waits until Nova shows an instance as active. */
import { TaskFailure } from '../flow/outcome.ts';
import { type Task, textInput } from '../flow/task.ts';
import { waitUntil } from './condition.ts';
import { instanceOf } from './instance.ts';

export const confirmInstanceActive: Task = {
  name: 'confirm_instance_active_task',
  requires: ['instance_uuid'],
  provides: [],

  async run(context) {
    const uuid = textInput(context, 'instance_uuid');
    context.progress(`Confirming instance '${uuid}' vm_state is ACTIVE`, 0);
    const isActive = await waitUntil(context, context.settings.waitPeriodAfterPowerOnMs, async () => {
      const { vmState } = await instanceOf(context, uuid);
      return vmState === 'active';
    });
    if (!isActive) {
      context.progress(`Failed to start instance ${uuid}`, 1);
      throw new TaskFailure(`Failed to start instance ${uuid}`);
    }
    context.progress(`Confirmed instance '${uuid}' vm_state is ACTIVE`, 1);
    return {};
  },
};
