/**
 * What a journal costs with 1,000,000 closed recoveries behind it, against one with none: `node test/bench/growth.ts [DIRECTORY] [ROWS]`.
 * Both have the same live part, and are measured in turns in the same run, so that the ratios carry over to other machines.
 */
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { identifyProcess } from '#engine/journal/process-identity.ts';
import { type QueryName, runQuery } from '#engine/journal/queries.ts';
import { JournalReader } from '#engine/journal/reader.ts';
import { takeNewLease } from '#engine/journal/session.ts';
import { JournalWriter } from '#engine/journal/writer.ts';
import { realClock } from '#protocol/clock.ts';
import { notification, settingsFor } from '#test/journal/place.ts';

const HOSTS = 300;
const INSTANCES_OF_A_HOST = 20;
const OPEN = 16;
const DAY = 86_400_000;

const [parent = tmpdir(), rows = '1000000'] = process.argv.slice(2);

/** Every 20th report is of a host, with a flow, a task, two evacuations and two events; the others are of instances. */
function fill(path: string, count: number): void {
  const db = new Database(path);
  db.pragma('journal_mode = OFF');
  db.pragma('synchronous = OFF');
  db.pragma('cache_size = -1000000');
  const run = (sql: string): void => void db.prepare(sql).run({ count, hosts: HOSTS, instances: INSTANCES_OF_A_HOST });
  const series = 'WITH RECURSIVE s (n) AS (SELECT 1 WHERE @count > 0 UNION ALL SELECT n + 1 FROM s WHERE n < @count)';
  db.exec('BEGIN');
  run(`${series} INSERT INTO logbooks
    (uuid, dedup_key, type, host, target, generated_at, payload, accepted_at, updated_at, closed_at, status, message)
    SELECT lower(hex(randomblob(16))), lower(hex(randomblob(32))), iif(n % 20, 'VM', 'COMPUTE_HOST'),
      'compute-' || (n / 20 % @hosts),
      iif(n % 20, 'instance:' || (n % 50000), 'host:compute-' || (n / 20 % @hosts)), n, json_object(
        'event', iif(n % 20, 'LIFECYCLE', iif(n / 20 / @hosts % 4 = 3, 'STARTED', 'STOPPED')),
        'instance_uuid', lower(hex(randomblob(16))), 'vir_domain_event', 'STOPPED_FAILED'), n, n, n,
      iif(n % 20, CASE n % 5 WHEN 0 THEN 'failed' WHEN 1 THEN 'finished' ELSE 'ignored' END,
        iif(n / 20 / @hosts % 3, 'finished', 'failed')),
      'Recovery of the instance is ignored, it is on another host.' FROM s WHERE @instances AND @hosts`);
  run(`INSERT INTO flowdetails
    (logbook_id, uuid, attempt, name, target, plan, config_hash, state, started_at, closed_at)
    SELECT id, lower(hex(randomblob(16))), 1, 'host', target, json_object('tasks', json_array()), 'h', 'SUCCESS', 1, 2
    FROM logbooks WHERE type = 'COMPUTE_HOST' AND @count AND @hosts AND @instances`);
  run(`INSERT INTO atomdetails (flow_id, ord, phase, name, state)
    SELECT id, 0, 'main', 'evacuate_instances_task', 'SUCCESS' FROM flowdetails WHERE @count + @hosts + @instances`);
  run(`INSERT INTO steps (atom_id, ord, key, kind, object, state, before, epoch, intent_at)
    SELECT a.id, k, 'evacuate:' || k, 'evacuate', f.target || '/' || ((a.id / @hosts * 2 + k) % @instances), 'done',
      json_object('status', 'active'), 1, 1
    FROM atomdetails a JOIN flowdetails f ON f.id = a.flow_id, (SELECT 0 AS k UNION SELECT 1) WHERE @count`);
  run(`INSERT INTO events (flow_id, seq, atom_id, at, message, progress, epoch)
    SELECT flow_id, k, id, 1, 'Evacuation of an instance accepted, waiting for its new host', 0.5, 1
    FROM atomdetails, (SELECT 1 AS k UNION SELECT 2) WHERE @count + @hosts + @instances ORDER BY id, k`);
  db.exec('COMMIT');
  db.close();
}

class Measured implements Disposable {
  readonly path: string;
  #session: ReturnType<typeof takeNewLease> | undefined;
  #writer: JournalWriter | undefined;
  #n = 0;

  constructor(path: string, count: number) {
    this.path = path;
    this.open();
    this.close();
    fill(path, count);
    this.open();
    this.#live();
  }

  get #opened(): { readonly session: ReturnType<typeof takeNewLease>; readonly writer: JournalWriter } {
    if (!this.#session || !this.#writer) throw new Error('the journal is closed');
    return { session: this.#session, writer: this.#writer };
  }

  open(): void {
    const settings = settingsFor(this.path);
    this.#session = takeNewLease(settings, identifyProcess('bench'), realClock);
    this.#writer = new JournalWriter(this.#session.db, this.#session.term, realClock, settings);
  }

  close(): void {
    this.#session?.db.close();
  }

  /** What both have: a host that failed and did not recover, and open recoveries. */
  #live(): void {
    const { db } = this.#opened.session;
    this.accept({ host: 'compute-1', target: 'host:compute-1' });
    const id = Number(db.prepare('SELECT max(id) FROM logbooks').pluck().get());
    db.exec(`
      INSERT INTO flowdetails (logbook_id, uuid, attempt, name, target, plan, config_hash, state, started_at, closed_at)
        VALUES (${id}, 'live', 1, 'host', 'host:compute-1', '{}', 'h', 'FAILURE', 1, 2);
      INSERT INTO atomdetails (flow_id, ord, phase, name) SELECT id, 0, 'main', 'evacuate' FROM flowdetails WHERE uuid = 'live'`);
    const atom = Number(db.prepare('SELECT max(id) FROM atomdetails').pluck().get());
    const step = db.prepare(`INSERT INTO steps (atom_id, ord, key, kind, object, state, before, epoch, intent_at)
      VALUES (${atom}, ?, ?, 'evacuate', ?, 'done', '{}', 1, 1)`);
    for (let n = 0; n < INSTANCES_OF_A_HOST; n += 1) step.run(n, `k${n}`, `host:compute-1/${n}`);
    db.exec(`UPDATE logbooks SET status = 'failed', closed_at = 2 WHERE id = ${id}`);
    for (let n = 0; n < OPEN; n += 1) this.accept({ host: `compute-${n}`, target: `host:compute-${n}` });
  }

