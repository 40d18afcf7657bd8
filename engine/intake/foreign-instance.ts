/** Whether the report of a crash is about an instance that is on another host in Nova. */

import { CloudError } from '#openstack/cloud-error.ts';
import { isEqualHost, isSameHost } from '#protocol/host-name.ts';
import type { Cloud } from '../cloud/cloud.ts';
import { readInstance } from '../cloud/reading.ts';
import type { LogbookRow } from '../journal/rows.ts';
import { failedElsewhere } from '../tasks/failed-elsewhere.ts';
import type { HostNames } from './host-names.ts';

/**
 * Why no flow is opened: no task runs by request of a host for an instance that it does not have. Undefined also without a response from
 * Nova: the tasks wait for one.
 */
export async function whyForeign(
  cloud: Cloud,
  hostNames: Pick<HostNames, 'find'>,
  { type, host, target }: LogbookRow,
  signal: AbortSignal,
): Promise<string | undefined> {
  if (type !== 'VM') return undefined;
  const uuid = target.slice('instance:'.length);
  try {
    const reading = await readInstance(cloud, uuid, { signal });
    const place = reading.answer === 'yes' ? reading.value.host : null;
    if (place === null || place === host) return undefined;
    const found = await hostNames.find(host, signal);
    const isHere = found.match === 'one' ? isEqualHost(place, found.name) : isSameHost(place, host);
    return isHere ? undefined : failedElsewhere(uuid, place, host);
  } catch (error) {
    if (error instanceof CloudError) return undefined;
    throw error;
  }
}
