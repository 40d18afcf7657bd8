/** Loads the configuration for a command, in the words of the command line. */
import { readConfigurationFile } from '#config/files.ts';
import { type Configuration, loadConfiguration } from '#config/load.ts';
import { ConfigurationError } from '#config/problem.ts';
import type { CommandLine } from './command.ts';
import { CommandFailure, EXIT } from './exit-codes.ts';

/**
 * For commands that carry nothing out: the task lists are read and not checked against the tasks, whose code need not be
 * loaded then. Throws `CommandFailure`.
 */
export function configurationOf(
  line: CommandLine,
  load: (mainFile: string | undefined) => Configuration = (mainFile) =>
    loadConfiguration({ mainFile, readFile: readConfigurationFile }),
): Configuration {
  try {
    return load(line.text('config'));
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
