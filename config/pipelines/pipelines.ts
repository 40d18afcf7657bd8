/**
 * The task lists of the six flows: what a pipeline is, and the names of its options. `default-lists.ts` contains the built-in lists,
 * `read-pipelines.ts` reads those of the operator.
 */

import type { Position } from '../document/problem.ts';
import { choice, type OptionSpec } from '../options/kinds.ts';
import { type NamedTask, PHASES, type Phase } from './syntax.ts';

export { type NamedTask, PHASES, type Phase };

export type TaskName = string;

export const FLOWS = ['host_auto', 'host_rh', 'instance', 'process', 'host_return', 'host_reboot'] as const;
export type FlowName = (typeof FLOWS)[number];

/** Flows for a host that came back: after its instances were moved, and before any of them was. */
export const RETURN_FLOWS: readonly FlowName[] = ['host_return', 'host_reboot'];

/** Flows for a failure. */
export const FAILURE_FLOWS: readonly FlowName[] = FLOWS.filter((flow) => !RETURN_FLOWS.includes(flow));

export const CRASH_POLICIES = ['resume', 'restart', 'rollback'] as const;
/**
 * Policy for a flow whose engine ended. `resume`: it continues at its first unfinished step. `restart`: it is abandoned, and a new
 * flow with the then current configuration starts. `rollback`: its completed tasks are undone, and it has failed.
 */
export type CrashPolicy = (typeof CRASH_POLICIES)[number];

/** The task lists of one flow, and for each task the place where it is named. */
export interface Pipeline {
  readonly pre: readonly TaskName[];
  readonly main: readonly TaskName[];
  readonly post: readonly TaskName[];
  readonly places: { readonly [P in Phase]: readonly Position[] };
  readonly afterCrash: CrashPolicy;
}

export type Pipelines = { readonly [F in FlowName]: Pipeline };

export const FLOWS_SECTION = 'taskflow_driver_recovery_flows';

/** `host_auto_failure_recovery_tasks` for `host_auto`, `host_return_recovery_tasks` for `host_return`. */
export function optionOfFlow(flow: FlowName): string {
  if (RETURN_FLOWS.includes(flow)) return `${flow}_recovery_tasks`;
  return `${flow}_failure_recovery_tasks`;
}

/** The option beside the lists of a flow: `host_auto_failure_recovery_after_crash`. */
export function crashOptionOfFlow(flow: FlowName): OptionSpec<CrashPolicy> {
  const name = optionOfFlow(flow).replace(/tasks$/, 'after_crash');
  return choice(name, 'resume', CRASH_POLICIES, 'Policy for such a flow if its engine ended during it.');
}

/** Placeholder for the file of a list that is only built in. */
export const BUILT_IN: Position = { file: 'built-in', line: 1, column: 1 };

/** Whether a flow has anything to do. */
export function hasTasks(pipeline: Pipeline): boolean {
  return PHASES.some((phase) => pipeline[phase].length > 0);
}

/** Every task of one flow in the order in which they run, each with its place. */
export function placedTasksOf(pipeline: Pipeline): NamedTask[] {
  return PHASES.flatMap((phase) =>
    pipeline[phase].map((name, index) => ({ name, at: pipeline.places[phase][index] ?? BUILT_IN })),
  );
}

/** Every task of every flow, each with its place. */
export function placedTasks(pipelines: Pipelines): NamedTask[] {
  return FLOWS.flatMap((flow) => placedTasksOf(pipelines[flow]));
}
