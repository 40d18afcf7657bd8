/** Options of recoveries: sections DEFAULT, host_failure, instance_failure and process_failure. The names are Masakari's. */

import { count, flag, NAME, seconds, text } from './kinds.ts';

const DAY = 86_400;
const YEAR = 365 * DAY;

export const general = {
  duplicateNotificationDetectionIntervalMs: seconds(
    'duplicate_notification_detection_interval',
    180,
    [0, DAY],
    'A report is a duplicate of an equal one whose recovery is over if it is accepted at most so long after it.',
  ),
  waitPeriodAfterServiceUpdateMs: seconds(
    'wait_period_after_service_update',
    180,
    [0, DAY],
    'Upper bound of the wait until Nova shows a compute service as disabled; ends as soon as it does.',
  ),
  waitPeriodAfterEvacuationMs: seconds(
    'wait_period_after_evacuation',
    90,
    [0, DAY],
    'Upper bound of the wait until an evacuated instance runs on another host; ends as soon as it does.',
  ),
  verifyIntervalMs: seconds(
    'verify_interval',
    1,
    [0.01, 300],
    'Pause between two looks at a condition that is waited for.',
  ),
  waitPeriodAfterPowerOffMs: seconds(
    'wait_period_after_power_off',
    180,
    [0, DAY],
    'Upper bound of the wait until an instance is stopped; ends as soon as it is.',
  ),
  waitPeriodAfterPowerOnMs: seconds(
    'wait_period_after_power_on',
    60,
    [0, DAY],
    'Upper bound of the wait until an instance is active; ends as soon as it is.',
  ),
  processUnfinishedNotificationsIntervalMs: seconds(
    'process_unfinished_notifications_interval',
    120,
    [1, DAY],
    'How often notifications that ended in error, or were left lying, are looked at again.',
  ),
  retryNotificationNewStatusIntervalMs: seconds(
    'retry_notification_new_status_interval',
    60,
    [0, DAY],
    'Taken from a masakari.conf without effect: here a new notification is begun at once.',
  ),
  checkExpiredNotificationsIntervalMs: seconds(
    'check_expired_notifications_interval',
    600,
    [1, DAY],
    'How often notifications are looked for that have waited too long.',
  ),
  notificationsExpiredIntervalMs: seconds(
    'notifications_expired_interval',
    DAY,
    [1, YEAR],
    'A notification not finished after so long has failed.',
  ),
  hostFailureRecoveryThreads: count(
    'host_failure_recovery_threads',
    3,
    [1, 1000],
    'Evacuation requests on their way to Nova at once.',
  ),
};

export const hostFailure = {
  evacuateAllInstances: flag(
    'evacuate_all_instances',
    true,
    'Evacuate every instance, those marked for HA first; false: only those marked for HA.',
  ),
  haEnabledInstanceMetadataKey: text(
    'ha_enabled_instance_metadata_key',
    'HA_Enabled',
    NAME,
    'Metadata key that marks an instance for HA when its value is true.',
  ),
  ignoreInstancesInErrorState: flag(
    'ignore_instances_in_error_state',
    false,
    'Leave instances in state error where they are.',
  ),
  addReservedHostToAggregate: flag(
    'add_reserved_host_to_aggregate',
    false,
    'Put a reserved host into the host aggregates of the failed one before it is used.',
  ),
  serviceDisableReason: text(
    'service_disable_reason',
    'Masakari detected host failed.',
    NAME,
    'Reason given to Nova when the compute service of a failed host is disabled.',
  ),
  maxEvacuationsInFlight: count(
    'max_evacuations_in_flight',
    32,
    [1, 1000],
    'Evacuations requested and not yet arrived, over all hosts. While several hosts fail at once, each gets its share.',
  ),
  evacuationRetries: count(
    'evacuation_retries',
    3,
    [0, 20],
    'Further requests for the evacuation of one instance in the same run, after Nova failed one or did not respond to it.',
  ),
  heartbeatWaitMs: seconds(
    'heartbeat_wait',
    25,
    [0.05, 600],
    'Interval between two reads of a host that Nova shows up although it was reported dead: 2.5 report_interval of nova-compute.',
  ),
  evacuationQueueWaitMs: seconds(
    'evacuation_queue_wait',
    120,
    [0, 3600],
    'How long a requested evacuation may stay invisible in Nova, e.g. in the queue of a proxy, before it is requested again.',
  ),
};

export const instanceFailure = {
  processAllInstances: flag(
    'process_all_instances',
    false,
    'Recover every failed instance; false: only those marked for HA.',
  ),
  haEnabledInstanceMetadataKey: text(
    'ha_enabled_instance_metadata_key',
    'HA_Enabled',
    NAME,
    'Metadata key that marks an instance for HA when its value is true.',
  ),
};

export const processFailure = {
  serviceDisableReason: text(
    'service_disable_reason',
    'Masakari detected process failed.',
    NAME,
    'Reason given to Nova when the compute service of a host with a failed process is disabled.',
  ),
};
