/** The option --log-level of the programs that stay. */
import { LOG_LEVELS, type LogLevel } from '#protocol/log.ts';
import type { CommandLine, OptionHelp } from './command.ts';
import { CommandFailure, EXIT } from './exit-codes.ts';

export const LOG_LEVEL_OPTION: Readonly<Record<string, OptionHelp>> = {
  'log-level': {
    type: 'string',
    value: 'LEVEL',
    values: LOG_LEVELS,
    help: `minimum log level: ${LOG_LEVELS.join(', ')}`,
  },
};

/** Undefined when it is not given. Throws `CommandFailure`. */
export function logLevelOf(line: CommandLine): LogLevel | undefined {
  const given = line.text('log-level');
  const level = LOG_LEVELS.find((known) => known === given);
  if (given !== undefined && !level) {
    throw new CommandFailure(EXIT.usage, `--log-level must be one of ${LOG_LEVELS.join(', ')}`);
  }
  return level;
}
