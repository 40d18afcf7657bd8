/**
 * Gate `failed-hosts`: holds recoveries of hosts while a large share of all hosts, or of the hosts of a segment, is down. Pure.
 *
 * Why: so many hosts rarely fail by themselves. A switch, a power line or the detection has failed; the remaining hosts have no capacity
 * for the instances, and a recovery storm would make the failure worse. Hosts that are forced down in Nova count as down. Before Nova's first
 * list the share is unknown: failures that may exceed it wait for the list.
 */
import { type Gate, type HostShare, PASS, READ_AGAIN_MS } from './gate.ts';

export const failedHosts: Gate = {
  name: 'failed-hosts',
  decide: ({ kind, hasStarted, isApproved, failedHosts: open, cloud, segment, limits }) => {
    if (kind !== 'COMPUTE_HOST' || hasStarted || isApproved) return PASS;
    const { minFailedHosts, maxFailedHostsPercent, maxFailedHostsOfSegmentPercent } = limits;
    const isOver = ({ failed, all }: HostShare, percent: number): boolean =>
      failed >= minFailedHosts && failed * 100 > all * percent;
    if (cloud === undefined && open >= minFailedHosts && maxFailedHostsPercent < 100) {
      return hold(
        `${open} hosts have failed and Nova has not listed its hosts yet`,
        'max_failed_hosts_percent',
        maxFailedHostsPercent,
      );
    }
    if (cloud !== undefined && isOver(cloud, maxFailedHostsPercent)) {
      return hold(`${cloud.failed} of ${cloud.all} hosts are down`, 'max_failed_hosts_percent', maxFailedHostsPercent);
    }
    if (segment !== undefined && isOver(segment, maxFailedHostsOfSegmentPercent)) {
      const what = `${segment.failed} of ${segment.all} hosts of segment ${segment.name} are down`;
      return hold(what, 'max_failed_hosts_of_segment_percent', maxFailedHostsOfSegmentPercent);
    }
    return PASS;
  },
};

function hold(what: string, option: string, percent: number) {
  const reason = `${what}, and [gates] ${option} is ${percent}; "recovery-agent approve" starts it anyway`;
  return { do: 'hold', reason, readAgainMs: READ_AGAIN_MS } as const;
}
