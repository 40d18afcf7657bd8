/** The configuration for whoever carries recoveries out: also checked against the tasks that there are. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { checkParameters, checkPipelines, withDefinitions } from '#config/check.ts';
import { readCustomTask } from '#config/custom-tasks.ts';
import { readConfigurationFile } from '#config/files.ts';
import { type Configuration, loadConfiguration } from '#config/load.ts';
import { ConfigurationError, errorAt, inOrder, type Problem, warningAt } from '#config/problem.ts';
import { FLOW_INPUTS } from '#engine/flow/plan.ts';
import { faultOfFile } from '#engine/tasks/custom/trusted-file.ts';
import { BUILT_IN_TASKS } from '#engine/tasks/registry.ts';

/** Where packages put definitions of tasks: the counterpart of Masakari's entry points. */
const DEFINITIONS_DIRECTORY = '/usr/lib/recovery-agent/tasks.d';

/** @param directory may be missing */
function definitionFiles(directory: string): string[] {
  let names: string[];
  try {
    names = readdirSync(directory);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return [];
    throw error;
  }
  return names
    .filter((name) => name.endsWith('.conf'))
    .sort()
    .map((name) => join(directory, name));
}

/**
 * Everything that can be found wrong before a failure. Throws `ConfigurationError`.
 *
 * @param definitions the directory with what packages add
 */
export function loadChecked(mainFile: string | undefined, definitions = DEFINITIONS_DIRECTORY): Configuration {
  const configuration = loadWithTasks(mainFile, definitions);
  const problems = problemsOfFiles(configuration);
  if (problems.length > 0) throw new ConfigurationError([...configuration.warnings, ...problems]);
  return configuration;
}

/**
 * For an engine and whoever starts one: what is wrong with the files of tasks is a warning. On the node that takes over, an
 * engine that recovers without one task is better than none; the task itself is refused when it is to run.
 */
export function loadToRun(mainFile: string | undefined, definitions = DEFINITIONS_DIRECTORY): Configuration {
  const configuration = loadWithTasks(mainFile, definitions);
  const problems = problemsOfFiles(configuration).map((problem) => warningAt(problem, problem.message));
  return { ...configuration, warnings: inOrder([...configuration.warnings, ...problems]) };
}

/** Files that tasks are made of, each of which must be there and in nobody's hands but root's and ours. */
function problemsOfFiles({ customTasks }: Configuration): Problem[] {
  return [...customTasks].flatMap(([name, { task, at }]) => {
    const fault = task.driver === 'module' ? faultOfFile(String(task.options.module)) : undefined;
    return fault === undefined ? [] : [errorAt(at, `the module of task "${name}" cannot be used: ${fault}`)];
  });
}

function loadWithTasks(mainFile: string | undefined, definitions: string): Configuration {
  const configuration = loadConfiguration({
    mainFile,
    readFile: readConfigurationFile,
    definitions: { files: definitionFiles(definitions), read: readCustomTask },
  });
  const { contracts, problems: nameProblems } = withDefinitions(BUILT_IN_TASKS, configuration.customTasks);
  const problems: Problem[] = [
    ...nameProblems,
    ...checkPipelines(configuration.pipelines, contracts, FLOW_INPUTS),
    ...checkParameters(configuration.taskPolicies, contracts),
  ];
  if (problems.length > 0) throw new ConfigurationError([...configuration.warnings, ...problems]);
  return configuration;
}
