/** The names of hosts in reports, in the configuration and in Nova. Pure. */
import { type FailoverSegment, segmentHosts } from '#config/segments.ts';
import { matchHost } from '#protocol/host-name.ts';
import type { HostNamesList } from '../cloud/cloud.ts';
import { ambiguity, matchInNova } from '../cloud/compute-hosts.ts';

/**
 * The name under which reports about a host are journaled, so that all reports about it have one target: that of its segment, else Nova's,
 * else the reported one.
 *
 * @param configured the hosts of all segments
 * @param nova null: not known yet
 */
export function journalName(reported: string, configured: ReadonlySet<string>, nova: HostNamesList | null): string {
  if (configured.has(reported) || nova === null) return reported;
  const inNova = matchInNova(reported, nova);
  if (inNova.match !== 'one') return reported;
  const inSegment = matchHost(inNova.name, configured);
  return inSegment.match === 'one' ? inSegment.name : inNova.name;
}

/** What is to be said about the hosts of the segments: the names that differ from Nova's, and those that Nova does not have. */
export function compareWithNova(segments: readonly FailoverSegment[], nova: HostNamesList): readonly HostFinding[] {
  return segments.flatMap((segment) =>
    segmentHosts(segment).flatMap((host): HostFinding[] => {
      const found = matchInNova(host, nova);
      const start = `segment ${segment.name} has ${host}`;
      if (found.match === 'several') return [{ isUsable: false, message: `${start}: ${ambiguity(host, found.names)}` }];
      if (found.match === 'none') {
        const near = matchHost(host, nova.names);
        const hint = near.match === 'one' ? `, and ${near.name}, whose cell or name this list cannot tell apart` : '';
        return [{ isUsable: false, message: `${start}, Nova has no nova-compute service of that name${hint}` }];
      }
      return found.name === host ? [] : [{ isUsable: true, message: `${start}, Nova has ${found.name}` }];
    }),
  );
}

export interface HostFinding {
  /** Whether the host can be recovered all the same. */
  readonly isUsable: boolean;
  readonly message: string;
}
