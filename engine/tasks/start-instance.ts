/** Starts an instance that the task before has stopped. */
import type { Instance } from '../cloud/cloud.ts';
import { TaskFailure } from '../flow/outcome.ts';
import { type Task, textInput } from '../flow/task.ts';
import { bringAbout } from './effect.ts';
import { instanceOf, stateOf } from './instance.ts';

export const startInstance: Task = {
  name: 'start_instance_task',
  requires: ['instance_uuid'],
  provides: [],

  async run(context) {
    const uuid = textInput(context, 'instance_uuid');
    const { cloud, signal, settings, globalRequestId } = context;
    context.progress(`Starting instance: '${uuid}'`, 0);
    await bringAbout<Instance>(context, {
      key: `start:${uuid}`,
      kind: 'start',
      object: uuid,
      look: () => instanceOf(context, uuid),
      before: stateOf,
      judge: ({ vmState, taskState }) => {
        if (taskState === 'powering-on') return 'underway';
        if (vmState === 'active') return 'done';
        if (vmState === 'stopped') return 'absent';
        const message = `Invalid state for Instance ${uuid}. Expected state: 'STOPPED', Actual state: '${vmState.toUpperCase()}'`;
        context.progress(message, 1);
        throw new TaskFailure(message);
      },
      act: () => cloud.start(uuid, { signal, globalRequestId }),
      waitMs: settings.waitPeriodAfterPowerOnMs,
      late: () => new TaskFailure(`Failed to start instance ${uuid}`),
    });
    context.progress(`Instance started: '${uuid}'`, 1);
    return {};
  },
};
