/**
 * Options of the process monitor: section process, with the names and defaults of masakari-monitors.
 *
 * `api_retry_max` and `api_retry_interval` are accepted without effect: a report stays in the outbox until an engine has it.
 */

import { ABSOLUTE_PATH, count, OPTIONAL_PATH, seconds, type TextForm, text } from './kinds.ts';

const OPTIONAL_USER: TextForm = { takes: 'a user name, or nothing', pattern: /^([a-zA-Z0-9_][\w.-]{0,31})?$/ };

export const processMonitor = {
  checkIntervalMs: seconds(
    'check_interval',
    5,
    [0.1, 3600],
    'Interval between two searches for the processes; an exit that the kernel reports is processed at once.',
  ),
  watchIntervalMs: seconds(
    'watch_interval',
    1,
    [0.05, 60],
    'Interval between two checks of the processes found; the kernel reports the exit of a systemd service.',
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
    'Retries of a restart that did not help, before the failure is reported.',
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
    'Factor between two consecutive waits between restarts; 1 is the behaviour of masakari-monitors.',
  ),
  restartIntervalMaxMs: seconds(
    'restart_interval_max',
    60,
    [0.1, 3600],
    'Upper bound of the wait between two restarts.',
  ),
  restartDelayMs: seconds(
    'restart_delay',
    1,
    [0, 3600],
    'Time a process must be absent before it is restarted; systemd or an operator may be restarting it.',
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
    'State file with the restarts and reports since the host booted; a restarted monitor continues from it.',
  ),
  apiRetryMax: count('api_retry_max', 12, [0, 1_000_000], 'No effect here: a report is kept until an engine has it.'),
  apiRetryIntervalMs: seconds(
    'api_retry_interval',
    10,
    [0, 86_400],
    'No effect here: the outbox decides when a report is sent again.',
  ),
};
