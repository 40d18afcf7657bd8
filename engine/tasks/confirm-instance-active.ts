/** Waits until Nova shows an instance as active. */
import type { Instance } from '../cloud/cloud.ts';
import { TaskFailure } from '../flow/outcome.ts';
import { type BuiltInTask, textInput } from '../flow/task.ts';
import { waitUntil } from './condition.ts';
import { faultOf, instanceOf } from './instance.ts';

export const confirmInstanceActive: BuiltInTask = {
  name: 'confirm_instance_active_task',
  title: 'ConfirmInstanceActiveTask',
  requires: ['instance_uuid'],
  provides: [],

  async run(context) {
    const uuid = textInput(context, 'instance_uuid');
    context.progress(`Confirming instance '${uuid}' vm_state is ACTIVE`, 0);
    let last: Instance | undefined;
    const isActive = await waitUntil(context, context.settings.waitPeriodAfterPowerOnMs, async () => {
      last = await instanceOf(context, uuid);
      return last.vmState === 'active';
    });
    if (!isActive) {
      const message = `Failed to start instance ${uuid}`;
      context.progress(message, 1);
      throw new TaskFailure(last ? `${message}: it is ${last.vmState}${faultOf(last)}` : message);
    }
    context.progress(`Confirmed instance '${uuid}' vm_state is ACTIVE`, 1);
    return {};
  },
};
