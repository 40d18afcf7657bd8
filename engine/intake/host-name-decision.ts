/** The names of hosts in reports, in the configuration and in Nova. Pure. */
import { type FailoverSegment, segmentHosts } from '#config/options/segments.ts';
import { matchHost } from '#protocol/host-name.ts';
import type { HostNamesList } from '../cloud/cloud.ts';
import { ambiguity, matchInNova } from '../cloud/compute-hosts.ts';

/**
 * The name under which a host is journaled: Nova's, so that all reports about the host have one target and all evidence about it one key.
 * The reported name as long as Nova's is unknown.
 */
export function journalName(reported: string, nova: HostNamesList | null): string {
  const found = nova && matchInNova(reported, nova);
  return found?.match === 'one' ? found.name : reported;
}

/** Messages about the hosts of the segments: names that differ from Nova's, and names that Nova does not have. */
export function compareWithNova(segments: readonly FailoverSegment[], nova: HostNamesList): readonly HostFinding[] {
  return segments.flatMap((segment) =>
    segmentHosts(segment).flatMap((host): HostFinding[] => {
      const found = matchInNova(host, nova);
      const start = `segment ${segment.name} has ${host}`;
      if (found.match === 'several') return [{ isUsable: false, message: `${start}: ${ambiguity(host, found.names)}` }];
      if (found.match === 'none') {
        const near = matchHost(host, nova.names);
        const hint = near.match === 'one' ? `, and ${near.name}, whose cell or name this list cannot distinguish` : '';
        return [{ isUsable: false, message: `${start}, Nova has no nova-compute service of that name${hint}` }];
      }
      return found.name === host ? [] : [{ isUsable: true, message: `${start}, Nova has ${found.name}` }];
    }),
  );
}

export interface HostFinding {
  /** Whether the host can be recovered in spite of that. */
  readonly isUsable: boolean;
  readonly message: string;
}
