/** Options of the instance monitor: section libvirt, with the names of masakari-monitors. */

import { ABSOLUTE_PATH, choice, OPTIONAL_PATH, seconds, type TextForm, text } from './kinds.ts';

const LOCAL_URI: TextForm = {
  takes: 'a libvirt URI without a host, e.g. qemu:///system',
  pattern: /^[a-z]{1,16}:\/\/\/[^\s\0]{0,200}$/,
};

/** What a guest's panic is called on the wire; engines act on the first and record the second. */
export const PANIC_EVENTS = ['LIFECYCLE/STOPPED_FAILED', 'LIFECYCLE/CRASHED_PANICKED'] as const;

export const instanceMonitor = {
  connectionUri: text('connection_uri', 'qemu:///system', LOCAL_URI, 'The libvirt driver whose domains are watched.'),
  socket: text(
    'socket',
    '',
    OPTIONAL_PATH,
    "Path of libvirt's read-only socket; without one libvirt-sock-ro, then virtqemud-sock-ro, in /run/libvirt.",
  ),
  resyncIntervalMs: seconds(
    'resync_interval',
    20,
    [1, 600],
    'Interval between two listings of all domains; events of libvirt are processed at once.',
  ),
  panicEvent: choice(
    'panic_event',
    'LIFECYCLE/STOPPED_FAILED',
    PANIC_EVENTS,
    'The event with which the panic of a guest is reported; engines act on LIFECYCLE/STOPPED_FAILED only.',
  ),
  qemuLogDirectory: text(
    'qemu_log_directory',
    '/var/log/libvirt/qemu',
    ABSOLUTE_PATH,
    'Folder of the logs in which libvirt writes why a domain ended.',
  ),
  stateFile: text(
    'state_file',
    '/var/lib/recovery-agent/instances.json',
    ABSOLUTE_PATH,
    'File in which the last state of each domain is kept; on a disk of this host.',
  ),
};
