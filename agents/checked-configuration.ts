/** The configuration for whoever carries recoveries out: also checked against the tasks that there are. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { checkParameters, checkPipelines, withDefinitions } from '#config/check.ts';
import { readCustomTask } from '#config/custom-tasks.ts';
import { readConfigurationFile } from '#config/files.ts';
import { type Configuration, loadConfiguration } from '#config/load.ts';
import { ConfigurationError, errorAt, type Problem, warningAt } from '#config/problem.ts';
import { FLOW_INPUTS } from '#engine/flow/plan.ts';
import { BUILT_IN_TASKS } from '#engine/tasks/registry.ts';
import { programFaults } from './program-faults.ts';
import { workflowFaults } from './workflow-faults.ts';

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
 * @param programs what a program of a task that this host cannot run, or a file of a workflow that cannot be used, is: an error for `validate`, a warning for an engine,
 *   which must not be kept from recovering hosts by a missing alert
 */
export function loadChecked(
  mainFile: string | undefined,
  programs: 'refuse' | 'warn' | 'ignore' = 'ignore',
  definitions = DEFINITIONS_DIRECTORY,
): Configuration {
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
  const { customTasks } = configuration;
  const faults = programs === 'ignore' ? [] : [...programFaults(customTasks), ...workflowFaults(customTasks)];
  if (programs === 'refuse') problems.push(...faults.map(({ at, message }) => errorAt(at, message)));
  if (problems.length > 0) throw new ConfigurationError([...configuration.warnings, ...problems]);
  const warnings = programs === 'warn' ? faults.map(({ at, message }) => warningAt(at, message)) : [];
  return { ...configuration, warnings: [...configuration.warnings, ...warnings] };
}
