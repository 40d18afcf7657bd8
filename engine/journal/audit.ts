/** Writes entries of the audit. Runs inside the writer's transaction. */
import type { Statements } from './acceptance.ts';
import type { AcceptNotification, AcceptResult, AddAuditEntry } from './mutations.ts';
import type { AuditKind, AuditOrigin, AuditRow } from './rows.ts';

export const AUDIT_KINDS: readonly AuditKind[] = ['report', 'refusal', 'command'];

/** Maximum number of entries of a kind by default. */
export const DEFAULT_AUDIT_COUNT = 100_000;

/** Of reports that the engine makes itself, e.g. about instances that it found on a host after its recovery. */
export const ENGINE_ORIGIN: AuditOrigin = {
  caller: { identity: 'engine', roles: [], address: '' },
  user: null,
  reason: null,
};

/** Maximum length of a text of an entry, in characters. */
const MAX_TEXT = 1_000;
const MAX_OVERRIDDEN = 100;

function cut(text: string | null | undefined): string | null {
  if (text === null || text === undefined) return null;
  return text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT - 1)}…` : text;
}

/** The entry of a report that was accepted. */
export function auditOfAcceptance(
  { origin = ENGINE_ORIGIN, type, host, payload, status, message, at }: AcceptNotification,
  { logbook, isDuplicate }: AcceptResult,
): AddAuditEntry {
  const { event }: { readonly event?: unknown } = JSON.parse(payload);
  const isIgnored = !isDuplicate && status === 'ignored';
  const what = `${type} ${String(event)}`;
  return {
    op: 'audit',
    kind: 'report',
    action: 'notify',
    origin,
    notification: logbook.uuid,
    object: host,
    outcome: isDuplicate ? 'duplicate' : isIgnored ? 'ignored' : 'accepted',
    message: isIgnored && message !== null ? `${what}: ${message}` : what,
    at,
  };
}

/** @param count maximum number of entries of its kind: beyond it the oldest are removed */
export function writeAudit(statements: Statements, entry: AddAuditEntry, epoch: number, count: number): AuditRow {
  const { kind, origin, at } = entry;
  const { caller, user, reason } = origin;
  const row = statements.one<AuditRow>(
    `INSERT INTO audit (seq, at, kind, action, identity, roles, address, uid, user, sudo_uid, sudo_user, notification, object,
       overridden, reason, outcome, message, times, first_at, epoch, served_ms)
     VALUES (1 + coalesce((SELECT max(seq) FROM audit WHERE kind = ?), 0), ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?,
       (SELECT served_ms FROM lease)) RETURNING *`,
    [
      kind,
      at,
      kind,
      cut(entry.action),
      cut(caller.identity),
      JSON.stringify(caller.roles),
      cut(caller.address || null),
      user?.uid ?? null,
      cut(user?.user),
      user?.sudo_uid ?? null,
      cut(user?.sudo_user),
      entry.notification ?? null,
      cut(entry.object),
      JSON.stringify((entry.overridden ?? []).slice(0, MAX_OVERRIDDEN).map((one) => cut(one))),
      cut(reason),
      entry.outcome,
      cut(entry.message),
      entry.times ?? 1,
      entry.firstAt ?? at,
      epoch,
    ],
  );
  // One more than is added, so that a reduced limit is reached.
  if (row.seq > count) {
    statements.all(
      'DELETE FROM audit WHERE id IN (SELECT id FROM audit WHERE kind = ? AND seq <= ? ORDER BY seq LIMIT 2) RETURNING id',
      [kind, row.seq - count],
    );
  }
  return row;
}
