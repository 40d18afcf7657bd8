/**
 * Removes closed recoveries in small batches, the oldest first, each with its flows, tasks, steps and events.
 *
 * Invariant: what a later decision reads stays. That is whatever an open recovery is parked by, a recovery that owes a look
 * at its host, steps whose outcome is unknown, custom tasks in doubt, the original states of instances on a host that has not
 * recovered, everything reported of a host since a recovery of it that is open or owes a look, the report before a return or before
 * an unfinished one, and of each host the newest finished recovery, return and report. Which instances are away from home is kept
 * in a table of its own (`away`).
 *
 * A batch reads at most `WINDOW` recoveries and removes at most `BATCH` of them or some `MOST_ROWS` rows, so a commit that
 * arrives meanwhile waits for no more than that.
 */
import type Database from 'better-sqlite3';
import { ALWAYS_KEPT, isOld, type PruneDecision } from './prune-decision.ts';
import { QUERIES } from './queries.ts';
import type { LogbookRow } from './words.ts';

const WINDOW = 1_000;
/** Measured with 1,000,000 recoveries: 100 take 14 times as long as a commit, because their index entries lie on pages far apart. */
export const BATCH = 25;
const MOST_ROWS = 2_000;

export interface PruneResult {
  /** How many recoveries were removed. */
  readonly removed: number;
  /** Whether another batch may find more at once. */
  readonly more: boolean;
}

type Candidate = Pick<LogbookRow, 'id' | 'uuid' | 'type' | 'host' | 'status' | 'closed_at' | 'follow_ups'> & {
  readonly closed_served_ms: number | null;
};

/** What a batch removes. */
export interface PrunePlan {
  readonly ids: readonly number[];
  /** A recovery with too many events for one batch: its newest events go first, and itself in a later batch. */
  readonly shorten: number | null;
  readonly more: boolean;
}

/** The newest recoveries of a host on which decisions about it rest. */
interface HostMarks {
  /** The oldest that is open or owes a look. */
  readonly unfinished: number;
  readonly finished: number;
  readonly returned: number;
}

export class Pruner {
  readonly #db: Database.Database;
  /** Everything up to this id was considered in this sweep. */
  #cursor = 0;

  constructor(db: Database.Database) {
    this.#db = db;
  }

  /** How many recoveries are closed. */
  closed(): number {
    return this.#number(`SELECT sum(n) FROM counts WHERE status IN ('failed', 'ignored', 'finished')`);
  }

  /** Chooses the next batch, without writing. */
  plan(decision: PruneDecision): PrunePlan {
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
  remove({ ids, shorten }: PrunePlan): void {
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
    if (this.#isLookedBackAt(one)) return true;
    if (one.id <= Math.max(known.finished, known.returned)) return false;
    return this.#exists(
      `SELECT 1 FROM flowdetails f CROSS JOIN atomdetails a ON a.flow_id = f.id CROSS JOIN steps s ON s.atom_id = a.id
       WHERE f.logbook_id = ? AND s.kind = 'evacuate'`,
      one.id,
    );
  }

  /** A return, and whatever is unfinished, is judged by the report before it; the newest one is what the next report follows. */
  #isLookedBackAt({ host, id }: Candidate): boolean {
    const next = this.#db
      .prepare<[string, number], { looksBack: 0 | 1 | null }>(
        `SELECT closed_at IS NULL OR follow_ups > 0 OR payload ->> 'event' = 'STARTED' AS looksBack FROM logbooks
         WHERE host = ? AND type = 'COMPUTE_HOST' AND id > ? ORDER BY id LIMIT 1`,
      )
      .get(host, id);
    return !next || next.looksBack === 1;
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

  /** Of each host the oldest recovery that is open or owes a look. */
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

  /** Rows that go with a recovery, about. */
  #weightOf(id: number): number {
    return this.#number(
      `SELECT 1 + coalesce(sum((SELECT coalesce(max(seq), 0) FROM events WHERE flow_id = f.id)
         + (SELECT count(*) FROM atomdetails a CROSS JOIN steps s ON s.atom_id = a.id WHERE a.flow_id = f.id)), 0)
       FROM flowdetails f WHERE f.logbook_id = ?`,
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
