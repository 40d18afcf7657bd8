/**
 * Removes closed recoveries in small batches, the oldest first, each with its decisions, flows, tasks, steps and events.
 *
 * Invariant: all rows that a later decision reads are kept. These are: recoveries that an open recovery is parked behind, recoveries with
 * outstanding follow-up reads of their host, steps whose outcome is unknown, custom tasks in doubt, the original states of instances on a
 * host that has not recovered, all reports of a host since a recovery of it that is open or has outstanding follow-ups, the report before a
 * return or before an unfinished one, and of each host the newest finished recovery, return and report. A table of its own (`away`)
 * contains the instances that are away from home.
 *
 * A batch reads at most `WINDOW` recoveries and removes at most `BATCH` of them or about `MOST_ROWS` rows, and `AUDIT_BATCH` entries of
 * each kind of the audit, so a commit that arrives meanwhile waits for no more than that.
 */
import type Database from 'better-sqlite3';
import { CLOSED_STATUSES } from '#protocol/notification-status.ts';
import { AUDIT_KINDS } from './audit.ts';
import { ALWAYS_KEPT, type AuditPruneDecision, isOld, type PruneDecision } from './prune-decision.ts';
import { QUERIES } from './queries.ts';
import type { LogbookRow } from './rows.ts';

const WINDOW = 1_000;
/** Measured with 1,000,000 recoveries: 100 take 14 times as long as a commit, because their index entries are on pages far apart. */
export const BATCH = 25;
const MOST_ROWS = 2_000;
/** Entries of the audit of one kind. */
const AUDIT_BATCH = 250;

export interface PruneResult {
  /** How many recoveries were removed. */
  readonly removed: number;
  /** Whether another batch may find more at once. */
  readonly more: boolean;
}

type Candidate = Pick<LogbookRow, 'id' | 'uuid' | 'type' | 'host' | 'status' | 'closed_at' | 'follow_ups'> & {
  readonly closed_served_ms: number | null;
};

/** The content of a batch. */
export interface PrunePlan {
  readonly ids: readonly number[];
  /** A recovery with too many events for one batch: its newest events go first, and itself in a later batch. */
  readonly shorten: number | null;
  /** Entries of the audit, of each kind the oldest. */
  readonly auditIds: readonly number[];
  readonly more: boolean;
}

/** The newest recoveries of a host on which decisions about it depend. */
interface HostMarks {
  /** The oldest that is open or has outstanding follow-ups. */
  readonly unfinished: number;
  readonly finished: number;
  readonly returned: number;
}

/** As an SQL list. */
const CLOSED = CLOSED_STATUSES.map((status) => `'${status}'`).join(', ');

export class Pruner {
  readonly #db: Database.Database;
  /** All recoveries up to this id were considered in this sweep. */
  #cursor = 0;

  constructor(db: Database.Database) {
    this.#db = db;
  }

  /** How many recoveries are closed. */
  closed(): number {
    return this.#number(`SELECT sum(n) FROM counts WHERE status IN (${CLOSED})`);
  }

  /** Chooses the next batch, without writing. */
  plan(decision: PruneDecision, audit: AuditPruneDecision = { servedBefore: null, count: null }): PrunePlan {
    const due = AUDIT_KINDS.map((kind) => this.#dueAudit(kind, audit));
    const recoveries = this.#planRecoveries(decision);
    const more = recoveries.more || due.some((ids) => ids.length === AUDIT_BATCH);
    return { ...recoveries, auditIds: due.flat(), more };
  }

  /** The oldest entries of a kind that are not kept. */
  #dueAudit(kind: string, { servedBefore, count }: AuditPruneDecision): number[] {
    if (servedBefore === null && count === null) return [];
    const newest = this.#number('SELECT max(seq) FROM audit WHERE kind = ?', kind);
    const oldest = this.#db
      .prepare<[string, number], { id: number; seq: number; served_ms: number }>(
        'SELECT id, seq, served_ms FROM audit WHERE kind = ? ORDER BY seq LIMIT ?',
      )
      .all(kind, AUDIT_BATCH);
    const kept = oldest.findIndex(
      ({ seq, served_ms }) =>
        (servedBefore === null || served_ms > servedBefore) && (count === null || seq > newest - count),
    );
    return oldest.slice(0, kept === -1 ? oldest.length : kept).map(({ id }) => id);
  }

