/** Options of all monitors, section monitors: which run on this host, and what is kept of their reports. */

import { ABSOLUTE_PATH, choices, OPTIONAL_HOST, seconds, text } from './kinds.ts';

export const monitors = {
  run: choices('run', ['host', 'process', 'instance', 'guest'], 'Monitors that "recovery-agent monitor" runs here.'),
  hostName: text('host_name', '', OPTIONAL_HOST, 'Name of this host in Nova; without one its host name.'),
  outbox: text(
    'outbox',
    '/var/lib/recovery-agent/outbox',
    ABSOLUTE_PATH,
    'Folder in which a report lies until an engine has acknowledged it; on a disk of this host.',
  ),
  staleAfterMs: seconds(
    'stale_after',
    60,
    [1, 86_400],
    'Before a report older than this is sent, it is looked at again whether it is still so.',
  ),
};
