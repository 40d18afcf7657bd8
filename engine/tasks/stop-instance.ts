/** Stops a failed instance, so that Nova and the hypervisor agree before it is started again. */
import { isSameHost } from '#protocol/same-host.ts';
import type { Instance } from '../cloud/cloud.ts';
import { IgnoreRecovery, SkipRecovery, TaskFailure } from '../flow/outcome.ts';
import { type Task, type TaskContext, textInput } from '../flow/task.ts';
import { isHaEnabled } from '../recovery/original-state.ts';
import { bringAbout } from './effect.ts';
import { instanceOf, stateOf } from './instance.ts';
import { patiently } from './patience.ts';

async function leaveResized(context: TaskContext, uuid: string): Promise<void> {
  const { cloud, signal, settings, globalRequestId } = context;
  await bringAbout<Instance>(context, {
    key: `reset:${uuid}`,
    kind: 'reset',
    object: uuid,
    look: () => instanceOf(context, uuid),
    before: stateOf,
    judge: ({ vmState }) => (vmState === 'resized' ? 'absent' : 'done'),
    act: () => cloud.resetState(uuid, 'active', { signal, globalRequestId }),
    waitMs: settings.waitPeriodAfterPowerOffMs,
    late: () => new TaskFailure(`Failed to stop instance ${uuid}`),
  });
}

export const stopInstance: Task = {
  name: 'stop_instance_task',
  requires: ['instance_uuid', 'host_name'],
  provides: [],

  async run(context) {
    const uuid = textInput(context, 'instance_uuid');
    const { cloud, signal, settings, globalRequestId } = context;
    const instance = await patiently(context, () => instanceOf(context, uuid));
    if (!settings.processAllInstances && !isHaEnabled(instance.metadata, settings.instanceHaKey)) {
      const message = `Skipping recovery for instance: ${uuid} as it is not Ha_Enabled`;
      context.progress(message, 1);
      throw new SkipRecovery(message);
    }
    const reportedBy = textInput(context, 'host_name');
    if (instance.host !== null && !isSameHost(instance.host, reportedBy)) {
      const message = `Recovery of instance '${uuid}' is ignored as it is on host '${instance.host}' and failed on '${reportedBy}'.`;
      context.progress(message, 1);
      throw new IgnoreRecovery(message);
    }
    if (instance.vmState === 'paused' || instance.vmState === 'rescued') {
      const message = `Recovery of instance '${uuid}' is ignored as it is in '${instance.vmState}' state.`;
      context.progress(message, 1);
      throw new IgnoreRecovery(message);
    }
    if (instance.vmState === 'stopped' && instance.taskState === null && !context.isResumed) return {};
    if (instance.vmState === 'resized') await leaveResized(context, uuid);
    context.progress(`Stopping instance: ${uuid}`, 0);
    await bringAbout<Instance>(context, {
      key: `stop:${uuid}`,
      kind: 'stop',
      object: uuid,
      look: () => instanceOf(context, uuid),
      before: stateOf,
      judge: ({ vmState, taskState }) => {
        if (vmState === 'stopped') return taskState === null ? 'done' : 'underway';
        return taskState === 'powering-off' ? 'underway' : 'absent';
      },
      act: () => cloud.stop(uuid, { signal, globalRequestId }),
      onConflict: () => context.progress(`Conflict when stopping instance: ${uuid}`, 0),
      waitMs: settings.waitPeriodAfterPowerOffMs,
      late: () => {
        context.progress(`Failed to stop instance ${uuid}`, 1);
        return new TaskFailure(`Failed to stop instance ${uuid}`);
      },
    });
    context.progress(`Stopped instance: '${uuid}'`, 1);
    return {};
  },
};
