/** What the three tasks of an instance recovery share: reading the instance. */
import type { Instance } from '../cloud/cloud.ts';
import { IgnoreRecovery } from '../flow/outcome.ts';
import type { TaskContext } from '../flow/task.ts';

/** The instance; one that does not exist any more has nothing to recover. */
export async function instanceOf(context: TaskContext, uuid: string): Promise<Instance> {
  const instance = await context.cloud.instance(uuid, { signal: context.signal });
  if (!instance || instance.vmState === 'deleted') throw new IgnoreRecovery(`Instance '${uuid}' does not exist.`);
  return instance;
}

export function stateOf({ vmState, taskState, powerState }: Instance): {
  vmState: string;
  taskState: string | null;
  powerState: number;
} {
  return { vmState, taskState, powerState };
}
