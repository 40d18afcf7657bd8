/** Options of the way from monitors to engines, section transport. */

import { choice, count, OPTIONAL_PATH, OPTIONAL_URL, seconds, text } from './kinds.ts';
import { engineAddresses, listenAddresses } from './transport-addresses.ts';

export const transport = {
  target: choice(
    'target',
    'engine',
    ['engine', 'masakari'],
    'Where monitors send what they see: to our engine, or to the API of a Masakari.',
  ),
  engines: engineAddresses(
    'engines',
    '',
    "Where monitors look for the engine: every controller, or the address that moves with it; without one the engine's socket.",
  ),
  listen: listenAddresses(
    'listen',
    'Addresses on which the engine hears monitors of other nodes over TLS; without one, only those of its own node.',
  ),
  port: count('port', 7420, [1, 65_535], 'TCP port of every address that names none.'),
  keyFile: text(
    'key_file',
    '',
    OPTIONAL_PATH,
    'Key that engines and hosts share, the same file everywhere, mode 0600; "recovery-agent keygen" makes it.',
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
    "PEM file with this node's certificate, for use as server and as client.",
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
    'Longest wait before an engine that was not reached is tried again.',
  ),
  answerTimeoutMs: seconds(
    'answer_timeout',
    15,
    [1, 300],
    'Upper bound of the wait for an answer of one engine, before the next one is tried.',
  ),
  masakariEndpoint: text(
    'masakari_endpoint',
    '',
    OPTIONAL_URL,
    "Masakari's API like http://controller:15868/v1; without one it is taken from the catalog.",
  ),
};
