/** Options of recoveries: sections DEFAULT, host_failure, instance_failure and process_failure. The names are Masakari's. */

import { choice, count, flag, NAME, seconds, seenByTasks, text } from './kinds.ts';
import { acceptedProofs, watchdogTimeoutMs } from './proofs.ts';

const DAY = 86_400;
const YEAR = 365 * DAY;

export const general = {
  duplicateNotificationDetectionIntervalMs: seconds(
    'duplicate_notification_detection_interval',
    180,
    [0, DAY],
    'A report is a duplicate of an equal one with a finished recovery if it is accepted within this time after it.',
  ),
  waitPeriodAfterServiceUpdateMs: seenByTasks(
    'waitPeriodAfterServiceUpdateMs',
    seconds(
      'wait_period_after_service_update',
      180,
      [0, DAY],
      'Upper bound of the wait until Nova shows a compute service as disabled; ends as soon as it does.',
    ),
  ),
  waitPeriodAfterEvacuationMs: seenByTasks(
    'waitPeriodAfterEvacuationMs',
    seconds(
      'wait_period_after_evacuation',
      90,
      [0, DAY],
      'Upper bound of the wait until an evacuated instance runs on another host; ends as soon as it does.',
    ),
  ),
  verifyIntervalMs: seenByTasks(
    'verifyIntervalMs',
    seconds('verify_interval', 1, [0.01, 300], 'Interval between two checks of a condition that is waited for.'),
  ),
  waitPeriodAfterPowerOffMs: seenByTasks(
    'waitPeriodAfterPowerOffMs',
    seconds(
      'wait_period_after_power_off',
      180,
      [0, DAY],
      'Upper bound of the wait until an instance is stopped; ends as soon as it is.',
    ),
  ),
  waitPeriodAfterPowerOnMs: seenByTasks(
    'waitPeriodAfterPowerOnMs',
    seconds(
      'wait_period_after_power_on',
      60,
      [0, DAY],
      'Upper bound of the wait until an instance is active; ends as soon as it is.',
    ),
  ),
  processUnfinishedNotificationsIntervalMs: seconds(
    'process_unfinished_notifications_interval',
    120,
    [1, DAY],
    'Interval between two checks for notifications that ended in error, or were left unfinished.',
  ),
  retryNotificationNewStatusIntervalMs: seconds(
    'retry_notification_new_status_interval',
    60,
    [0, DAY],
    'Accepted from a masakari.conf without effect: here a new notification starts at once.',
  ),
  checkExpiredNotificationsIntervalMs: seconds(
    'check_expired_notifications_interval',
    600,
    [1, DAY],
    'Interval between two checks for notifications that have waited too long.',
  ),
  notificationsExpiredIntervalMs: seconds(
    'notifications_expired_interval',
    DAY,
    [1, YEAR],
    'Time after which an unfinished notification has failed.',
  ),
  hostFailureRecoveryThreads: count(
    'host_failure_recovery_threads',
    3,
    [1, 1000],
    'Maximum number of evacuation requests to Nova at the same time.',
  ),
};

export const hostFailure = {
  acceptedProofs,
  watchdogTimeoutMs,
  fencingProof: choice(
    'fencing_proof',
    'checked',
    ['checked', 'reported'],
    "Whether a fencing that another node reports counts only if Pacemaker here confirms it; if not, Nova's signs of life decide.",
  ),
  evacuateAllInstances: seenByTasks(
    'evacuateAllInstances',
    flag(
      'evacuate_all_instances',
      true,
      'Evacuate every instance, those marked for HA first; false: only those marked for HA.',
    ),
  ),
  haEnabledInstanceMetadataKey: seenByTasks(
    'hostHaKey',
    text(
      'ha_enabled_instance_metadata_key',
      'HA_Enabled',
      NAME,
      'Metadata key that marks an instance for HA when its value is true.',
    ),
  ),
  ignoreInstancesInErrorState: seenByTasks(
    'ignoreInstancesInErrorState',
    flag('ignore_instances_in_error_state', false, 'Leave instances in state error where they are.'),
  ),
  addReservedHostToAggregate: seenByTasks(
    'addReservedHostToAggregate',
    flag(
      'add_reserved_host_to_aggregate',
      false,
      'Put a reserved host into the host aggregates of the failed one before it is used.',
    ),
  ),
  serviceDisableReason: seenByTasks(
    'hostDisableReason',
    text(
      'service_disable_reason',
      'Masakari detected host failed.',
      NAME,
      'Reason given to Nova when the compute service of a failed host is disabled.',
    ),
  ),
  maxEvacuationsInFlight: count(
    'max_evacuations_in_flight',
    32,
    [1, 1000],
    'Maximum number of evacuations in progress, over all hosts. If several hosts fail at once, each gets its share.',
  ),
  evacuationRetries: seenByTasks(
    'evacuationRetries',
    count(
      'evacuation_retries',
      3,
      [0, 20],
      'Further requests for the evacuation of one instance in the same run, after Nova failed one or did not respond to it.',
    ),
  ),
  heartbeatWaitMs: seenByTasks(
    'heartbeatWaitMs',
    seconds(
      'heartbeat_wait',
      25,
      [0.05, 600],
      'Interval between two reads of a host that Nova shows up although it was reported dead: 2.5 report_interval of nova-compute.',
    ),
  ),
  returnQuarantineMs: seenByTasks(
    'returnQuarantineMs',
    seconds(
      'return_quarantine',
      0,
      [0, DAY],
      'Time for which a host that came back must report to Nova without a break before its compute service is enabled.',
    ),
  ),
  evacuationQueueWaitMs: seenByTasks(
    'evacuationQueueWaitMs',
    seconds(
      'evacuation_queue_wait',
      120,
      [0, 3600],
      'How long a requested evacuation may stay invisible in Nova, e.g. in the queue of a proxy, before it is requested again.',
    ),
  ),
};

export const instanceFailure = {
  processAllInstances: seenByTasks(
    'processAllInstances',
    flag('process_all_instances', false, 'Recover every failed instance; false: only those marked for HA.'),
  ),
  haEnabledInstanceMetadataKey: seenByTasks(
    'instanceHaKey',
    text(
      'ha_enabled_instance_metadata_key',
      'HA_Enabled',
      NAME,
      'Metadata key that marks an instance for HA when its value is true.',
    ),
  ),
};

export const processFailure = {
  serviceDisableReason: seenByTasks(
    'processDisableReason',
    text(
      'service_disable_reason',
      'Masakari detected process failed.',
      NAME,
      'Reason given to Nova when the compute service of a host with a failed process is disabled.',
    ),
  ),
};
