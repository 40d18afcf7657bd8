/** Every command of the program with its options, for what is written or checked about all of them. */
import type { Command } from '#agents/command.ts';
import { COMMAND_NAMES, type CommandName } from '#agents/command-table.ts';
import { loadCommand } from '#agents/load-command.ts';

const loaded = await Promise.all(COMMAND_NAMES.map(async (name) => [name, await loadCommand(name)] as const));

/** In the order of the help. */
export const COMMANDS: ReadonlyMap<CommandName, Command> = new Map(loaded);
