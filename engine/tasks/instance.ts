/** Shared by the tasks of an instance recovery: reads of the instance, its host and the requests for it. */
import { CloudError, isOutage } from '#openstack/cloud-error.ts';
import type { Instance, InstanceAction } from '../cloud/cloud.ts';
import { readInstance, readService } from '../cloud/reading.ts';
import { IgnoreRecovery } from '../flow/outcome.ts';
import type { TaskContext } from '../flow/task.ts';

/**
 * The instance; one that does not exist any more has nothing to recover.
 * @throws CloudError, an outage, without a response from Nova
 */
export async function instanceOf(context: TaskContext, uuid: string): Promise<Instance> {
  const reading = await readInstance(context.cloud, uuid, { signal: context.signal });
  if (reading.answer === 'none') throw reading.error;
  if (reading.answer === 'no') throw new IgnoreRecovery(`Instance '${uuid}' does not exist.`);
  return reading.value;
}

/**
 * The name of the instance's host if nova-compute there accepts no requests: requests that Nova accepts then stay in progress for ever.
 * @throws CloudError, an outage, without a response from Nova
 */
export async function downHostOf({ cloud, signal }: TaskContext, { host }: Instance): Promise<string | undefined> {
  if (host === null) return undefined;
  const reading = await readService(cloud, host, { signal });
  if (reading.answer === 'none') throw reading.error;
  return reading.answer === 'yes' && reading.value.state === 'down' ? host : undefined;
}

/**
 * The requests for the instance, newest first; undefined if Nova does not show them to us.
 * @throws CloudError, an outage, without a response from Nova
 */
export async function actionsOf(
  { cloud, signal }: TaskContext,
  uuid: string,
): Promise<readonly InstanceAction[] | undefined> {
  try {
    return await cloud.instanceActions(uuid, { signal });
  } catch (error) {
    if (error instanceof CloudError && !isOutage(error)) return undefined;
    throw error;
  }
}

export function stateOf({ vmState, taskState, powerState }: Instance): {
  vmState: string;
  taskState: string | null;
  powerState: number;
} {
  return { vmState, taskState, powerState };
}

/** Nova's reason for the state error, for the end of a message; for a healthy instance it would concern something else. */
export function faultOf({ vmState, fault }: Pick<Instance, 'vmState' | 'fault'>): string {
  return vmState === 'error' && fault !== undefined ? `: ${fault}` : '';
}
