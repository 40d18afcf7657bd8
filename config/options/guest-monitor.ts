/** Options of the guest monitor: section introspectiveinstancemonitor, with the names of masakari-monitors. */

import { choice, count, OPTIONAL_PATH, seconds, type TextForm, text } from './kinds.ts';

/** Items are separated by commas or new lines, because the name of a flavor may hold blanks. */
const SELECTION: TextForm = {
  takes: 'all, or some of uuid:UUID, flavor:NAME, project:UUID, extra_spec:NAME=VALUE, separated by commas',
  pattern: /^\s*(all|(uuid|flavor|project|extra_spec):[^,\n]+([,\n]\s*(uuid|flavor|project|extra_spec):[^,\n]+)*)\s*$/,
};

export const guestMonitor = {
  guestMonitoringIntervalMs: seconds('guest_monitoring_interval', 10, [0.5, 3600], 'How often each guest is asked.'),
  guestMonitoringTimeoutMs: seconds(
    'guest_monitoring_timeout',
    2,
    [1, 60],
    'How long an agent may take to answer; libvirt counts in whole seconds.',
  ),
  guestMonitoringFailureThreshold: count(
    'guest_monitoring_failure_threshold',
    3,
    [0, 1000],
    'A guest that fails more often than this, one time after the other, is reported.',
  ),
  guests: text(
    'guests',
    'all',
    SELECTION,
    'The guests that are asked, among the instances that have an agent channel.',
  ),
  disconnectedAgent: choice(
    'disconnected_agent',
    'ignore',
    ['ignore', 'failure'],
    'What it is when an agent has closed its channel: its guest boots or it was stopped, or, as in Masakari, a failure.',
  ),
  hungQemu: choice(
    'hung_qemu',
    'log',
    ['ignore', 'log', 'report'],
    'What is done about a QEMU that does not answer libvirt: nothing, a line in the log, or a report like that of a guest.',
  ),
  hungQemuAfterMs: seconds(
    'hung_qemu_after',
    60,
    [5, 3600],
    'A QEMU that leaves a question of libvirt unanswered for longer than this hangs.',
  ),
  libvirtSocket: text(
    'libvirt_socket',
    '',
    OPTIONAL_PATH,
    'Read-write socket of libvirtd or virtqemud; without one it is looked for in /run/libvirt.',
  ),
};
