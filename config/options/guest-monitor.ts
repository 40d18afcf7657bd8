/** Options of the guest monitor: section introspectiveinstancemonitor, with the names of masakari-monitors. */

import { choice, count, OPTIONAL_PATH, seconds, type TextForm, text } from './kinds.ts';

/** Items are separated by commas or new lines, because the name of a flavor may hold blanks. */
const SELECTION: TextForm = {
  takes: 'all, or some of uuid:UUID, flavor:NAME, project:UUID, extra_spec:NAME=VALUE, separated by commas',
  pattern: /^\s*(all|(uuid|flavor|project|extra_spec):[^,\n]+([,\n]\s*(uuid|flavor|project|extra_spec):[^,\n]+)*)\s*$/,
};

export const guestMonitor = {
  guestMonitoringIntervalMs: seconds(
    'guest_monitoring_interval',
    10,
    [0.5, 3600],
    'Interval between two checks of each guest.',
  ),
  guestMonitoringTimeoutMs: seconds(
    'guest_monitoring_timeout',
    2,
    [1, 60],
    'Upper bound of the wait for the response of an agent; libvirt counts in whole seconds.',
  ),
  guestMonitoringFailureThreshold: count(
    'guest_monitoring_failure_threshold',
    3,
    [0, 1000],
    'A guest is reported after more than this number of consecutive failures.',
  ),
  guests: text('guests', 'all', SELECTION, 'The guests to check, among the instances that have an agent channel.'),
  disconnectedAgent: choice(
    'disconnected_agent',
    'ignore',
    ['ignore', 'failure'],
    'Meaning of an agent channel that is closed: the guest boots or the agent was stopped, or, as in Masakari, a failure.',
  ),
  hungQemu: choice(
    'hung_qemu',
    'log',
    ['ignore', 'log', 'report'],
    'Reaction to a QEMU that does not respond to libvirt: none, a line in the log, or a report like that of a guest.',
  ),
  hungQemuAfterMs: seconds(
    'hung_qemu_after',
    60,
    [5, 3600],
    'A QEMU that does not respond to libvirt for longer than this hangs.',
  ),
  libvirtSocket: text(
    'libvirt_socket',
    '',
    OPTIONAL_PATH,
    'Read-write socket of libvirtd or virtqemud; without one it is searched in /run/libvirt.',
  ),
};
