/** Options of the host monitor: section host, with the names of masakari-monitors where it has them. */

import { isHostName } from '#protocol/host-name.ts';
import { SOURCE_NAMES } from './host-sources.ts';
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
  withExample,
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

/** Pairs NODE:HOST; each host belongs to one node only. */
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
    'Source of host states if sources is empty; default means Pacemaker.',
  ),
  sources: withExample(
    'pacemaker, ipmi',
    choices('sources', SOURCE_NAMES, 'The sources of host states; without any the one of monitoring_driver.'),
  ),
  monitoringIntervalMs: seconds(
    'monitoring_interval',
    60,
    [0.1, 3600],
    'Interval between two polls of all sources; events of a source are processed at once.',
  ),
  suspicionIntervalMs: seconds(
    'suspicion_interval',
    5,
    [0.1, 3600],
    'Interval between two polls while a host is down and not proven dead.',
  ),
  monitoringSamples: count(
    'monitoring_samples',
    1,
    [1, 100],
    'Consecutive polls that must agree that a host is up or dead; a fencing counts at once.',
  ),
  policy: choice(
    'policy',
    'auto',
    ['auto', 'pacemaker-fenced', 'matrix'],
    'Rule that decides the state of a host; auto is pacemaker-fenced if Pacemaker is a source, else matrix.',
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
    'Names in Pacemaker and in Nova if they differ and host_name_form does not cover it, e.g. pcmk1:nova1.example.org.',
  ),
  hostNameForm: choice(
    'host_name_form',
    'as_is',
    ['as_is', 'short', 'full'],
    "How Nova's names differ from Pacemaker's: cut at the first dot, or with host_name_domain.",
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
    'Upper bound of the wait for crm_mon and for cibadmin; after it the monitor is blind.',
  ),
  alertSocket: text(
    'alert_socket',
    '/run/recovery-agent/host-monitor.sock',
    ABSOLUTE_PATH,
    "Socket at which Pacemaker's alert agent requests a poll; if you change it, set it as recipient of the alert.",
  ),
  stateFile: text(
    'state_file',
    '/var/lib/recovery-agent/host-monitor.json',
    ABSOLUTE_PATH,
    'State file with the reports already sent, so that a restart neither repeats nor misses a failure.',
  ),
};
