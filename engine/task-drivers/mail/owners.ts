/**
 * Whose instances are whose: the mail addresses of their owners.
 *
 * An owner is reached by the address of the user who made the instance, else by that of its project. Each user and project
 * is asked for once.
 */
import { isAddress } from '#config/mail-address.ts';
import type { TaskContext } from '../../../flow/task.ts';
import { patiently } from '../../patience.ts';
import { keyOf } from './address.ts';
import type { Affected } from './report.ts';

/** Questions to Keystone at the same time. */
const AT_A_TIME = 8;

export interface Owner {
  readonly address: string;
  /** Uuids of the instances. */
  readonly instances: readonly string[];
}

export interface Owners {
  readonly owners: readonly Owner[];
  /** Instances whose owner has no address. */
  readonly unreached: readonly Affected[];
}

/** Throws `TaskFailure` where the cloud does not answer, or does not let us ask. */
export async function ownersOf(context: TaskContext, instances: readonly Affected[]): Promise<Owners> {
  const { cloud, signal } = context;
  const users = await addresses(
    instances.map(({ userId }) => userId),
    (id) => patiently(context, () => cloud.userAddress(id, { signal })),
  );
  const projects = await addresses(
    instances.filter(({ userId }) => !users.has(userId)).map(({ projectId }) => projectId),
    (id) => patiently(context, () => cloud.projectAddress(id, { signal })),
  );
  const owners = new Map<string, { address: string; instances: string[] }>();
  const unreached: Affected[] = [];
  for (const instance of instances) {
    const address = users.get(instance.userId) ?? projects.get(instance.projectId);
    if (address === undefined) {
      unreached.push(instance);
      continue;
    }
    const owner = owners.get(keyOf(address)) ?? { address, instances: [] };
    owner.instances.push(instance.uuid);
    owners.set(keyOf(address), owner);
  }
  return { owners: [...owners.values()], unreached };
}

/** Of those that have one that is one. */
async function addresses(
  ids: readonly string[],
  ask: (id: string) => Promise<string | undefined>,
): Promise<ReadonlyMap<string, string>> {
  const found = new Map<string, string>();
  const open = [...new Set(ids)].filter((id) => id !== '');
  const worker = async (): Promise<void> => {
    for (let id = open.shift(); id !== undefined; id = open.shift()) {
      const address = await ask(id);
      if (address !== undefined && isAddress(address)) found.set(id, address);
    }
  };
  await Promise.all(Array.from({ length: AT_A_TIME }, worker));
  return found;
}
