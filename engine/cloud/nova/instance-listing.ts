/**
 * The instances of a host, or those that changed.
 *
 * Invariant: a record that cannot be read is never an instance with known states. If it is of another host than the one in question, the
 * rest is used. In a list of all hosts it is partial, as of an instance in a cell that is down.
 */
import { CloudError } from '#openstack/cloud-error.ts';
import type { Deadline } from '#openstack/http/deadline.ts';
import type { Instance, InstanceFilter, Listing } from '../cloud.ts';
import { allPages, hasNext, wholeSeconds } from './listing.ts';
import type { Compute } from './requests.ts';
import { hostOf, instanceOf, type Place, type ServerRecord, ServersAnswer, unreadable } from './server-records.ts';

export function instancesOf(
  compute: Compute,
  { host, changedSince }: InstanceFilter,
  pageSize: number | undefined,
  deadline: Deadline,
): Promise<Listing<Instance>> {
  const path = '/servers/detail';
  const query = {
    all_tenants: '1',
    host,
    'changes-since': changedSince && wholeSeconds(changedSince),
    limit: pageSize?.toString(),
  };
  const read = (record: ServerRecord, place: Place): Instance => {
    try {
      return instanceOf(record, place, (words) => compute.quoted(words));
    } catch (error) {
      return otherwise(record, host, error);
    }
  };
  return allPages({
    of: 'instances',
    path,
    key: ({ uuid }) => uuid,
    read: async (marker) => {
      const { value, at, start } = await compute.get(ServersAnswer, path, { ...query, marker }, deadline);
      const { servers, servers_links } = value;
      const items = servers.map((record, index) => read(record, { start, path: ['servers', index] }));
      return { at, value: { items, more: hasNext(servers_links) || servers.length === pageSize } };
    },
  });
}

/** Of a record that cannot be read. Rethrows the error if the record may be of the host in question. */
function otherwise(record: ServerRecord, host: string | undefined, error: unknown): Instance {
  if (!(error instanceof CloudError)) throw error;
  const own = hostOf(record);
  if (host !== undefined) {
    if (own === undefined || own === host) throw error;
    return unreadable(record, own);
  }
  if (error.kind === 'unauthorized') throw error;
  return unreadable(record, null);
}
