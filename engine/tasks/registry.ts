/** The built-in tasks by the names that pipelines use. */
import { type OccurrenceName, occurrenceOf } from '#config/occurrence.ts';
import type { PlannedTask } from '../flow/plan.ts';
import type { Task } from '../flow/task.ts';
import { confirmComputeNodeDisabled } from './confirm-compute-node-disabled.ts';
import { confirmInstanceActive } from './confirm-instance-active.ts';
import { customTask } from './custom/custom-task.ts';
import { loadDriver } from './custom/drivers.ts';
import { disableComputeNode } from './disable-compute-node.ts';
import { disableComputeService } from './disable-compute-service.ts';
import { enableComputeService } from './enable-compute-service.ts';
import { evacuateInstances } from './evacuate-instances.ts';
import { prepareHaEnabledInstances } from './prepare-ha-enabled-instances.ts';
import { restartInstances } from './restart-instances.ts';
import { startInstance } from './start-instance.ts';
import { stopInstance } from './stop-instance.ts';

/** Does nothing, well. For pipelines that are being tried out, and for lists that must not be empty. */
const noOp: Task = {
  name: 'no_op',
  requires: [],
  provides: [],
  run: async () => ({}),
};

export const BUILT_IN_TASKS: ReadonlyMap<string, Task> = new Map(
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
    noOp,
  ].map((task) => [task.name, task]),
);

/** @param name of one of its occurrences */
export function builtInTask(name: OccurrenceName): Task | undefined {
  return BUILT_IN_TASKS.get(occurrenceOf(name).task);
}

/** The task of a plan: as it was defined when the plan was frozen, or a built-in one. */
export function taskOf(planned: PlannedTask): Task | undefined {
  return customTask(planned, loadDriver) ?? builtInTask(planned.name);
}
