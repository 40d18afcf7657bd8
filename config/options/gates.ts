/** Options of the gates, section gates: limits beyond which a recovery waits for an operator. */
import { count, flag, seconds } from './kinds.ts';

const DAY = 86_400;

export const gates = {
  maxFailedHostsPercent: count(
    'max_failed_hosts_percent',
    50,
    [1, 100],
    'Recoveries of hosts are held while more than this share of all hosts is down. 100 sets no limit.',
  ),
  maxFailedHostsOfSegmentPercent: count(
    'max_failed_hosts_of_segment_percent',
    100,
    [1, 100],
    'The same for the hosts of one failover segment.',
  ),
  minFailedHosts: count(
    'min_failed_hosts',
    3,
    [1, 10_000],
    'The limits on the share of hosts apply from this number of failed hosts on.',
  ),
  maxHosts: count(
    'max_hosts',
    0,
    [0, 10_000],
    'Maximum number of hosts whose recoveries start within max_hosts_interval; further ones are held. 0 sets no limit.',
  ),
  maxHostsIntervalMs: seconds('max_hosts_interval', 3600, [1, 7 * DAY], 'The interval of max_hosts.'),
  holdWithoutServices: flag(
    'hold_without_services',
    true,
    'Recoveries of hosts are held while no compute service reports to Nova: Nova itself has failed then, and no host can take instances.',
  ),
  holdWithoutScheduler: flag(
    'hold_without_scheduler',
    true,
    'Recoveries of hosts are held while no nova-scheduler or no nova-conductor reports to Nova: it would carry out no evacuation.',
  ),
  startupGraceMs: seconds(
    'startup_grace',
    0,
    [0, 3600],
    'An engine holds recoveries for this time after its start, so that it knows all reports that waited before it decides.',
  ),
  maxInstancesOfHost: count(
    'max_instances_of_host',
    0,
    [0, 10_000],
    'Recoveries of instances are held while more instances of one host have failed and wait. 0 sets no limit.',
  ),
};
