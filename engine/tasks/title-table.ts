/** The titles of the built-in tasks. Made by "npm run generate" from the tasks: change a title in the file of its task. */
export const TITLES: Readonly<Record<string, string>> = {
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
  confirm_instances_reachable_task: 'ConfirmInstancesReachableTask',
  no_op: 'Noop',
};
