/** Starts an instance that the previous task has stopped. */
import type { Instance } from '../cloud/cloud.ts';
import { TaskFailure } from '../flow/outcome.ts';
import { type BuiltInTask, type TaskContext, textInput } from '../flow/task.ts';
import { bringAbout, type Examined } from './convergence.ts';
import { downHostOf, faultOf, instanceOf, stateOf } from './instance.ts';

/** An instance that is started on a host that is down stays powering-on for ever. */
async function examine(context: TaskContext, instance: Instance): Promise<Examined> {
  const downHost = await downHostOf(context, instance);
  if (downHost === undefined) return { do: 'call' };
  throw new TaskFailure(`Failed to start instance ${instance.uuid}: its host '${downHost}' is down`);
}

function late({ uuid, vmState, taskState }: Instance): TaskFailure {
  const message = `Failed to start instance ${uuid}`;
  if (taskState === 'powering-on') return new TaskFailure(message);
  const reason = taskState === null ? `it is ${vmState}` : `Nova is busy with it (${taskState})`;
  return new TaskFailure(`${message}: ${reason}`);
}

export const startInstance: BuiltInTask = {
  name: 'start_instance_task',
  title: 'StartInstanceTask',
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
      read: () => instanceOf(context, uuid),
      before: stateOf,
      decide: (instance) => {
        const { vmState, taskState } = instance;
        if (taskState === 'powering-on') return 'underway';
        if (vmState === 'active') return 'done';
        // A stopped instance that is busy has to be awaited: Nova refuses to start it.
        if (vmState === 'stopped') return taskState === null ? 'absent' : 'underway';
        const message = `Invalid state for Instance ${uuid}. Expected state: 'STOPPED', Actual state: '${vmState.toUpperCase()}'`;
        context.progress(message, 1);
        throw new TaskFailure(`${message}${faultOf(instance)}`);
      },
      examine: (instance) => examine(context, instance),
      act: () => cloud.start(uuid, { signal, globalRequestId }),
      // An instance that crashes during its start is stopped again: it gets the same limited number of calls.
      showsAtOnce: true,
      waitMs: settings.waitPeriodAfterPowerOnMs,
      mostCalls: settings.evacuationRetries + 1,
      late,
    });
    context.progress(`Instance started: '${uuid}'`, 1);
    return {};
  },
};