  accept(other: { readonly host: string; readonly target: string }): void {
    this.#n += 1;
    const report = notification({
      ...other,
      payload: `{"event":"STOPPED","n":${this.#n}}`,
      generatedAt: 1e12 + this.#n,
    });
    const [outcome] = this.#opened.writer.commit([[report]]).outcomes;
    if (!outcome?.ok) throw outcome?.error ?? new Error('no outcome');
  }

  acceptNext(): void {
    this.accept({ host: `other-${this.#n}`, target: `host:other-${this.#n}` });
  }

  query(name: QueryName, ...parameters: readonly unknown[]): void {
    const { db } = this.#opened.session;
    db.transaction(() => runQuery(db, name, parameters))();
  }

  prune(maxClosed: number): number {
    const { writer, session } = this.#opened;
    return writer.prune({ retentionMs: 90 * DAY, maxClosed }, session.heldAt - 200_000 * DAY).result.removed;
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
}

/** Medians in ms of the same act on both, in turns. */
function inTurns(rounds: number, one: () => void, other: () => void): [number, number] {
  const took: [number[], number[]] = [[], []];
  for (let round = 0; round < rounds; round += 1) {
    for (const [index, act] of [one, other].entries()) {
      const start = performance.now();
      act();
      took[index]?.push(performance.now() - start);
    }
  }
  return [median(took[0]), median(took[1])];
}

const QUERIES_MEASURED: readonly (readonly [string, QueryName, ...unknown[]])[] = [
  ['summary (each wake, status)', 'summary'],
  ['list', 'list', { limit: 20 }],
  ['list --status failed', 'list', { limit: 20, status: 'failed' }],
  ['scheduling: open', 'open'],
  ['scheduling: reservedHostsInUse', 'reservedHostsInUse', 1],
  ['scheduling: owedFollowUps', 'owedFollowUps'],
  ['scheduling: crashesOf', 'crashesOf', 'instance:1', 20],
  ['recovery: failureBefore', 'failureBefore', { host: 'compute-1', id: Number.MAX_SAFE_INTEGER }],
  ['recovery: returnsAfter', 'returnsAfter', { host: 'compute-1', id: 1_000_000 }],
  ['recovery: originals', 'originals', 'compute-1'],
  ['recovery: openEvacuations', 'openEvacuations', { atomId: 1, host: 'compute-1' }],
  ['return: movedAway', 'movedAway', { flowId: 1, host: 'compute-1' }],
];

function measure(directory: string): void {
  using small = new Measured(join(directory, 'small.db'), 0);
  const start = performance.now();
  using large = new Measured(join(directory, 'large.db'), Number(rows));
  const megabytes = (path: string): string => `${(statSync(path).size / 1e6).toFixed(1)} MB`;
  process.stdout.write(
    `${rows} closed recoveries made in ${((performance.now() - start) / 1000).toFixed(0)} s: ${megabytes(large.path)}, without them ${megabytes(small.path)}\n`,
  );
  const table: Record<string, { readonly without: string; readonly with: string; readonly ratio: string }> = {};
  const add = (name: string, [without, including]: readonly [number, number]): void => {
    table[name] = {
      without: `${without.toFixed(3)} ms`,
      with: `${including.toFixed(3)} ms`,
      ratio: (including / without).toFixed(2),
    };
  };
  const opening = (one: Measured) => (): void => {
    one.close();
    one.open();
  };
  add('open and take the lease', inTurns(15, opening(small), opening(large)));
  const reading = (one: Measured) => (): void => {
    const reader = new JournalReader(one.path);
    reader.query('summary');
    reader.close();
  };
  add('another process: open and summary', inTurns(41, reading(small), reading(large)));
  for (const [name, query, ...parameters] of QUERIES_MEASURED) {
    const querying = (one: Measured) => (): void => one.query(query, ...parameters);
    add(name, inTurns(301, querying(small), querying(large)));
  }
  const accepting = (one: Measured) => (): void => one.acceptNext();
  const commit = inTurns(101, accepting(small), accepting(large));
  add('accept and commit', commit);
  add(
    'prune, nothing due',
    inTurns(
      101,
      () => void small.prune(0),
      () => void large.prune(0),
    ),
  );
  let removed = 0;
  const [, batch] = inTurns(
    51,
    () => {},
    () => {
      removed += large.prune(1);
    },
  );
  add(`prune a batch (${removed / 51} recoveries), against a commit without`, [commit[0], batch]);
  console.table(table);
}

const directory = mkdtempSync(join(parent, 'recovery-agent-bench-'));
try {
  measure(directory);
} finally {
  rmSync(directory, { recursive: true, force: true });
}
