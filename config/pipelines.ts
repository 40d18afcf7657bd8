/**
 * The task lists of the six flows: what an operator may write in `[taskflow_driver_recovery_flows]`, and what holds
 * where nothing is written.
 */

import type { DocumentSection } from './document.ts';
import { choice, type OptionSpec } from './kinds.ts';
import { didYouMean } from './nearest.ts';
import { type NamedTask, PHASES, type Phase, parseLists } from './pipeline-syntax.ts';
import { errorAt, type Position, type Problem, warningAt } from './problem.ts';
import { valueIn } from './read-options.ts';

export { type NamedTask, PHASES, type Phase };

export type TaskName = string;

export const FLOWS = ['host_auto', 'host_rh', 'instance', 'process', 'host_return', 'host_reboot'] as const;
export type FlowName = (typeof FLOWS)[number];

/** Flows for a host that came back: after its instances were moved, and before anything was done. */
export const RETURN_FLOWS: readonly FlowName[] = ['host_return', 'host_reboot'];

/** Flows for a failure. */
export const FAILURE_FLOWS: readonly FlowName[] = FLOWS.filter((flow) => !RETURN_FLOWS.includes(flow));

export const CRASH_POLICIES = ['resume', 'restart', 'rollback'] as const;
/**
 * What becomes of a flow whose engine died. `resume`: it goes on where it stood. `restart`: it is abandoned, and the same is begun
 * anew, as the configuration then says. `rollback`: it takes back what it did, and has failed.
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
  return choice(name, 'resume', CRASH_POLICIES, 'What becomes of such a flow when its engine died in it.');
}

/** Stands for the file where a list is not written anywhere but built in. */
export const BUILT_IN: Position = { file: 'built-in', line: 1, column: 1 };

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

/** The lists of the section, and the built-in ones for flows it does not mention. */
export function readPipelines(section: DocumentSection | undefined): {
  readonly pipelines: Pipelines;
  readonly problems: readonly Problem[];
} {
  const problems: Problem[] = [];
  const pipelines: Record<FlowName, Pipeline> = { ...DEFAULT_PIPELINES };
  const flows = new Map(FLOWS.map((flow) => [optionOfFlow(flow), flow]));
  const policies = new Map(FLOWS.map((flow) => [crashOptionOfFlow(flow).name, flow]));
  for (const option of section?.options.values() ?? []) {
    const flow = flows.get(option.name);
    if (flow === undefined) {
      if (policies.has(option.name)) continue;
      // Who names a flow and forgets a word means that flow, however near another one's option is.
      const named = FLOWS.filter((each) => option.name.startsWith(`${each}_`));
      const known = (named.length > 0 ? named : FLOWS).flatMap((each) => [
        optionOfFlow(each),
        crashOptionOfFlow(each).name,
      ]);
      problems.push(errorAt(option.at, `unknown option "${option.name}"${didYouMean(option.name, known)}`));
      continue;
    }
    const parsed = parseLists(option.value);
    problems.push(...parsed.problems);
    pipelines[flow] = pipelineOf(parsed.lists);
    // Nothing is done about a host that came back unless an operator says so: an empty list is no slip.
    if (!RETURN_FLOWS.includes(flow) && !hasTasks(pipelines[flow]) && parsed.problems.length === 0) {
      problems.push(warningAt(option.at, `"${option.name}" names no task: such a failure ends without any action`));
    }
  }
  for (const flow of policies.values()) {
    const afterCrash = valueIn(section, crashOptionOfFlow(flow), problems);
    if (afterCrash !== undefined) pipelines[flow] = { ...pipelines[flow], afterCrash };
  }
  return { pipelines, problems };
}

function pipelineOf(lists: Readonly<Record<Phase, readonly NamedTask[]>>): Pipeline {
  const names = (phase: Phase) => lists[phase].map((task) => task.name);
  const places = (phase: Phase) => lists[phase].map((task) => task.at);
  return {
    pre: names('pre'),
    main: names('main'),
    post: names('post'),
    places: { pre: places('pre'), main: places('main'), post: places('post') },
    afterCrash: 'resume',
  };
}
