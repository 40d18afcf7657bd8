/** Entries of the audit as a table for people. Names and texts from outside are printed by `table` without control characters. */
import { NO_REASON } from '#protocol/origin.ts';
import type { AuditView } from '#protocol/views.ts';
import { type Cell, shorten, shortTime, table } from './output.ts';

function shortOrNull(text: string | null): string | null {
  return text === null ? null : shorten(text);
}

function userOf({ uid, user, sudo_uid, sudo_user }: AuditView): string | undefined {
  if (uid === null) return undefined;
  const name = user ?? `uid ${uid}`;
  const caller = sudo_user ?? (sudo_uid === null ? null : `uid ${sudo_uid}`);
  return caller === null ? name : `${name} (sudo: ${caller})`;
}

/** A local user has the engine's unix socket; any other identity has an address. */
export function whoOf(entry: AuditView): string {
  const user = userOf(entry);
  if (user !== undefined) return user;
  return entry.address === null ? entry.identity : `${entry.identity} (${entry.address})`;
}

function reasonOf({ overridden, reason }: AuditView): string | null {
  return reason ?? (overridden.length > 0 ? NO_REASON : null);
}

function outcomeOf({ outcome, times }: AuditView): Cell {
  return times > 1 ? `${outcome} ${times}×` : outcome;
}

/** @param about `any`: entries of any recovery and host, which are named */
export function auditTable(entries: readonly AuditView[], about: 'any' | 'one'): string {
  const named = about === 'any';
  const rows = entries.map((entry) => [
    shortTime(entry.time),
    entry.action,
    whoOf(entry),
    ...(named ? [entry.object, entry.notification_uuid] : []),
    outcomeOf(entry),
    entry.overridden.length === 0 ? null : shorten(entry.overridden.join(', ')),
    shortOrNull(reasonOf(entry)),
    shortOrNull(entry.message),
  ]);
  const subject = named ? ['Host', 'Notification'] : [];
  return table(['Time', 'Action', 'Who', ...subject, 'Outcome', 'Overridden', 'Reason', 'Message'], rows);
}
