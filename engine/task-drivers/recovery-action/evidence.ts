/** Nova's data of one instance and of the requests for it. */
import { CloudError, isOutage } from '#openstack/cloud-error.ts';
import type { Instance, InstanceAction, MigrationRecord } from '../../cloud/cloud.ts';
import { readInstance } from '../../cloud/reading.ts';
import type { TaskContext } from '../../flow/task.ts';

export interface Evidence {
  readonly instance: Instance | 'gone';
  /** Newest first. */
  readonly actions: readonly InstanceAction[];
}

/**
 * The actions first: if one is visible and the instance, read after it, has no task, the action is over. Only the instance itself shows
 * that it is gone.
 * @throws CloudError, an outage, without a response from Nova
 */
export async function evidenceOf({ cloud, signal }: TaskContext, uuid: string): Promise<Evidence> {
  const actions = await cloud.instanceActions(uuid, { signal }).catch((error: unknown) => {
    if (error instanceof CloudError && error.kind === 'not_found') return error;
    throw error;
  });
  const reading = await readInstance(cloud, uuid, { signal });
  if (reading.answer === 'none') throw reading.error;
  if (reading.answer === 'no') return { instance: 'gone', actions: [] };
  if (!(actions instanceof CloudError)) return { instance: reading.value, actions };
  throw new CloudError('no_answer', `Nova shows instance ${uuid}, but not its actions: ${actions.message}`);
}

/** Task states of an instance that is being moved. */
const MOVING = /^(?:migrating|resize_)/;

/** The record of the running migration; undefined if Nova does something else, or shows us no records. */
export async function migrationOf(
  { cloud, signal }: TaskContext,
  { uuid, host, taskState }: Instance,
): Promise<MigrationRecord | undefined> {
  if (host === null || taskState === null || !MOVING.test(taskState)) return undefined;
  try {
    const { items } = await cloud.listMigrations({ sourceHost: host }, { signal });
    return items.find(({ instanceUuid }) => instanceUuid === uuid);
  } catch (error) {
    if (error instanceof CloudError && !isOutage(error)) return undefined;
    throw error;
  }
}
