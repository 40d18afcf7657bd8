/** Options of all monitors, section monitors: which run on this host, and what is kept of their reports. */

import { ABSOLUTE_PATH, choices, OPTIONAL_HOST, seconds, text, withExample } from './kinds.ts';

export const monitors = {
  run: withExample(
    'host, process',
    choices('run', ['host', 'process', 'instance', 'guest'], 'Monitors that "recovery-agent monitor" runs here.'),
  ),
  hostName: text('host_name', '', OPTIONAL_HOST, 'Name of this host in Nova; without one its host name.'),
  outbox: text(
    'outbox',
    '/var/lib/recovery-agent/outbox',
    ABSOLUTE_PATH,
    'Folder that keeps each report until an engine has acknowledged it; on a disk of this host.',
  ),
  staleAfterMs: seconds(
    'stale_after',
    60,
    [1, 86_400],
    'Before a report older than this is sent, the monitor checks that the failure still exists.',
  ),
};
