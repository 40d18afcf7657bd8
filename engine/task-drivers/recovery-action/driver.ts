/**
 * Tasks that are chains of actions on instances, in Senlin's form: `driver = recovery_action`.
 *
 * Each action is done for all instances before the next one starts; an instance on which one failed, or that was left unchanged, gets no
 * further ones.
 */
import { isOutage } from '#openstack/cloud-error.ts';
import type { RebootType } from '../../cloud/cloud.ts';
import type { InstanceSnapshot } from '../../evacuation/original-state-decision.ts';
import { InDoubt, TaskFailure } from '../../flow/outcome.ts';
import type { TaskContext } from '../../flow/task.ts';
import { migrateHome, requireOpen } from '../../migration/migration.ts';
import { listed } from '../../tasks/listed-instance.ts';
import type { Driver, DriverCall } from '../driver.ts';
import { provideWorkflow } from '../mistral/definition.ts';
import { runWorkflow } from '../mistral/workflow-run.ts';
import { TASK_STEP, taskStepKey } from '../task-step.ts';
import { type Action, actionsOf, badly, type Outcome, well } from './actions.ts';
import { chosenInstances } from './chosen-instances.ts';
import { evacuate } from './evacuation.ts';
import { renew } from './reboot-rebuild.ts';

/** Instances that are rebooted, rebuilt, migrated or have a workflow at the same time: each is polled every `verify_interval`. */
const AT_ONCE = 10;

export const recoveryActionDriver: Driver = {
  steps: 'own',
  async run(call) {
    const { context, options, name } = call;
    const instances = await chosenInstances(context, name, String(options.instances ?? ''));
    if (instances.length === 0) context.progress('There is no instance to act on', 1);
    const fates = new Map(instances.map((instance) => [instance.uuid, well(instance)]));
    for (const action of actionsOf(options.actions ?? null)) {
      const left = [...fates.values()].flatMap((outcome) => (isWell(outcome) ? [outcome.instance] : []));
      if (left.length === 0) break;
      context.progress(`${action.name}: ${left.map(({ uuid }) => uuid).join(',')}`);
      for (const outcome of await perform(call, action, left)) {
        const { instance, failure, leftFor, host } = outcome;
        fates.set(instance.uuid, { ...outcome, host: host ?? fates.get(instance.uuid)?.host ?? null });
        if (failure !== null) context.progress(`${action.name} of '${instance.uuid}' failed: ${failure}`);
        if (leftFor !== null) context.progress(`${action.name} leaves '${instance.uuid}' where it is: ${leftFor}`);
      }
    }
    return conclude([...fates.values()]);
  },
};

function isWell({ failure, leftFor }: Outcome): boolean {
  return failure === null && leftFor === null;
}

function conclude(fates: readonly Outcome[]) {
  const failed = fates.filter(({ failure }) => failure !== null);
  const outputs = {
    recovered_instances: fates
      .filter(isWell)
      .map(({ instance, host }) => ({ ...listed(instance), new_host: host ?? instance.host })),
    failed_instances: failed.map(({ instance, failure }) => ({ ...listed(instance), reason: failure })),
  };
  if (failed.length === 0) return outputs;
  const list = failed.map(({ instance, failure }) => `${instance.uuid} (${failure})`).sort();
  const message = `not done for ${failed.length} of ${fates.length} instances: ${list.join(', ')}`;
  if (failed.some(({ isDoubtful }) => isDoubtful)) throw new InDoubt(message);
  const isOutageOnly = failed.every(({ isUnanswered }) => isUnanswered);
  throw new TaskFailure(message, isOutageOnly ? 'outage' : 'work', undefined, outputs);
}

async function perform(
  call: DriverCall,
  action: Action,
  instances: readonly InstanceSnapshot[],
): Promise<readonly Outcome[]> {
  const { context, options } = call;
  const key = `${action.name.toLowerCase()}:${call.name}/${action.index}`;
  switch (action.name) {
    case 'EVACUATE':
      return evacuate(context, instances);
    case 'REBOOT':
    case 'REBUILD': {
      const kind = action.name === 'REBOOT' ? 'reboot' : 'rebuild';
      const rebootType: RebootType = options.rebootType === 'SOFT' ? 'SOFT' : 'HARD';
      return each(context, instances, (inner, instance) =>
        renew(inner, { kind, key: `${key}/${instance.uuid}`, rebootType }, instance),
      );
    }
    case 'MIGRATE':
      await requireOpen(context);
      return each(context, instances, (inner, instance) =>
        migrateHome(inner, `${call.name}/${action.index}/${instance.uuid}`, instance),
      );
    case 'WORKFLOW':
      return workflows(call, action, instances);
  }
}

/** One execution for each instance, whose uuid it gets as a further input, as in Senlin the uuid of its node. */
async function workflows(
  { context, stepKey, name }: DriverCall,
  { index, params }: Action,
  instances: readonly InstanceSnapshot[],
): Promise<readonly Outcome[]> {
  const workflowName = String(params.workflow_name);
  if (params.definition_file) await provideWorkflow(context, workflowName, String(params.definition_file));
  const given = params.inputs;
  const inputs = given !== null && typeof given === 'object' && !Array.isArray(given) ? given : {};
  return each(context, instances, async (inner, instance) => {
    const { uuid } = instance;
    await runWorkflow(inner, {
      // An operator settles a doubt about it as one about a task of that name.
      key: `${taskStepKey(name)}/${index}/${uuid}`,
      kind: TASK_STEP,
      object: uuid,
      stepKey: `${stepKey}/${index}/${uuid}`,
      workflowName,
      inputs: { ...inputs, instance_uuid: uuid },
      provides: [],
    });
    return well(instance);
  });
}

/**
 * Failures of single instances, and outages of their cells, concern only those instances. A fault of the whole task, such as an outage of
 * the whole cloud, ends it, after the instances in progress.
 */
async function each(
  context: TaskContext,
  instances: readonly InstanceSnapshot[],
  act: (context: TaskContext, instance: InstanceSnapshot) => Promise<Outcome>,
): Promise<readonly Outcome[]> {
  const fates: Outcome[] = [];
  const waiting = [...instances];
  let end: unknown;
  const work = async (): Promise<void> => {
    for (let next = waiting.shift(); next && end === undefined; next = waiting.shift()) {
      try {
        fates.push(await act(context, next));
      } catch (error) {
        if (!(error instanceof TaskFailure) || context.signal.aborted) end ??= error;
        else if (error.fault !== 'outage') {
          fates.push(badly(next, error.message, { isDoubtful: error instanceof InDoubt }));
        } else if (await isCloudAway(context)) end ??= error;
        else fates.push(badly(next, error.message, { isUnanswered: true }));
      }
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  if (end !== undefined) throw end;
  return fates;
}

async function isCloudAway({ cloud, signal }: TaskContext): Promise<boolean> {
  try {
    await cloud.check({ signal });
    return false;
  } catch (error) {
    return isOutage(error) || signal.aborted;
  }
}
