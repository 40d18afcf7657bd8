/** Options of the way from monitors to engines, section transport. */

import { choice, count, OPTIONAL_PATH, OPTIONAL_URL, seconds, text, withExample } from './kinds.ts';
import { engineAddresses, hostNames, listenAddresses } from './transport-addresses.ts';

export const transport = {
  target: choice(
    'target',
    'engine',
    ['engine', 'masakari'],
    'Destination of the reports of monitors: our engine, or the API of a Masakari.',
  ),
  engines: withExample(
    'controller-1, controller-2',
    engineAddresses(
      'engines',
      '',
      "Addresses of the engine for monitors: every controller, or the address that moves with it; default: the engine's socket.",
    ),
  ),
  listen: withExample(
    '192.0.2.1:7420',
    listenAddresses(
      'listen',
      'Addresses on which the engine accepts monitors of other nodes over TLS; without one, only those of its own node.',
    ),
  ),
  port: count('port', 7420, [1, 65_535], 'TCP port of every address that names none.'),
  keyFile: withExample(
    '/etc/recovery-agent/host.key',
    text(
      'key_file',
      '',
      OPTIONAL_PATH,
      'The key of this host, mode 0600, as "recovery-agent key issue HOST" on a controller writes it.',
    ),
  ),
  keyRingFile: withExample(
    '/etc/recovery-agent/key-ring',
    text(
      'key_ring_file',
      '',
      OPTIONAL_PATH,
      'On controllers: the key ring with which the engine authenticates every host, mode 0600; "recovery-agent key init" makes it.',
    ),
  ),
  sharedKey: choice(
    'shared_key',
    'refuse',
    ['refuse', 'accept'],
    'Whether key_file may contain one key that all nodes share, as in earlier versions: each holder may report every host. Removed in the next version.',
  ),
  watchers: withExample(
    'controller-2, controller-3',
    hostNames(
      'watchers',
      'Hosts that may report deaths and returns of other hosts, besides the node of the engine: the other controllers.',
    ),
  ),
  operators: withExample(
    'controller-2',
    hostNames(
      'operators',
      'Hosts from which commands are accepted, besides the node of the engine ("recovery-agent retry --engine HOST").',
    ),
  ),
  reportsPerMinute: count(
    'reports_per_minute',
    300,
    [1, 100_000],
    'Reports that the engine accepts from one other node in a minute, and three times as many at once; others wait on that node.',
  ),
  reportsPerDay: count(
    'reports_per_day',
    10_000,
    [1, 10_000_000],
    'Reports that the engine accepts from one other node in a day.',
  ),
  caFile: text(
    'ca_file',
    '',
    OPTIONAL_PATH,
    'Instead of a key: PEM file of the authority that signs hosts and engines.',
  ),
  certificateFile: text(
    'certificate_file',
    '',
    OPTIONAL_PATH,
    "PEM file with this node's certificate, for use as server and as client; its subject alternative name is the host's name.",
  ),
  certificateKeyFile: text(
    'certificate_key_file',
    '',
    OPTIONAL_PATH,
    'PEM file with the private key of that certificate.',
  ),
  retryIntervalMs: seconds(
    'retry_interval',
    10,
    [0.1, 3600],
    'Longest wait before the next attempt to reach an unreachable engine.',
  ),
  answerTimeoutMs: seconds(
    'answer_timeout',
    15,
    [1, 300],
    'Upper bound of the wait for the response of one engine, before the next one is tried.',
  ),
  masakariEndpoint: withExample(
    'http://controller:15868/v1',
    text(
      'masakari_endpoint',
      '',
      OPTIONAL_URL,
      "Masakari's API like http://controller:15868/v1; without one it is taken from the catalog.",
    ),
  ),
};
