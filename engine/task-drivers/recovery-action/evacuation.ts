/** EVACUATE: the built-in task, for the instances of the chain that are on the failed host. */

import type { InstanceSnapshot } from '../../evacuation/original-state-decision.ts';
import { InDoubt, TaskFailure } from '../../flow/outcome.ts';
import type { Json, Values } from '../../flow/plan.ts';
import { type TaskContext, textInput } from '../../flow/task.ts';
import { serviceOf } from '../../tasks/compute-service.ts';
import { evacuateInstances } from '../../tasks/evacuate-instances.ts';
import { withOutageRetry } from '../../tasks/outage-retry.ts';
import { badly, type Outcome, well } from './actions.ts';

export async function evacuate(
  context: TaskContext,
  instances: readonly InstanceSnapshot[],
): Promise<readonly Outcome[]> {
  const source = textInput(context, 'host_name');
  const onHost = instances.filter(({ host }) => host === source);
  const elsewhere = instances.filter(({ host }) => host !== source);
  for (const { uuid, host } of elsewhere) context.progress(`Instance '${uuid}' is on '${host}', not on '${source}'`);
  if (onHost.length === 0) return elsewhere.map((instance) => well(instance));
  await requireDown(context, source);
  const inputs = {
    ...context.inputs,
    reserved_host: context.inputs.reserved_host ?? null,
    instance_list: onHost as unknown as Json,
  };
  const outputs = await outcomeOf(() => evacuateInstances.run({ ...context, inputs }));
  const reasons = new Map(listOf(outputs, 'failed_instances').map(({ uuid, reason }) => [uuid, reason]));
  const hosts = new Map(listOf(outputs, 'recovered_instances').map(({ uuid, new_host }) => [uuid, new_host]));
  const fates = onHost.map((instance) => {
    const reason = reasons.get(instance.uuid);
    return reason === undefined ? well(instance, textOf(hosts.get(instance.uuid))) : badly(instance, String(reason));
  });
  return [...fates, ...elsewhere.map((instance) => well(instance))];
}

/** Nova itself checks only the heartbeats, which a living host without its network also lacks. */
async function requireDown(context: TaskContext, host: string): Promise<void> {
  const { state, forcedDown } = await withOutageRetry(context, () => serviceOf(context, host));
  if (state === 'down' && forcedDown) return;
  const cure = 'put disable_compute_service_task before it';
  throw new TaskFailure(`EVACUATE needs host '${host}' to be down and forced down, but it is ${state}; ${cure}`);
}

/** Its outputs, also if some instances could not be evacuated. */
async function outcomeOf(run: () => Promise<Values>): Promise<Values> {
  try {
    return await run();
  } catch (error) {
    const isPartial =
      error instanceof TaskFailure && !(error instanceof InDoubt) && 'failed_instances' in error.outputs;
    if (!isPartial) throw error;
    return error.outputs;
  }
}

function textOf(value: Json | undefined): string | null {
  return typeof value === 'string' ? value : null;
}

function listOf(outputs: Values, name: string): readonly { readonly [field: string]: Json }[] {
  const list = outputs[name];
  return Array.isArray(list) ? (list as readonly { readonly [field: string]: Json }[]) : [];
}