  #planRecoveries(decision: PruneDecision): Omit<PrunePlan, 'auditIds'> {
    const newest = this.#number('SELECT id FROM logbooks ORDER BY id DESC LIMIT 1 OFFSET ?', ALWAYS_KEPT);
    const window = this.#db
      .prepare<[number, number, number], Candidate>(
        `SELECT id, uuid, type, host, status, closed_at, follow_ups, closed_served_ms FROM logbooks
         WHERE id > ? AND id <= ? ORDER BY id LIMIT ?`,
      )
      .all(this.#cursor, newest, WINDOW);
    const ids: number[] = [];
    let { surplus } = decision;
    let rows = 0;
    const marks = this.#hostMarks();
    for (const one of window) {
      const isDue = isOld(one, decision) || surplus > 0;
      if (one.closed_at === null || !isDue || this.#isNeeded(one, decision, marks)) {
        this.#cursor = one.id;
        continue;
      }
      const weight = this.#weightOf(one.id);
      if (ids.length > 0 && rows + weight > MOST_ROWS) return { ids, shorten: null, more: true };
      if (weight > MOST_ROWS) return { ids, shorten: one.id, more: true };
      ids.push(one.id);
      rows += weight;
      surplus -= 1;
      this.#cursor = one.id;
      if (ids.length === BATCH) return { ids, shorten: null, more: true };
    }
    const isOver =
      window.length < WINDOW || (ids.length === 0 && surplus <= 0 && !window.some((one) => isOld(one, decision)));
    if (isOver) this.#cursor = 0;
    return { ids, shorten: null, more: !isOver };
  }

  /** Removes what was planned; inside the writer's transaction. */
  remove({ ids, shorten, auditIds }: PrunePlan): void {
    const forget = this.#db.prepare<[number]>('DELETE FROM audit WHERE id = ?');
    for (const id of auditIds) forget.run(id);
    const remove = this.#db.prepare<[number]>('DELETE FROM logbooks WHERE id = ?');
    for (const id of ids) remove.run(id);
    if (shorten === null) return;
    this.#db
      .prepare<[number, number]>(
        `DELETE FROM events WHERE id IN (SELECT e.id FROM flowdetails f CROSS JOIN events e ON e.flow_id = f.id
           WHERE f.logbook_id = ? ORDER BY e.seq DESC LIMIT ?)`,
      )
      .run(shorten, MOST_ROWS);
  }

