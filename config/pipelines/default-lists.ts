/** The task lists of the flows for which the operator writes none. */

import { BUILT_IN, type Pipeline, type Pipelines, type TaskName } from './pipelines.ts';

function builtIn(pre: readonly TaskName[], main: readonly TaskName[], post: readonly TaskName[]): Pipeline {
  const places = (tasks: readonly TaskName[]) => tasks.map(() => BUILT_IN);
  return {
    pre,
    main,
    post,
    places: { pre: places(pre), main: places(main), post: places(post) },
    afterCrash: 'resume',
  };
}

/**
 * Masakari's task lists, which do nothing about a host that comes back; and one for a host that was rebooted before its instances
 * were moved, which starts in place what ran.
 */
export const DEFAULT_PIPELINES: Pipelines = {
  host_auto: builtIn(
    ['disable_compute_service_task'],
    ['prepare_HA_enabled_instances_task'],
    ['evacuate_instances_task'],
  ),
  host_rh: builtIn(
    ['disable_compute_service_task'],
    ['prepare_HA_enabled_instances_task', 'evacuate_instances_task'],
    [],
  ),
  instance: builtIn(['stop_instance_task'], ['start_instance_task'], ['confirm_instance_active_task']),
  process: builtIn(['disable_compute_node_task'], ['confirm_compute_node_disabled_task'], []),
  host_return: builtIn([], [], []),
  host_reboot: builtIn([], ['restart_instances_task'], []),
};
