/**
 * Decides as what the program is started. Its name and its arguments decide: variables of the cluster are inherited by every program that
 * an agent, an alert or a person's shell starts, and do not show the intention.
 */
import { resolve } from 'node:path';

/** Actions with names that no command has, so that a person may call them. */
const OF_ARGUMENTS = new Set(['meta-data', 'validate-all']);

function isBelowResourceD(argv0: string): boolean {
  // A name without a slash was found in PATH, in which no agents are.
  return argv0.includes('/') && resolve(argv0).includes('/resource.d/');
}

/** The action, empty if none was given; undefined if the program is not started as a resource agent. */
export function ocfAction(argv0: string, argv: readonly string[]): string | undefined {
  const [action = ''] = argv;
  return isBelowResourceD(argv0) || OF_ARGUMENTS.has(action) ? action : undefined;
}

function hasTerminal(): boolean {
  return process.getBuiltinModule('node:tty').isatty(2);
}

/** True if Pacemaker started the program as an alert agent: without arguments, and without a terminal. */
export function isAlertCall(
  argv: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
): boolean {
  return argv.length === 0 && environment.CRM_alert_kind !== undefined && !hasTerminal();
}
