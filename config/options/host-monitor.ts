/** Options of the host monitor: section host, with the names of masakari-monitors where it has them. */

import { isHostName } from '#protocol/host-name.ts';
import {
  ABSOLUTE_PATH,
  choice,
  choices,
  count,
  flag,
  listItems,
  OPTIONAL_PATH,
  type OptionSpec,
  seconds,
  shown,
  text,
} from './kinds.ts';

const OPTIONAL_DOMAIN = { takes: 'a domain, or nothing', pattern: /^[a-zA-Z0-9\-._]{0,250}$/ };

/** Names of nodes, separated by commas, blanks or newlines. */
function nodeNames(name: string, help: string): OptionSpec<readonly string[]> {
  return {
    name,
    fallback: [],
    written: '',
    takes: 'names, separated by commas',
    help,
    secret: false,
    parse(value) {
      const names = listItems(value);
      const wrong = names.find((item) => !isHostName(item.text));
      return wrong === undefined
        ? { value: names.map((item) => item.text) }
        : { fault: `takes names of nodes, not ${shown(wrong.text)}`, offset: wrong.offset };
    },
  };
}

/** Pairs NODE:HOST; a host stands for one node only. */
function namePairs(name: string, help: string): OptionSpec<Readonly<Record<string, string>>> {
  return {
    name,
    fallback: {},
    written: '',
    takes: 'NODE:HOST pairs, separated by commas',
    help,
    secret: false,
    parse(value) {
      const pairs = new Map<string, string>();
      for (const item of listItems(value)) {
        const [node = '', host = '', ...rest] = item.text.split(':');
        const fault = (reason: string) => ({ fault: `${reason} ${shown(item.text)}`, offset: item.offset });
        if (!isHostName(node) || !isHostName(host) || rest.length > 0) return fault('takes NODE:HOST, not');
        if (pairs.has(node) || [...pairs.values()].includes(host)) return fault('has a name twice, in');
        pairs.set(node, host);
      }
      return { value: Object.fromEntries(pairs) };
    },
  };
}

export const hostMonitor = {
  monitoringDriver: choice(
    'monitoring_driver',
    'default',
    ['default', 'consul'],
    'Where hosts are watched when sources names nothing: default is Pacemaker.',
  ),
  sources: choices(
    'sources',
    ['pacemaker', 'ping', 'ipmi', 'redfish', 'heartbeat', 'consul'],
    'Everything that is asked for the state of hosts; without any that of monitoring_driver.',
  ),
  monitoringIntervalMs: seconds(
    'monitoring_interval',
    60,
    [0.1, 3600],
    'How often all sources are looked at anew; what they tell by themselves is not waited for.',
  ),
  suspicionIntervalMs: seconds(
    'suspicion_interval',
    5,
    [0.1, 3600],
    'How often they are looked at while a host is down and not proven dead.',
  ),
  monitoringSamples: count(
    'monitoring_samples',
    1,
    [1, 100],
    'Looks in a row that must agree that a host is up or dead; a fencing is believed at once.',
  ),
  policy: choice(
    'policy',
    'auto',
    ['auto', 'pacemaker-fenced', 'matrix'],
    'How what is seen is weighed; auto is pacemaker-fenced if Pacemaker is a source, else matrix.',
  ),
  matrixConfigFile: text(
    'matrix_config_file',
    '',
    OPTIONAL_PATH,
    "YAML file of the policy matrix; without one Masakari's: recovery where the storage network is down.",
  ),
  reportUnproven: flag(
    'report_unproven',
    false,
    'Also report a host that is down but not proven dead, with host_status UNKNOWN; it is not recovered.',
  ),
  pacemakerNodeType: choice(
    'pacemaker_node_type',
    'autodetect',
    ['autodetect', 'cluster', 'remote'],
    'Nodes that are compute hosts: cluster or remote nodes; autodetect is remote if there are any, else cluster.',
  ),
  restrictToRemotes: flag('restrict_to_remotes', false, 'Only remote nodes are compute hosts, even if there are none.'),
  computeHosts: nodeNames('compute_hosts', 'Names in Pacemaker of the nodes that are compute hosts; overrides both.'),
  hostNames: namePairs(
    'host_names',
    'Names in Pacemaker and in Nova where they differ and the form does not tell, e.g. pcmk1:nova1.example.org.',
  ),
  hostNameForm: choice(
    'host_name_form',
    'as_is',
    ['as_is', 'short', 'full'],
    'How Nova has other names than Pacemaker: cut at the first dot, or with host_name_domain.',
  ),
  hostNameDomain: text(
    'host_name_domain',
    '',
    OPTIONAL_DOMAIN,
    'Domain that form full adds to a name without a dot, e.g. example.org.',
  ),
  pacemakerTimeoutMs: seconds(
    'pacemaker_timeout',
    15,
    [1, 300],
    'Upper bound for an answer of crm_mon and of cibadmin; after it the monitor is blind.',
  ),
  alertSocket: text(
    'alert_socket',
    '/run/recovery-agent/host-monitor.sock',
    ABSOLUTE_PATH,
    "Socket at which Pacemaker's alert agent asks for a look; another one is told to it as recipient.",
  ),
  stateFile: text(
    'state_file',
    '/var/lib/recovery-agent/host-monitor.json',
    ABSOLUTE_PATH,
    'File in which is kept what was reported, so that a restart neither repeats nor misses a death.',
  ),
};
