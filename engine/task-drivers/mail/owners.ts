/**
 * Finds the mail addresses of the owners of instances.
 *
 * Invariant: no address of an owner reaches a local user, a program, a file or another relay (`isOthersAddress`).
 *
 * An owner is reached by the address of the user who created the instance, otherwise by that of its project. Each user and project is read
 * once.
 */
import { hostname } from 'node:os';
import { isOthersAddress } from '#config/pipelines/drivers/mail-address.ts';
import type { TaskContext } from '../../flow/task.ts';
import { withOutageRetry } from '../../tasks/outage-retry.ts';
import { keyOf } from './address.ts';
import type { Affected } from './report.ts';

/** Requests to Keystone at the same time. */
const AT_A_TIME = 8;

export interface Owner {
  readonly address: string;
  /** Uuids of the instances. */
  readonly instances: readonly string[];
}

export interface Owners {
  readonly owners: readonly Owner[];
  /** Instances whose owner has no address, or none that mail may go to. */
  readonly unreached: readonly Affected[];
}

/** Throws `TaskFailure` if the cloud does not respond, or refuses the read. */
export async function ownersOf(context: TaskContext, instances: readonly Affected[]): Promise<Owners> {
  const { cloud, signal } = context;
  const users = await addresses(
    instances.map(({ userId }) => userId),
    (id) => withOutageRetry(context, () => cloud.userAddress(id, { signal })),
  );
  const projects = await addresses(
    instances.filter(({ userId }) => !users.has(userId)).map(({ projectId }) => projectId),
    (id) => withOutageRetry(context, () => cloud.projectAddress(id, { signal })),
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

/** Of those that have one that mail may go to: users choose it themselves in some clouds. */
async function addresses(
  ids: readonly string[],
  query: (id: string) => Promise<string | undefined>,
): Promise<ReadonlyMap<string, string>> {
  const found = new Map<string, string>();
  const open = [...new Set(ids)].filter((id) => id !== '');
  const worker = async (): Promise<void> => {
    for (let id = open.shift(); id !== undefined; id = open.shift()) {
      const address = await query(id);
      if (address !== undefined && isOthersAddress(address, [hostname()])) found.set(id, address);
    }
  };
  await Promise.all(Array.from({ length: AT_A_TIME }, worker));
  return found;
}
