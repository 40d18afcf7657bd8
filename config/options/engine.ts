/** Options of the engine and of its journal: sections engine and journal. */

import { ABSOLUTE_PATH, choice, choices, count, OPTIONAL_HOST, OPTIONAL_PATH, seconds, text } from './kinds.ts';

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
    'The journal, on storage that every node of the cluster can mount.',
  ),
  mountPoint: text(
    'mount_point',
    '',
    OPTIONAL_PATH,
    'Where the storage is mounted; the journal is not opened, and none begun, while nothing is mounted there.',
  ),
  allowStorage: choices(
    'allow_storage',
    REFUSED_STORAGE,
    'Kinds of storage to use although their locks cannot be trusted; the risk of two writers is then yours.',
  ),
  lockTimeoutMs: seconds(
    'lock_timeout',
    90,
    [0, 3600],
    "Upper bound of the wait for the lock of a dead node's engine to be given back by the storage.",
  ),
  confirmDelayMs: seconds(
    'confirm_delay',
    2,
    [0, 60],
    'After taking the journal over: wait so long and look again whether it is still ours.',
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
};

export const engine = {
  socket: text('socket', '/run/recovery-agent/engine.sock', ABSOLUTE_PATH, 'Unix socket of the engine on its node.'),
  node: text('node', '', OPTIONAL_HOST, 'Name of this node in the journal; without one its host name.'),
  beatIntervalMs: seconds(
    'beat_interval',
    10,
    [0.1, 3600],
    'How often the engine writes into the journal that it lives.',
  ),
  leaseTimeoutMs: seconds(
    'lease_timeout',
    30,
    [0.2, 3600],
    'An engine that has not written for so long has lost its reign; longer than beat_interval.',
  ),
  maxConcurrentRecoveries: count('max_concurrent_recoveries', 16, [1, 256], 'Recoveries at work at the same time.'),
  maxResumes: count(
    'max_resumes',
    5,
    [0, 1000],
    'A recovery interrupted more often than so by the death of its engine is given up as a dead letter.',
  ),
  outagePatienceMs: seconds(
    'outage_patience',
    600,
    [0, DAY],
    'Upper bound of the wait for a cloud whose API does not answer, before a task fails.',
  ),
  taskTimeoutMs: seconds(
    'task_timeout',
    3600,
    [1, 7 * DAY],
    'Upper bound of one task, unless its own section says otherwise.',
  ),
  taskRetries: count(
    'task_retries',
    0,
    [0, 100],
    'Further attempts after a task failed, unless its own section says otherwise.',
  ),
  taskRetryDelayMs: seconds(
    'task_retry_delay',
    5,
    [0, 3600],
    'Wait before a further attempt, unless its own section says otherwise.',
  ),
  logLevel: choice('log_level', 'info', ['debug', 'info', 'warning', 'error'], 'The least that is logged.'),
  recoveryMethodsConfig: text(
    'recovery_methods_config',
    DEFAULT_METHODS_FILE,
    ABSOLUTE_PATH,
    'File with the task lists and the sections of tasks.',
  ),
};