  #isNeeded(one: Candidate, decision: PruneDecision, marks: (host: string) => HostMarks): boolean {
    if (one.follow_ups > 0) return true;
    if (this.#exists('SELECT 1 FROM logbooks WHERE parked_by = ? AND closed_at IS NULL', one.uuid)) return true;
    if (one.type === 'COMPUTE_HOST' && this.#isMarkOfHost(one, marks)) return true;
    const since = this.#db
      .prepare<[number], { at: number | null; open: number }>(
        `SELECT max(s.intent_at) AS at, count(*) AS open FROM flowdetails f CROSS JOIN atomdetails a ON a.flow_id = f.id
           CROSS JOIN steps s ON s.atom_id = a.id
         WHERE f.logbook_id = ? AND s.state IN ('intent', 'sent', 'unknown')`,
      )
      .get(one.id);
    if (!since || since.open === 0) return false;
    return (since.at ?? 0) > decision.unsettledSince || QUERIES.doubts(this.#db, one.id).length > 0;
  }

  #isMarkOfHost(one: Candidate, marks: (host: string) => HostMarks): boolean {
    const known = marks(one.host);
    if (one.id >= known.unfinished) return true;
    if (one.id === known.finished || one.id === known.returned) return true;
    if (this.#isReadBack(one)) return true;
    if (one.id <= Math.max(known.finished, known.returned)) return false;
    return this.#exists(
      `SELECT 1 FROM flowdetails f CROSS JOIN atomdetails a ON a.flow_id = f.id CROSS JOIN steps s ON s.atom_id = a.id
       WHERE f.logbook_id = ? AND s.kind = 'evacuate'`,
      one.id,
    );
  }

  /** A return or an unfinished recovery is decided by the report before it; the next report follows the newest one. */
  #isReadBack({ host, id }: Candidate): boolean {
    const next = this.#db
      .prepare<[string, number], { readsBack: 0 | 1 | null }>(
        `SELECT closed_at IS NULL OR follow_ups > 0 OR payload ->> 'event' = 'STARTED' AS readsBack FROM logbooks
         WHERE host = ? AND type = 'COMPUTE_HOST' AND id > ? ORDER BY id LIMIT 1`,
      )
      .get(host, id);
    return !next || next.readsBack === 1;
  }

  /** Read at most once for each host of a batch. */
  #hostMarks(): (host: string) => HostMarks {
    const known = new Map<string, HostMarks>();
    let unfinished: ReadonlyMap<string, number> | undefined;
    return (host) => {
      unfinished ??= this.#unfinished();
      const marks = known.get(host) ?? this.#marksOf(host, unfinished);
      known.set(host, marks);
      return marks;
    };
  }

  /** Of each host the oldest recovery that is open or has outstanding follow-ups. */
  #unfinished(): ReadonlyMap<string, number> {
    const rows = this.#db
      .prepare<[], { host: string; id: number }>(
        `SELECT host, min(id) AS id FROM (
           SELECT host, id FROM logbooks INDEXED BY logbooks_open WHERE closed_at IS NULL AND type = 'COMPUTE_HOST'
           UNION ALL SELECT host, id FROM logbooks INDEXED BY logbooks_owed_follow_ups
             WHERE follow_ups > 0 AND type = 'COMPUTE_HOST') GROUP BY host`,
      )
      .all();
    return new Map(rows.map(({ host, id }) => [host, id]));
  }

  #marksOf(host: string, unfinished: ReadonlyMap<string, number>): HostMarks {
    const newest = (index: string, condition: string): number =>
      this.#number(
        `SELECT max(id) FROM logbooks INDEXED BY ${index} WHERE host = ? AND type = 'COMPUTE_HOST' AND ${condition}`,
        host,
      );
    return {
      unfinished: unfinished.get(host) ?? Number.POSITIVE_INFINITY,
      finished: newest('logbooks_finished_hosts', `status = 'finished'`),
      returned: newest('logbooks_returns', `payload ->> 'event' = 'STARTED'`),
    };
  }

  /** Approximate number of rows that are removed with a recovery. */
  #weightOf(id: number): number {
    return this.#number(
      `SELECT 1 + coalesce(sum((SELECT coalesce(max(seq), 0) FROM events WHERE flow_id = f.id)
         + (SELECT count(*) FROM atomdetails a CROSS JOIN steps s ON s.atom_id = a.id WHERE a.flow_id = f.id)), 0)
         + (SELECT count(*) FROM decisions WHERE logbook_id = ?)
       FROM flowdetails f WHERE f.logbook_id = ?`,
      id,
      id,
    );
  }

  #number(sql: string, ...values: readonly (string | number)[]): number {
    return (
      this.#db
        .prepare<(string | number)[], number | null>(sql)
        .pluck()
        .get(...values) ?? 0
    );
  }

  #exists(sql: string, ...values: readonly (string | number)[]): boolean {
    return (
      this.#db
        .prepare<(string | number)[], number>(`SELECT EXISTS (${sql})`)
        .pluck()
        .get(...values) === 1
    );
  }
}
