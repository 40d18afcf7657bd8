/**
 * What a caller may report or command. Pure.
 *
 * Invariant: a host speaks of itself alone. The death of a host needs the role `watcher`, every command the role `operator`; a method that
 * is not listed here needs it too.
 */
import type { Caller, Role } from '#protocol/caller.ts';
import type { Notification } from '#protocol/notification.ts';

const EVERY_ROLE: readonly Role[] = ['host', 'watcher', 'operator'];

const ROLES_OF: Readonly<Record<string, readonly Role[]>> = {
  ping: EVERY_ROLE,
  notify: EVERY_ROLE,
  instance: EVERY_ROLE,
  blind: EVERY_ROLE,
};

/** Whether two names are of one host, as far as Nova's names are known. */
export type IsSameHost = (one: string, other: string) => boolean;

/** Why the caller may not use a method at all; undefined: it may. */
export function whyForbidden(caller: Caller, method: string): string | undefined {
  const allowed = Object.hasOwn(ROLES_OF, method) ? (ROLES_OF[method] ?? []) : (['operator'] as const);
  if (allowed.some((role) => caller.roles.includes(role))) return undefined;
  return `${who(caller)} may not use "${method}": that needs the role ${allowed[0]}; see [transport] ${allowed[0]}s of the engine`;
}

/** Why the caller may not report this; undefined: it may. */
export function whyReportForbidden(caller: Caller, report: Notification, isSame: IsSameHost): string | undefined {
  const { type, hostname } = report;
  if (caller.roles.includes('operator')) return undefined;
  if (type === 'COMPUTE_HOST') {
    if (caller.roles.includes('watcher')) return undefined;
    const what = report.payload.event === 'STARTED' ? 'return' : 'death';
    return `${who(caller)} may not report the ${what} of host ${hostname}: that needs the role watcher; see [transport] watchers of the engine`;
  }
  if (mayReportFor(caller, hostname, isSame)) return undefined;
  return `${who(caller)} may not report failures of host ${hostname}: a host reports its own processes and instances alone`;
}

/** Why the caller may not report the monitors of a host; undefined: it may. */
export function whyBlindForbidden(caller: Caller, hostname: string, isSame: IsSameHost): string | undefined {
  if (caller.roles.includes('operator') || mayReportFor(caller, hostname, isSame)) return undefined;
  return `${who(caller)} may not report the monitors of host ${hostname}: a host reports its own monitors alone`;
}

/** Whether the caller gets to know where an instance is that Nova has on this host. */
export function mayRead(caller: Caller, hostname: string | null, isSame: IsSameHost): boolean {
  return caller.roles.includes('operator') || hostname === null || mayReportFor(caller, hostname, isSame);
}

function mayReportFor({ host }: Caller, hostname: string, isSame: IsSameHost): boolean {
  return host === null || isSame(host, hostname);
}

function who({ identity, host }: Caller): string {
  return host === null ? `a peer (${identity})` : `host ${identity}`;
}
