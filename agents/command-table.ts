/**
 * The commands of the program, each with its summary, in the order of the help. A command is a line here and a file
 * `commands/NAME.ts` that exports it as NAME. The overview, the parts of the executable, the completion and the manual follow from both.
 *
 * The code of a command is loaded only when it runs, so a new command costs the others no time at their start.
 */
import type { Command } from './command.ts';

const SUMMARIES = {
  engine: 'run the resident engine',
  notify: 'report a failure',
  list: 'list notifications',
  status: 'show the engine and the open recoveries',
  show: 'show one notification, its tasks and instances',
  plan: 'show what would happen if a host failed',
  why: 'explain the decisions about one recovery',
  retry: 'retry a failed or ignored recovery',
  rollback: 'roll back a running recovery',
  restart: 'restart the flow of a running recovery',
  cancel: 'end a recovery without doing the rest of it',
  skip: 'leave an instance on its failed host',
  priority: 'let a waiting recovery start before others',
  approve: 'start a recovery that a gate holds',
  pause: 'let no recovery start',
  unpause: 'end the pause of recoveries',
  host: 'mark a host as reserved or not',
  audit: 'list the reports, commands and refusals',
  validate: 'check a configuration file',
  simulate: 'try the task lists on a simulated cloud',
  monitor: 'watch hosts, processes, instances, guests',
  key: 'make, issue, renew and revoke the keys of engines and hosts',
} as const;

export type CommandName = keyof typeof SUMMARIES;
export const COMMAND_NAMES = Object.keys(SUMMARIES) as CommandName[];
/** In the order of the help. */
export const COMMAND_SUMMARIES: readonly (readonly [CommandName, string])[] = COMMAND_NAMES.map((name) => [
  name,
  SUMMARIES[name],
]);

/** Loads the code of a command: by import in a checkout, from an asset in the executable. */
export type LoadCommand = (name: CommandName) => Promise<Command>;

export function isCommandName(name: string): name is CommandName {
  return Object.hasOwn(SUMMARIES, name);
}

/** The path of the file of a command in the checkout. */
export function commandFile(name: CommandName): string {
  return `agents/commands/${name}.ts`;
}

/** The command that its file exports. Throws if the file exports none of this name. */
export function commandOf(name: CommandName, exports: Readonly<Record<string, unknown>>): Command {
  const command = exports[name] as Command | undefined;
  if (command?.name !== name) throw new Error(`${commandFile(name)} exports no command "${name}"`);
  return command;
}
