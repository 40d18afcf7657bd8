/** The built-in tasks by the names that pipelines use. */

import { type OccurrenceName, occurrenceOf } from '#config/pipelines/occurrence.ts';
import type { CustomTask } from '#config/pipelines/task-definition.ts';
import type { PlannedTask } from '../flow/plan.ts';
import type { BuiltInTask, Task } from '../flow/task.ts';
import { differences, refusedTask } from '../task-drivers/current-definition.ts';
import { customTask } from '../task-drivers/custom-task.ts';
import { loadDriver } from '../task-drivers/drivers.ts';
import { confirmComputeNodeDisabled } from './confirm-compute-node-disabled.ts';
import { confirmInstanceActive } from './confirm-instance-active.ts';
import { confirmInstancesReachable } from './confirm-instances-reachable.ts';
import { disableComputeNode } from './disable-compute-node.ts';
import { disableComputeService } from './disable-compute-service.ts';
import { enableComputeService } from './enable-compute-service.ts';
import { evacuateInstances } from './evacuate-instances.ts';
import { noOp } from './no-op.ts';
import { prepareHaEnabledInstances } from './prepare-ha-enabled-instances.ts';
import { restartInstances } from './restart-instances.ts';
import { startInstance } from './start-instance.ts';
import { stopInstance } from './stop-instance.ts';

/** A new task is its file and a line here; "npm run generate" then adds its title to `title-table.ts`. */
export const BUILT_IN_TASKS: ReadonlyMap<string, BuiltInTask> = new Map(
  [
    disableComputeService,
    prepareHaEnabledInstances,
    evacuateInstances,
    stopInstance,
    startInstance,
    confirmInstanceActive,
    disableComputeNode,
    confirmComputeNodeDisabled,
    enableComputeService,
    restartInstances,
    confirmInstancesReachable,
    noOp,
  ].map((task) => [task.name, task]),
);

/** @param name of one of its occurrences */
export function builtInTask(name: OccurrenceName): BuiltInTask | undefined {
  return BUILT_IN_TASKS.get(occurrenceOf(name).task);
}

/**
 * The tasks of plans under a configuration: built-in ones, and those that it defines.
 *
 * @param definitionOf the definition of a task in the current configuration, by its name in the lists
 */
export function tasksOf(
  definitionOf: (task: string) => CustomTask | undefined,
): (planned: PlannedTask) => Task | undefined {
  return (planned) => {
    if (planned.custom === undefined) return builtInTask(planned.name);
    const { task } = occurrenceOf(planned.name);
    const differing = differences(planned.custom, definitionOf(task));
    return differing.length > 0 ? refusedTask(planned, task, differing) : customTask(planned, loadDriver);
  };
}
