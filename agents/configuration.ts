/** Loads the configuration for a command, in the words of the command line. */

import type { Configuration } from '#config/configuration.ts';
import { CONFIGURATION_FILES } from '#config/document/files.ts';
import { ConfigurationError } from '#config/document/problem.ts';
import { loadConfiguration } from '#config/load.ts';
import type { CommandLine } from './command.ts';
import { CommandFailure, EXIT } from './exit-codes.ts';

/**
 * For commands that carry nothing out: the task lists are read and not checked against the tasks, whose code need not be
 * loaded then. Throws `CommandFailure`.
 */
export function configurationOf(
  line: CommandLine,
  load: (mainFile: string | undefined) => Configuration = (mainFile) =>
    loadConfiguration({ mainFile, ...CONFIGURATION_FILES }),
): Configuration {
  try {
    return load(line.text('config'));
  } catch (error) {
    if (error instanceof ConfigurationError) throw new CommandFailure(EXIT.usage, error.message);
    throw error;
  }
}

/** The path that an option gives; a variable that a script left empty is no path. Throws `CommandFailure`. */
export function givenPath(line: CommandLine, option: string): string | undefined {
  const path = line.text(option);
  if (path === '') throw new CommandFailure(EXIT.usage, `--${option} is empty`);
  return path;
}
