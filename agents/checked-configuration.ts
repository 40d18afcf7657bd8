/** The configuration for programs that run recoveries: also checked against the existing tasks. */

import type { Configuration } from '#config/configuration.ts';
import { CONFIGURATION_FILES } from '#config/document/files.ts';
import {
  ConfigurationError,
  errorAt,
  inOrder,
  type Position,
  type Problem,
  warningAt,
} from '#config/document/problem.ts';
import { loadConfiguration } from '#config/load.ts';
import { checkFlow, checkParameters, type TaskContract, withDefinitions } from '#config/pipelines/check.ts';
import { type FlowGraph, graphOf } from '#config/pipelines/flow-graph.ts';
import { FLOWS, type FlowName, placedTasks, placedTasksOf, type TaskName } from '#config/pipelines/pipelines.ts';
import type { CustomSection } from '#config/pipelines/task-definition.ts';
import { policyOf } from '#config/pipelines/task-policies.ts';
import { FLOW_INPUTS } from '#engine/flow/plan.ts';
import { BUILT_IN_TASKS } from '#engine/tasks/registry.ts';
import { moduleFaults } from './module-faults.ts';
import { placeFaults } from './place-faults.ts';
import { DEFINITIONS_DIRECTORY, packagedDefinitions } from './task-definitions.ts';
import { type TaskFileFault, taskFileFaults, unconfinedPrograms } from './task-file-faults.ts';

/** Results of the checks of a configuration before a failure. */
export interface Examination {
  /** Undefined if not even the lists could be parsed. */
  readonly configuration: Configuration | undefined;
  readonly isValid: boolean;
  /** Errors and warnings, in the order of the files. */
  readonly problems: readonly Problem[];
  /** Of each valid flow; empty if not even the lists could be parsed. */
  readonly graphs: readonly FlowGraph[];
  /** Definitions that packages or the operator made and that no list names. */
  readonly unlisted: readonly { readonly name: TaskName; readonly at: Position }[];
}

interface Checked {
  readonly configuration: Configuration;
  readonly contracts: ReadonlyMap<TaskName, TaskContract>;
  /** Of definitions and parameters. */
  readonly taskProblems: readonly Problem[];
  readonly flowProblems: ReadonlyMap<FlowName, readonly Problem[]>;
}

/** Throws `ConfigurationError` when not even the lists can be understood. */
function check(mainFile: string | undefined, definitions: string): Checked {
  const configuration = loadConfiguration({
    mainFile,
    ...CONFIGURATION_FILES,
    definitions: packagedDefinitions(definitions),
  });
  const { contracts, problems } = withDefinitions(BUILT_IN_TASKS, configuration.customTasks);
  const checked = FLOWS.map((flow) => {
    const tasks = placedTasksOf(configuration.pipelines[flow]);
    return [flow, checkFlow(flow, tasks, contracts, FLOW_INPUTS[flow])] as const;
  });
  const taskProblems = [...problems, ...checkParameters(configuration.taskPolicies, contracts)];
  return { configuration, contracts, taskProblems, flowProblems: new Map(checked) };
}

function problemsOf({ taskProblems, flowProblems }: Checked): Problem[] {
  return [...taskProblems, ...[...flowProblems.values()].flat()];
}

/**
 * Everything that can be found wrong before a failure. Throws `ConfigurationError`.
 *
 * @param files what a file of a task is that this host lacks or cannot use: a warning for an engine, which must not be kept from
 *   recovering hosts by a missing alert. Modules are not loaded for it: that would cost a start as many processes
 */
export function loadChecked(
  mainFile: string | undefined,
  files: 'warn' | 'ignore' = 'ignore',
  definitions = DEFINITIONS_DIRECTORY,
): Configuration {
  const checked = check(mainFile, definitions);
  const problems = problemsOf(checked);
  const { configuration } = checked;
  if (problems.length > 0) throw new ConfigurationError([...configuration.warnings, ...problems]);
  const programs = programsOf(configuration);
  const faults = files === 'warn' ? [...taskFileFaults(programs), ...unconfinedPrograms(programs)] : [];
  const warnings = faults.map(({ at, message }) => warningAt(at, message));
  return { ...configuration, warnings: [...configuration.warnings, ...warnings] };
}

/** Faults that would keep a task from starting on this host as it is now. Loads each module, in a process of its own. */
export async function faultsOnThisHost(configuration: Configuration): Promise<readonly TaskFileFault[]> {
  return [...taskFileFaults(programsOf(configuration)), ...(await moduleFaults(configuration.customTasks))];
}

/** The tasks, and the programs that prove deaths, which are defined like tasks. */
function programsOf({ customTasks, proofs }: Configuration): ReadonlyMap<TaskName, CustomSection> {
  return new Map([...customTasks, ...[...proofs].map(([name, { section }]) => [`proof ${name}`, section] as const)]);
}

/**
 * The same as `loadChecked`, but returns the problems instead of throwing, and each valid flow as a graph. A missing part of this host is
 * an error.
 */
export async function examine(mainFile: string | undefined, definitions = DEFINITIONS_DIRECTORY): Promise<Examination> {
  let checked: Checked;
  try {
    checked = check(mainFile, definitions);
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    return { configuration: undefined, isValid: false, problems: error.problems, graphs: [], unlisted: [] };
  }
  const { configuration, contracts, flowProblems } = checked;
  const faults = (await faultsOnThisHost(configuration)).map(({ at, message }) => errorAt(at, message));
  const unconfined = unconfinedPrograms(programsOf(configuration)).map(({ at, message }) => warningAt(at, message));
  const problems = [...problemsOf(checked), ...faults, ...placeFaults(configuration.options)];
  const listed = new Set(placedTasks(configuration.pipelines).map(({ name }) => name));
  const facts = {
    pipelines: configuration.pipelines,
    contracts,
    definitions: configuration.customTasks,
    policyOf: (task: TaskName) => policyOf(configuration, task),
  };
  return {
    configuration,
    isValid: problems.length === 0,
    problems: inOrder([...configuration.warnings, ...unconfined, ...problems]),
    graphs: FLOWS.filter((flow) => flowProblems.get(flow)?.length === 0).map((flow) => graphOf(flow, facts)),
    unlisted: [...configuration.customTasks]
      .filter(([name]) => !listed.has(name))
      .map(([name, { at }]) => ({ name, at })),
  };
}
