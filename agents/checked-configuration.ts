/** The configuration for whoever carries recoveries out: also checked against the tasks that there are. */
import { checkFlow, checkParameters, type TaskContract, withDefinitions } from '#config/check.ts';
import { readConfigurationFile } from '#config/files.ts';
import { type FlowGraph, graphOf } from '#config/flow-graph.ts';
import { type Configuration, loadConfiguration } from '#config/load.ts';
import { FLOWS, type FlowName, placedTasks, placedTasksOf, type TaskName } from '#config/pipelines.ts';
import { ConfigurationError, errorAt, inOrder, type Position, type Problem, warningAt } from '#config/problem.ts';
import { policyOf } from '#config/task-policies.ts';
import { FLOW_INPUTS } from '#engine/flow/plan.ts';
import { BUILT_IN_TASKS } from '#engine/tasks/registry.ts';
import { moduleFaults } from './module-faults.ts';
import { DEFINITIONS_DIRECTORY, packagedDefinitions } from './task-definitions.ts';
import { type TaskFileFault, taskFileFaults } from './task-file-faults.ts';

/** What can be said of a configuration before a failure. */
export interface Examination {
  readonly isValid: boolean;
  /** Errors and warnings, in the order of the files. */
  readonly problems: readonly Problem[];
  /** Of each flow in which nothing is wrong; none when not even the lists could be understood. */
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
    readFile: readConfigurationFile,
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
  const faults = files === 'warn' ? taskFileFaults(configuration.customTasks) : [];
  const warnings = faults.map(({ at, message }) => warningAt(at, message));
  return { ...configuration, warnings: [...configuration.warnings, ...warnings] };
}

/** Whatever would keep a task from being begun on this host as it is now. Loads each module, in a process of its own. */
export async function faultsOnThisHost({ customTasks }: Configuration): Promise<readonly TaskFileFault[]> {
  return [...taskFileFaults(customTasks), ...(await moduleFaults(customTasks))];
}

/** The same as `loadChecked`, told instead of thrown, and each flow that is valid as a graph. What this host lacks is an error. */
export async function examine(mainFile: string | undefined, definitions = DEFINITIONS_DIRECTORY): Promise<Examination> {
  let checked: Checked;
  try {
    checked = check(mainFile, definitions);
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    return { isValid: false, problems: error.problems, graphs: [], unlisted: [] };
  }
  const { configuration, contracts, flowProblems } = checked;
  const faults = (await faultsOnThisHost(configuration)).map(({ at, message }) => errorAt(at, message));
  const problems = [...problemsOf(checked), ...faults];
  const listed = new Set(placedTasks(configuration.pipelines).map(({ name }) => name));
  const facts = {
    pipelines: configuration.pipelines,
    contracts,
    definitions: configuration.customTasks,
    policyOf: (task: TaskName) => policyOf(configuration, task),
  };
  return {
    isValid: problems.length === 0,
    problems: inOrder([...configuration.warnings, ...problems]),
    graphs: FLOWS.filter((flow) => flowProblems.get(flow)?.length === 0).map((flow) => graphOf(flow, facts)),
    unlisted: [...configuration.customTasks]
      .filter(([name]) => !listed.has(name))
      .map(([name, { at }]) => ({ name, at })),
  };
}
