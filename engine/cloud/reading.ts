/**
 * Reads of the cloud as evidence: yes, no, or no response.
 *
 * Invariants:
 * - `no` means that Nova itself stated so about this very object; an empty list, a partial record, a missing service and an outage are
 *   no response (an empty list of a host is accepted if os-services shows its cell alive before and after it);
 * - records of another host are never returned as a result about the requested host.
 *
 * Since Nova 2.69 a cell that is down shows as partial records (status UNKNOWN, no host, no states); before, and in filtered lists,
 * its objects are omitted from responses with status 200.
 */

import { CloudError, isOutage } from '#openstack/cloud-error.ts';
import type { CallOptions } from '#openstack/http/call.ts';
import type { Cloud, ComputeService, Evacuation, Instance, Listing, MigrationRecord } from './cloud.ts';
import { ambiguity, matchInNova } from './compute-hosts.ts';

export type Reading<T> =
  | { readonly answer: 'yes'; readonly value: T }
  | { readonly answer: 'no' }
  /** `error` is an outage: waiting may help. */
  | { readonly answer: 'none'; readonly error: CloudError };

/** Evidence that a decision about a call may use. */
export type Known<T> = Exclude<Reading<T>, { readonly answer: 'none' }>;

/** The instances of one host, and other facts of the list. */
export interface HostListing extends Listing<Instance> {
  /** Instances in the list that are on other hosts: Nova ignored the filter by host. */
  readonly foreign: number;
}

/** Whether Nova knows little more than the uuid: the cell of the instance is down. */
export function isPartial({ host, vmState }: Pick<Instance, 'host' | 'vmState'>): boolean {
  return host === null && vmState === 'unknown';
}

export function cellDown(object: string): CloudError {
  return new CloudError('no_answer', `the cell of ${object} does not respond to Nova`);
}

/** The instance itself; `no`: it does not exist any more. */
export async function readInstance(cloud: Cloud, uuid: string, options: CallOptions = {}): Promise<Reading<Instance>> {
  return reading(async () => {
    const instance = await cloud.instance(uuid, options);
    if (instance === undefined || instance.vmState === 'deleted') return { answer: 'no' };
    if (isPartial(instance)) throw cellDown(`instance ${uuid}`);
    return { answer: 'yes', value: instance };
  });
}

/**
 * The nova-compute service of a host. Never `no`: Nova omits the services of a cell that is down, so a missing one may be in such a cell,
 * or its name is unknown to Nova.
 */
export async function readService(
  cloud: Cloud,
  host: string,
  options: CallOptions = {},
): Promise<Reading<ComputeService>> {
  return reading(async () => {
    const service = await cloud.computeService(host, options);
    if (service === undefined) {
      await assertNoOtherName(cloud, host, options);
      const name = 'the name must be the one that "openstack compute service list" shows';
      throw new CloudError(
        'no_answer',
        `Nova has no nova-compute service on host '${host}': its cell does not respond, or ${name}`,
      );
    }
    return { answer: 'yes', value: service };
  });
}

/** @throws CloudError of kind `refused` if Nova has the host under another name: waiting creates no service of this one */
async function assertNoOtherName(cloud: Cloud, host: string, options: CallOptions): Promise<void> {
  const found = matchInNova(host, await cloud.computeHosts(options));
  if (found.match === 'none' || (found.match === 'one' && found.name === host)) return;
  const meant = found.match === 'one' ? `Nova has host '${host}' as '${found.name}'` : ambiguity(host, found.names);
  throw new CloudError('refused', meant);
}

/** The instances that Nova has on a host. */
export async function readInstancesOn(
  cloud: Cloud,
  host: string,
  options: CallOptions = {},
): Promise<Reading<HostListing>> {
  return reading(async () => {
    const ownOf = ({ items }: Listing<Instance>): Instance[] => items.filter((instance) => instance.host === host);
    const listing = await wholeList(cloud, host, options, {
      list: () => cloud.listInstances({ host }, options),
      // A partial record: some cell is down, this one or another.
      isDoubtful: (list) => list.items.some(isPartial) || mayBeShort({ ...list, items: ownOf(list) }),
    });
    const own = ownOf(listing);
    const foreign = listing.items.filter((instance) => instance.host !== host && !isPartial(instance)).length;
    return { answer: 'yes', value: { ...listing, items: own, foreign } };
  });
}

/** The evacuations away from a host. An empty list is accepted as that of `readInstancesOn` is. */
export async function readEvacuationsFrom(
  cloud: Cloud,
  filter: { readonly sourceHost: string; readonly changedSince?: Date },
  options: CallOptions = {},
): Promise<Reading<Listing<Evacuation>>> {
  return reading(async () => {
    const list = () => cloud.listEvacuations(filter, options);
    return {
      answer: 'yes',
      value: await wholeList(cloud, filter.sourceHost, options, { list, isDoubtful: mayBeShort }),
    };
  });
}

/** The migrations of every type away from a host that are not over. An empty list is accepted as that of `readInstancesOn` is. */
export async function readMigrationsFrom(
  cloud: Cloud,
  filter: { readonly sourceHost: string },
  options: CallOptions = {},
): Promise<Reading<Listing<MigrationRecord>>> {
  return reading(async () => {
    const list = () => cloud.listMigrations(filter, options);
    return {
      answer: 'yes',
      value: await wholeList(cloud, filter.sourceHost, options, { list, isDoubtful: mayBeShort }),
    };
  });
}

/**
 * A list of the objects of a host's cell. A doubtful one is replaced by one that was read while the cell responded: before it and after it.
 * Otherwise a cell that recovered between the first list and the read of its service would confirm a list without its objects.
 */
async function wholeList<T extends Listing<unknown>>(
  cloud: Cloud,
  host: string,
  options: CallOptions,
  { list, isDoubtful }: { readonly list: () => Promise<T>; readonly isDoubtful: (listing: T) => boolean },
): Promise<T> {
  const first = await list();
  if (!isDoubtful(first)) return first;
  await assertCellAlive(cloud, host, options);
  const second = await list();
  if (isDoubtful(second)) await assertCellAlive(cloud, host, options);
  return second;
}

/** A cell that was down, or went down between two pages, shortens a list. A single page with entries of a cell has all of them. */
function mayBeShort({ items, pages = 1 }: Listing<unknown>): boolean {
  return items.length === 0 || pages > 1;
}

async function assertCellAlive(cloud: Cloud, host: string, options: CallOptions): Promise<void> {
  const service = await readService(cloud, host, options);
  if (service.answer === 'none') throw service.error;
}

async function reading<T>(query: () => Promise<Reading<T>>): Promise<Reading<T>> {
  try {
    return await query();
  } catch (error) {
    if (isOutage(error)) return { answer: 'none', error };
    throw error;
  }
}
