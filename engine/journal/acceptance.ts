/** Writes a report into the journal, or finds the earlier one that it repeats. Runs inside the writer's transaction. */
import { createHash } from 'node:crypto';
import { ACCEPTED_STATUSES } from '#protocol/notification-status.ts';
import { findDuplicate } from '../intake/duplicate-decision.ts';
import type { Restart } from '../intake/same-crash-decision.ts';
import type { AcceptNotification, AcceptResult } from './mutations.ts';
import type { LogbookRow, Proof } from './rows.ts';

/** Prepared once, and run under the writer's epoch. */
export interface Statements {
  all<Row>(sql: string, values: readonly unknown[]): Row[];
  maybe<Row>(sql: string, values: readonly unknown[]): Row | undefined;
  one<Row>(sql: string, values: readonly unknown[]): Row;
}

const STRENGTH: { readonly [P in Proof]: number } = { none: 0, fencing: 1, operator: 2 };

/** Each acceptance state separately: a flood of reports that are ignored hides no recovery. */
const EARLIER = `SELECT * FROM logbooks WHERE target = ? AND type = ? AND accepted_as = ? AND host = ?
  ORDER BY id DESC LIMIT 100`;

/**
 * The first restart that the newest attempt requested. The journal holds it before the request is sent, so a report that finds
 * none was accepted before it. An open recovery between two attempts has none: the next attempt restarts the instance again.
 * In a flow without the built-in start any custom task of the main list may be the restart.
 */
const RESTART = `SELECT min(coalesce(s.intent_at, s.ended_at)) AS at
  FROM flowdetails f JOIN atomdetails a ON a.flow_id = f.id JOIN steps s ON s.atom_id = a.id
  WHERE f.id = (SELECT id FROM flowdetails WHERE logbook_id = @id ORDER BY attempt DESC LIMIT 1)
    AND (f.closed_at IS NULL OR @isClosed) AND s.state <> 'planned'
    AND (s.kind IN ('start', 'reboot', 'rebuild', 'evacuate') OR (s.kind = 'task' AND a.phase = 'main'
      AND NOT EXISTS (SELECT 1 FROM atomdetails b WHERE b.flow_id = f.id AND b.name = 'start_instance_task')))`;

export function accept(statements: Statements, mutation: AcceptNotification): AcceptResult {
  const earlier = ACCEPTED_STATUSES.flatMap((state) =>
    statements.all<LogbookRow>(EARLIER, [mutation.target, mutation.type, state, mutation.host]),
  ).sort((a, b) => b.id - a.id);
  const known = findDuplicate(mutation, withRestarts(statements, mutation, earlier), mutation.duplicateIntervalMs);
  const duplicate = earlier.find(({ id }) => id === known?.id) ?? sameReport(statements, mutation);
  if (duplicate) {
    const dated = datedBack(statements, mutation, duplicate);
    const logbook = strengthened(statements, mutation, dated);
    return { logbook, isDuplicate: true, ...(logbook.proof === dated.proof ? {} : { isStronger: true }) };
  }
  return { logbook: insert(statements, mutation), isDuplicate: false };
}

type WithRestart = LogbookRow & { readonly restart?: Restart | null };

/** Read where it decides: for crashes, of recoveries that are open and of the newest one. */
function withRestarts(
  statements: Statements,
  { type, status }: AcceptNotification,
  earlier: readonly LogbookRow[],
): readonly WithRestart[] {
  if (type !== 'VM' || status !== 'new') return earlier;
  const newest = earlier.find(({ accepted_as }) => accepted_as === 'new');
  return earlier.map((one) => {
    if (one.closed_at !== null && one !== newest) return one;
    const found = statements.one<{ at: number | null }>(RESTART, [
      { id: one.id, isClosed: one.closed_at === null ? 0 : 1 },
    ]);
    return { ...one, restart: found.at === null ? null : { at: found.at } };
  });
}

function keyOf({ type, host, payload, generatedAt }: AcceptNotification): string {
  return createHash('sha256')
    .update(JSON.stringify([type, host, payload, generatedAt]))
    .digest('hex');
}

/** The same report, so old that it is not among the newest. */
function sameReport(statements: Statements, mutation: AcceptNotification): LogbookRow | undefined {
  return statements.maybe<LogbookRow>('SELECT * FROM logbooks WHERE dedup_key = ?', [keyOf(mutation)]);
}

/** An open recovery stores the earliest stamp: a return that was accepted before may have ended the failure. */
function datedBack(statements: Statements, { generatedAt }: AcceptNotification, logbook: LogbookRow): LogbookRow {
  if (logbook.closed_at !== null || generatedAt >= (logbook.earliest_at ?? logbook.generated_at)) return logbook;
  return statements.one<LogbookRow>('UPDATE logbooks SET earliest_at = ? WHERE id = ? RETURNING *', [
    generatedAt,
    logbook.id,
  ]);
}

/** An open recovery takes over a stronger proof that came with a duplicate: it may be the proof it waits for. */
function strengthened(
  statements: Statements,
  { proof = 'none', at }: AcceptNotification,
  logbook: LogbookRow,
): LogbookRow {
  if (logbook.closed_at !== null || STRENGTH[proof] <= STRENGTH[logbook.proof]) return logbook;
  const isStated = proof === 'operator' ? 1 : 0;
  return statements.one<LogbookRow>(
    `UPDATE logbooks SET proof = ?, proved_at = CASE WHEN ? THEN ? ELSE proved_at END,
       proved_after = CASE WHEN ? THEN (SELECT max(id) FROM logbooks) ELSE proved_after END WHERE id = ? RETURNING *`,
    [proof, isStated, at, isStated, logbook.id],
  );
}

function insert(statements: Statements, mutation: AcceptNotification): LogbookRow {
  const closedAt = mutation.status === 'new' ? null : mutation.at;
  return statements.one<LogbookRow>(
    `INSERT INTO logbooks (uuid, dedup_key, type, host, target, generated_at, payload, accepted_at, updated_at, closed_at,
       status, accepted_as, message, proof) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING *`,
    [
      mutation.uuid,
      keyOf(mutation),
      mutation.type,
      mutation.host,
      mutation.target,
      mutation.generatedAt,
      mutation.payload,
      mutation.at,
      mutation.at,
      closedAt,
      mutation.status,
      mutation.status,
      mutation.message,
      mutation.proof ?? 'none',
    ],
  );
}
