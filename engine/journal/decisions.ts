/**
 * Writes decisions about recoveries. Runs inside the writer's transaction, which contains the effect of the decision.
 *
 * Invariants:
 * - A decision that only repeats the previous one about what may start is not written: a hold that lasts costs no row.
 * - A recovery has at most `MAX_DECISIONS` rows. Beyond them the oldest repeated one is removed, and the next equal one counts it: a gate
 *   that opens and closes for weeks fills no disk, and its first and its newest decisions stay.
 */
import { printableShort } from '#protocol/printable.ts';
import type { Statements } from './acceptance.ts';
import type { AcceptNotification, AcceptResult, AddDecision, DecisionFacts } from './mutations.ts';
import type { DecisionKind, DecisionRow } from './rows.ts';
import { MAX_FACTS_BYTES } from './schema-decisions.ts';

/** Rows of one recovery; there are fewer pairs of a rule and an outcome, so that some are repeated. */
export const MAX_DECISIONS = 100;

/** Maximum length of a text, in characters. */
const MAX_TEXT = 2_000;

/** Decisions about what may start. They are repeated while they hold a recovery. */
const REPEATED: readonly DecisionKind[] = ['gate', 'queue', 'crash_back_off', 'return'];

/**
 * The decision about a report that was accepted. A duplicate is one only if it brought a stronger proof: the audit has all others.
 */
export function decisionOfAcceptance(
  { status, message, facts = {}, limits, at, proof = 'none' }: AcceptNotification,
  { logbook, isDuplicate, isStronger = false }: AcceptResult,
): AddDecision | null {
  if (isDuplicate && !isStronger) return null;
  const outcome = isDuplicate ? 'duplicate' : status === 'new' ? 'accepted' : status;
  const reason = isDuplicate ? `A repeated report brought a stronger proof: ${proof}.` : message;
  const given = limits === undefined ? {} : { limits };
  return { op: 'decision', uuid: logbook.uuid, kind: 'acceptance', outcome, rule: null, reason, facts, ...given, at };
}

/** @returns null: it repeats the previous decision, and is not written. */
export function writeDecision(statements: Statements, decision: AddDecision, epoch: number): DecisionRow | null {
  const { uuid, kind, outcome, rule, reason, facts, limits, at } = decision;
  const { id } = statements.one<{ id: number }>('SELECT id FROM logbooks WHERE uuid = ?', [uuid]);
  if (REPEATED.includes(kind) && isRepeated(statements, id, decision)) return null;
  const row = statements.one<DecisionRow>(
    `INSERT INTO decisions (logbook_id, at, epoch, kind, outcome, rule, reason, facts, limits)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING *`,
    [id, at, epoch, kind, outcome, cut(rule), cut(reason), boundedJson(facts), boundedJson(limits ?? {})],
  );
  dropRepeated(statements, id);
  return row;
}

/** Whether the previous decision is equal. A duplicate of the report in between changes nothing. */
function isRepeated(statements: Statements, id: number, { kind, outcome, rule }: AddDecision): boolean {
  const last = statements.maybe<DecisionRow>(
    `SELECT * FROM decisions WHERE logbook_id = ? AND kind <> 'acceptance' ORDER BY id DESC LIMIT 1`,
    [id],
  );
  return last !== undefined && last.kind === kind && last.outcome === outcome && last.rule === rule;
}

/** Removes one row if there is one too many. */
function dropRepeated(statements: Statements, id: number): void {
  const rows = statements.all<Pick<DecisionRow, 'id' | 'kind' | 'outcome' | 'rule' | 'times'>>(
    'SELECT id, kind, outcome, rule, times FROM decisions WHERE logbook_id = ? ORDER BY id',
    [id],
  );
  if (rows.length <= MAX_DECISIONS) return;
  const isEqual = (one: (typeof rows)[number], other: (typeof rows)[number]): boolean =>
    one.kind === other.kind && one.outcome === other.outcome && one.rule === other.rule;
  const dropped = rows.find(
    (row, index) =>
      rows.slice(0, index).some((one) => isEqual(one, row)) && rows.slice(index + 1).some((one) => isEqual(one, row)),
  );
  const next = dropped && rows.find((row) => row.id > dropped.id && isEqual(row, dropped));
  const removed = dropped ?? rows[1];
  if (removed === undefined) return;
  statements.all('DELETE FROM decisions WHERE id = ? RETURNING id', [removed.id]);
  if (next === undefined) return;
  statements.one('UPDATE decisions SET times = times + ? WHERE id = ? RETURNING id', [removed.times, next.id]);
}

function cut(text: string | null): string | null {
  return text !== null && text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT - 1).toWellFormed()}…` : text;
}

/** Bytes that the names of what is left out may take. */
const LEFT_OUT_BYTES = 1_024;
const MAX_LEFT_OUT = 16;
const MAX_NAME = 40;

/** JSON of at most `MAX_FACTS_BYTES`. What makes it too long is left out, the longest first, and named in `left_out`. */
export function boundedJson(facts: DecisionFacts): string {
  const json = JSON.stringify(facts);
  if (Buffer.byteLength(json) <= MAX_FACTS_BYTES) return json;
  const sizes = Object.entries(facts)
    .map(([name, value]) => ({ name, bytes: Buffer.byteLength(JSON.stringify({ [name]: value })) }))
    .sort((a, b) => b.bytes - a.bytes);
  let total = sizes.reduce((sum, { bytes }) => sum + bytes, 0);
  const leftOut = new Set<string>();
  for (const { name, bytes } of sizes) {
    if (total <= MAX_FACTS_BYTES - LEFT_OUT_BYTES) break;
    leftOut.add(name);
    total -= bytes;
  }
  const kept = Object.entries(facts).filter(([name]) => !leftOut.has(name));
  const names = [...leftOut].slice(0, MAX_LEFT_OUT).map((name) => printableShort(name, MAX_NAME));
  return JSON.stringify({ ...Object.fromEntries(kept), left_out: names });
}
