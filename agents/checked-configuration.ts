/** The configuration for whoever carries recoveries out: also checked against the tasks that there are. */
import { checkParameters, checkPipelines } from '#config/check.ts';
import { readConfigurationFile } from '#config/files.ts';
import { type Configuration, loadConfiguration } from '#config/load.ts';
import { ConfigurationError, type Problem } from '#config/problem.ts';
import { FLOW_INPUTS } from '#engine/flow/plan.ts';
import { BUILT_IN_TASKS } from '#engine/tasks/registry.ts';

/** Everything that can be found wrong before a failure. Throws `ConfigurationError`. */
export function loadChecked(mainFile: string | undefined): Configuration {
  const configuration = loadConfiguration({ mainFile, readFile: readConfigurationFile });
  const problems: Problem[] = [
    ...checkPipelines(configuration.pipelines, BUILT_IN_TASKS, FLOW_INPUTS),
    ...checkParameters(configuration.taskPolicies, BUILT_IN_TASKS),
  ];
  if (problems.length > 0) throw new ConfigurationError([...configuration.warnings, ...problems]);
  return configuration;
}
