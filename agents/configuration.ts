/** Loads the configuration for a command, in the words of the command line. */
import { checkParameters, checkPipelines } from '#config/check.ts';
import { readConfigurationFile } from '#config/files.ts';
import { type Configuration, loadConfiguration } from '#config/load.ts';
import { ConfigurationError, type Problem } from '#config/problem.ts';
import { FLOW_INPUTS } from '#engine/flow/plan.ts';
import { BUILT_IN_TASKS } from '#engine/tasks/registry.ts';
import type { CommandLine } from './command.ts';
import { CommandFailure, EXIT } from './exit-codes.ts';

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

export function configurationOf(line: CommandLine): Configuration {
  try {
    return loadChecked(line.text('config'));
  } catch (error) {
    if (error instanceof ConfigurationError) throw new CommandFailure(EXIT.usage, error.message);
    throw error;
  }
}

/** Where the engine's socket is: what the option says goes before the configuration. */
export function socketOf(line: CommandLine): string {
  return givenPath(line, 'socket') ?? configurationOf(line).options.engine.socket;
}

/** The path that an option gives; a variable that a script left empty is no path. Throws `CommandFailure`. */
export function givenPath(line: CommandLine, option: string): string | undefined {
  const path = line.text(option);
  if (path === '') throw new CommandFailure(EXIT.usage, `--${option} is empty`);
  return path;
}
