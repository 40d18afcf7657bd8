/**
 * Options of the sources that the host monitor can have besides Pacemaker: sections host, heartbeat and consul, with the
 * names and defaults of masakari-monitors where it has them.
 */

import { HOST_NAME } from '#protocol/host-name.ts';
import { ABSOLUTE_PATH, choice, count, OPTIONAL_PATH, seconds, type TextForm, text, withExample } from './kinds.ts';

/** The sources of host states; a folder of monitors/host/sources each. */
export const SOURCE_NAMES = ['pacemaker', 'ping', 'ipmi', 'redfish', 'heartbeat', 'consul'] as const;
export type SourceName = (typeof SOURCE_NAMES)[number];

const PORT = '[0-9]{1,5}';
// A name, an IPv4 address, or an IPv6 address in brackets.
const HOST = String.raw`(?:${HOST_NAME.source.slice(1, -1)}|\[[0-9a-fA-F:.]{2,45}\])`;

const OPTIONAL_ADDRESS: TextForm = {
  takes: 'HOST or HOST:PORT, an IPv6 address in brackets, or nothing',
  pattern: new RegExp(`^(?:${HOST}(?::${PORT})?)?$`),
};

// No names: a heartbeat must be sent also while no name server responds.
const ADDRESSES: TextForm = {
  takes: 'any of IP or IP:PORT, separated by commas or blanks, an IPv6 address in brackets; or nothing',
  pattern: new RegExp(String.raw`^(?:(?:[0-9.]{7,15}|\[[0-9a-fA-F:.]{2,45}\])(?::${PORT})?(?:[\s,]+|$))*$`),
};

const IP_ADDRESS: TextForm = {
  takes: 'an IP address of this host',
  pattern: /^(?:[0-9.]{7,15}|[0-9a-fA-F:.]{2,45})$/,
};

export const hostSources = {
  inventory: text(
    'inventory',
    '/etc/recovery-agent/hosts.yaml',
    ABSOLUTE_PATH,
    'YAML file with addresses, BMC and Consul name of each host.',
  ),
  pingSamples: count('ping_samples', 3, [1, 100], 'Pings of an address without a response before it is down.'),
  pingTimeoutMs: seconds(
    'ping_timeout',
    2,
    [1, 60],
    'Upper bound of the wait for one response; rounded up to a second.',
  ),
  pingParallel: count('ping_parallel', 32, [1, 256], 'Addresses that are pinged at the same time.'),
  ipmitool: text('ipmitool', '/usr/bin/ipmitool', ABSOLUTE_PATH, 'Program that reads BMCs over IPMI.'),
  ipmiTimeoutMs: seconds('ipmi_timeout', 5, [0.1, 300], 'Upper bound of one query of a BMC over IPMI.'),
  ipmiRetryMax: count('ipmi_retry_max', 3, [0, 100], 'Retries of a query over IPMI that failed.'),
  ipmiRetryIntervalMs: seconds('ipmi_retry_interval', 10, [0, 300], 'Wait before a query over IPMI is retried.'),
  redfishTimeoutMs: seconds('redfish_timeout', 10, [0.1, 300], 'Upper bound of one request to a BMC over Redfish.'),
  bmcsParallel: count('boards_parallel', 16, [1, 256], 'BMCs that are read at the same time.'),
};

export const heartbeat = {
  listen: text('listen', '::', IP_ADDRESS, 'Address where heartbeats of other hosts are received; :: takes all.'),
  port: count(
    'port',
    7411,
    [1, 65_535],
    'UDP port where they are received, and to which they are sent unless send_to has a port.',
  ),
  sendTo: withExample(
    '192.0.2.1, [2001:db8::1]:7411',
    text('send_to', '', ADDRESSES, 'Destinations of the heartbeats of this host: every watcher, or nothing.'),
  ),
  intervalMs: seconds('interval', 2, [0.1, 60], 'Interval between two heartbeats of this host.'),
  timeoutMs: seconds(
    'heartbeat_timeout',
    20,
    [0.5, 3600],
    'A host that sent no heartbeat for longer than this is down.',
  ),
  keyFile: text(
    'key_file',
    '',
    OPTIONAL_PATH,
    'The key of this host for heartbeats, as "recovery-agent key issue" writes it; without one that of [transport] key_file.',
  ),
  previousKeyFile: text(
    'previous_key_file',
    '',
    OPTIONAL_PATH,
    'The previous key, still accepted while the new one is being distributed to all hosts.',
  ),
  sharedKey: choice(
    'shared_key',
    'refuse',
    ['refuse', 'accept'],
    'Whether these files may contain one key that all hosts share, as in earlier versions: each holder can send in the name of every host.',
  ),
  clockSkewMs: seconds('clock_skew', 60, [1, 3600], 'How far the clock of a host may be from the one here.'),
  massSilence: count(
    'mass_silence',
    50,
    [1, 100],
    'If more than this percentage of the hosts stops sending at the same time, none of them counts as down.',
  ),
};

export const consul = {
  agentManage: withExample(
    '192.0.2.1:8500',
    text('agent_manage', '', OPTIONAL_ADDRESS, 'Consul agent of the management network, port 8500.'),
  ),
  agentTenant: text('agent_tenant', '', OPTIONAL_ADDRESS, 'Consul agent of the tenant network, port 8500.'),
  agentStorage: text('agent_storage', '', OPTIONAL_ADDRESS, 'Consul agent of the storage network, port 8500.'),
  tokenFile: text('token_file', '', OPTIONAL_PATH, 'File with the token for these agents, if they require one.'),
  timeoutMs: seconds('timeout', 5, [0.1, 300], 'Upper bound of one request to a Consul agent.'),
};
