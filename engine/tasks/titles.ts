/**
 * Masakari's class names of the built-in tasks, as its progress lists show them, and names in their manner for tasks of ours. Apart from the tasks, so that whoever shows a
 * recovery need not load what carries one out.
 */
import { type OccurrenceName, occurrenceOf } from '#config/occurrence.ts';

const TITLES: Readonly<Record<string, string>> = {
  disable_compute_service_task: 'DisableComputeServiceTask',
  prepare_HA_enabled_instances_task: 'PrepareHAEnabledInstancesTask',
  evacuate_instances_task: 'EvacuateInstancesTask',
  stop_instance_task: 'StopInstanceTask',
  start_instance_task: 'StartInstanceTask',
  confirm_instance_active_task: 'ConfirmInstanceActiveTask',
  disable_compute_node_task: 'DisableComputeNodeTask',
  confirm_compute_node_disabled_task: 'ConfirmComputeNodeDisabledTask',
  enable_compute_service_task: 'EnableComputeServiceTask',
  restart_instances_task: 'RestartInstancesTask',
  no_op: 'Noop',
};

/** A task of an operator is called what it is called in the lists, and so is each of its occurrences. */
export function titleOf(name: OccurrenceName): string {
  const { task } = occurrenceOf(name);
  return (Object.hasOwn(TITLES, task) ? TITLES[task] : undefined) ?? task;
}
