/**
 * What the program is started as. Its name and its arguments decide: variables of the cluster are inherited by whatever an agent, an
 * alert or a person's shell starts, and say nothing about what is meant.
 */
import { resolve } from 'node:path';

/** Actions that no command shares its name with, so that a person may ask for them. */
const OF_ARGUMENTS = new Set(['meta-data', 'validate-all']);

function isBelowResourceD(argv0: string): boolean {
  // A name without a slash was found in PATH, in which no agents are.
  return argv0.includes('/') && resolve(argv0).includes('/resource.d/');
}

/** The action, empty where none was given; undefined when the program is not started as a resource agent. */
export function ocfAction(argv0: string, argv: readonly string[]): string | undefined {
  const [action = ''] = argv;
  return isBelowResourceD(argv0) || OF_ARGUMENTS.has(action) ? action : undefined;
}

function hasTerminal(): boolean {
  return process.getBuiltinModule('node:tty').isatty(2);
}

/** Whether Pacemaker started the program as an alert agent: without a single argument, and without a terminal. */
export function isAlertCall(
  argv: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
): boolean {
  return argv.length === 0 && environment.CRM_alert_kind !== undefined && !hasTerminal();
}
