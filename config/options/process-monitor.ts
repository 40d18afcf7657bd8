/**
 * Options of the process monitor: section process, with the names and defaults of masakari-monitors.
 *
 * `api_retry_max` and `api_retry_interval` are read and do nothing: a report lies in the outbox until an engine has it.
 */

import { ABSOLUTE_PATH, count, OPTIONAL_PATH, seconds, type TextForm, text } from './kinds.ts';

const OPTIONAL_USER: TextForm = { takes: 'a user name, or nothing', pattern: /^([a-zA-Z0-9_][\w.-]{0,31})?$/ };

export const processMonitor = {
  checkIntervalMs: seconds(
    'check_interval',
    5,
    [0.1, 3600],
    'How often the processes are looked for; a death that the kernel tells is not waited for.',
  ),
  watchIntervalMs: seconds(
    'watch_interval',
    1,
    [0.05, 60],
    'How often it is asked whether found processes live; the death of a systemd service is told by the kernel.',
  ),
  processListPath: text(
    'process_list_path',
    '/etc/masakarimonitors/process_list.yaml',
    ABSOLUTE_PATH,
    'The list of processes and systemd units to watch, in the form of masakari-monitors.',
  ),
  restartRetries: count(
    'restart_retries',
    3,
    [0, 100],
    'How often a restart that did not help is tried again before the failure is reported.',
  ),
  restartIntervalMs: seconds(
    'restart_interval',
    5,
    [0.1, 3600],
    'Longest wait for a process to come up after a restart, and how long it must stay up to count as recovered.',
  ),
  restartBackoff: count(
    'restart_backoff',
    2,
    [1, 10],
    'Each wait between two restarts is so many times the one before; 1 is what masakari-monitors does.',
  ),
  restartIntervalMaxMs: seconds(
    'restart_interval_max',
    60,
    [0.1, 3600],
    'No wait between two restarts grows beyond this.',
  ),
  restartDelayMs: seconds(
    'restart_delay',
    1,
    [0, 3600],
    'A process must be gone for so long before it is restarted: systemd or an operator may be doing it.',
  ),
  restartLimit: count(
    'restart_limit',
    10,
    [1, 1000],
    'More restarts of one process than this within restart_window are a failure, which is reported.',
  ),
  restartWindowMs: seconds('restart_window', 600, [1, 86_400], 'The time in which restart_limit restarts are allowed.'),
  commandTimeoutMs: seconds(
    'command_timeout',
    90,
    [0.1, 3600],
    'A command of the list that takes longer is ended together with its process group.',
  ),
  activationTimeoutMs: seconds(
    'activation_timeout',
    120,
    [0.1, 3600],
    'A systemd unit that is starting or stopping for longer than this counts as down.',
  ),
  user: text('user', '', OPTIONAL_USER, 'Commands of entries with "run_as_root: false" run as this user.'),
  pauseFile: text(
    'pause_file',
    '/run/recovery-agent/process-monitor.pause',
    OPTIONAL_PATH,
    'While this file exists nothing is restarted and nothing is reported.',
  ),
  stateFile: text(
    'state_file',
    '/var/lib/recovery-agent/process-monitor.json',
    ABSOLUTE_PATH,
    'What was restarted and reported since the host came up; a monitor that starts again goes on from there.',
  ),
  apiRetryMax: count('api_retry_max', 12, [0, 1_000_000], 'No effect here: a report is kept until an engine has it.'),
  apiRetryIntervalMs: seconds(
    'api_retry_interval',
    10,
    [0, 86_400],
    'No effect here: when a report is sent again is decided by the outbox.',
  ),
};
