/** Options of the engine and of its journal: sections engine and journal. */

import {
  ABSOLUTE_PATH,
  choice,
  choices,
  count,
  OPTIONAL_HOST,
  OPTIONAL_PATH,
  seconds,
  seenByTasks,
  text,
  withExample,
} from './kinds.ts';

const DAY = 86_400;

/** Kinds of storage on which a journal is refused because SQLite's locks cannot be trusted there. */
export const REFUSED_STORAGE = ['nfs3', 'nolock', 'cifs', 'fuse', 'ocfs2-o2cb', 'overlay', 'network-unknown'] as const;
export type RefusedStorage = (typeof REFUSED_STORAGE)[number];

export const DEFAULT_METHODS_FILE = '/etc/recovery-agent/custom-recovery-methods.conf';

export const journal = {
  path: text(
    'path',
    '/var/lib/recovery-agent/journal.db',
    ABSOLUTE_PATH,
    'File of the journal, on storage that every node of the cluster can mount.',
  ),
  mountPoint: withExample(
    '/var/lib/recovery-agent',
    text(
      'mount_point',
      '',
      OPTIONAL_PATH,
      'Mount point of the storage; while nothing is mounted there, the journal is neither opened nor created.',
    ),
  ),
  allowStorage: choices(
    'allow_storage',
    REFUSED_STORAGE,
    'Kinds of storage to accept although their locks are unreliable; you then take the risk of two writers.',
  ),
  lockTimeoutMs: seconds(
    'lock_timeout',
    90,
    [0, 3600],
    "Upper bound of the wait until the storage releases the lock of a failed node's engine.",
  ),
  confirmDelayMs: seconds(
    'confirm_delay',
    2,
    [0, 60],
    'Wait after a takeover of the journal before the engine checks that it still has the lease.',
  ),
  retentionMs: seconds(
    'retention',
    90 * DAY,
    [0, 3650 * DAY],
    'How long closed recoveries are kept, counted while an engine runs; 0 keeps them for ever.',
  ),
  retentionCount: count(
    'retention_count',
    100_000,
    [0, 10_000_000],
    'Maximum number of closed recoveries; beyond it the oldest are removed. 0 sets no bound; the newest 1000 stay in any case.',
  ),
  auditRetentionMs: seconds(
    'audit_retention',
    365 * DAY,
    [0, 3650 * DAY],
    'How long entries of the audit are kept, counted while an engine runs; 0 keeps them until audit_count is reached.',
  ),
  auditCount: count(
    'audit_count',
    100_000,
    [100, 10_000_000],
    'Maximum number of audit entries of each kind (reports, refusals, commands); beyond it the oldest are removed.',
  ),
};

export const engine = {
  socket: text('socket', '/run/recovery-agent/engine.sock', ABSOLUTE_PATH, 'Unix socket of the engine on its node.'),
  node: text('node', '', OPTIONAL_HOST, 'Name of this node in the journal; default: its host name.'),
  renewalIntervalMs: seconds('beat_interval', 10, [0.1, 3600], 'Interval between lease renewals.'),
  leaseTimeoutMs: seconds(
    'lease_timeout',
    30,
    [0.2, 3600],
    'Time without a renewal after which another engine may take over; longer than beat_interval.',
  ),
  maxConcurrentRecoveries: count(
    'max_concurrent_recoveries',
    16,
    [1, 256],
    'Maximum number of recoveries that run at the same time.',
  ),
  maxRecoveriesPerProject: count(
    'max_recoveries_per_project',
    4,
    [1, 256],
    'Maximum number of instance recoveries of one project at the same time; always less than max_concurrent_recoveries if that is more than 1.',
  ),
  maxResumes: count(
    'max_resumes',
    5,
    [0, 1000],
    'Maximum number of engine failures per recovery. Beyond it the recovery becomes a dead letter.',
  ),
  outageTimeoutMs: seenByTasks(
    'outageTimeoutMs',
    seconds(
      'outage_patience',
      600,
      [0, DAY],
      'Upper bound of the wait while the API of the cloud does not respond, before a task fails.',
    ),
  ),
  taskTimeoutMs: seconds(
    'task_timeout',
    3600,
    [1, 7 * DAY],
    'Upper bound of one attempt of a task, unless the section of the task sets another.',
  ),
  taskRetries: count(
    'task_retries',
    0,
    [0, 100],
    'Further attempts after a task failed, unless the section of the task sets another number.',
  ),
  taskRetryDelayMs: seconds(
    'task_retry_delay',
    5,
    [0, 3600],
    'Wait before a further attempt, unless the section of the task sets another.',
  ),
  logLevel: choice('log_level', 'info', ['debug', 'info', 'warning', 'error'], 'Minimum log level.'),
  recoveryMethodsConfig: text(
    'recovery_methods_config',
    DEFAULT_METHODS_FILE,
    ABSOLUTE_PATH,
    'File with the task lists and the sections of tasks.',
  ),
};
