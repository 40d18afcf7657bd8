/** The option --log-level of the programs that stay. */
import { LOG_LEVELS, type LogLevel } from '#protocol/log.ts';
import type { CommandLine } from './command.ts';
import { CommandFailure, EXIT } from './exit-codes.ts';

/** Undefined when it is not given. Throws `CommandFailure`. */
export function logLevelOf(line: CommandLine): LogLevel | undefined {
  const given = line.text('log-level');
  const level = LOG_LEVELS.find((known) => known === given);
  if (given !== undefined && !level) {
    throw new CommandFailure(EXIT.usage, `--log-level must be one of ${LOG_LEVELS.join(', ')}`);
  }
  return level;
}
