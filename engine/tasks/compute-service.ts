/** Reading the compute service of a host, for the tasks that change or observe it. */
import { CloudError } from '#openstack/cloud-error.ts';
import type { ComputeService } from '../cloud/cloud.ts';
import { readService } from '../cloud/reading.ts';
import type { TaskContext } from '../flow/task.ts';

/**
 * The nova-compute service of a host.
 * @throws CloudError of an outage kind if Nova does not list it: its cell may not respond
 */
export async function serviceOf(context: Pick<TaskContext, 'cloud' | 'signal'>, host: string): Promise<ComputeService> {
  const reading = await readService(context.cloud, host, { signal: context.signal });
  if (reading.answer === 'yes') return reading.value;
  throw reading.answer === 'none'
    ? reading.error
    : new CloudError('no_answer', `Nova shows no nova-compute service on host '${host}'`);
}
