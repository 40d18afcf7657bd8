/** Loads a command in a checkout. Not part of the executable, whose bundle of the first lines must contain no command. */
import { commandFile, commandOf, type LoadCommand } from './command-table.ts';

export const loadCommand: LoadCommand = async (name) =>
  commandOf(name, await import(new URL(`../${commandFile(name)}`, import.meta.url).href));
