import type Database from 'better-sqlite3';
import { describe, expect, test } from 'vitest';
import { openFlow, Place } from '#test/journal/place.ts';
import { APPLICATION_ID, SCHEMA_VERSION } from './schema.ts';

/** What may follow what; every pair that is not here must be refused. */
const RULES = {
  logbooks: {
    column: 'status',
    states: 'new running error failed ignored finished',
    allowed: {
      new: 'running ignored finished failed',
      running: 'new finished ignored error failed',
      error: 'new running ignored failed',
      failed: 'new',
      ignored: 'new',
    },
  },
  atomdetails: {
    column: 'state',
    states: 'PENDING RUNNING SUCCESS FAILURE REVERTING REVERTED REVERT_FAILURE',
    allowed: {
      PENDING: 'RUNNING',
      RUNNING: 'SUCCESS FAILURE',
      SUCCESS: 'REVERTING',
      FAILURE: 'RUNNING REVERTING',
      REVERTING: 'REVERTED REVERT_FAILURE',
    },
  },
  steps: {
    column: 'state',
    states: 'planned intent sent done failed unknown skipped',
    allowed: {
      planned: 'intent sent done failed skipped',
      intent: 'planned sent done failed unknown skipped',
      sent: 'done failed unknown skipped',
      unknown: 'intent sent done failed skipped',
      failed: 'intent done skipped',
    },
  },
} as const;

/** Puts one row into the state, past every rule of its table, and hands it to `act`; nothing of it stays. */
function inState(db: Database.Database, table: keyof typeof RULES, state: string, act: (id: number) => void): void {
  const { column } = RULES[table];
  const extra = table === 'logbooks' ? `, closed_at = iif('${state}' IN ('new', 'running', 'error'), NULL, 1)` : '';
  db.exec('BEGIN');
  try {
    db.exec(`DROP TRIGGER ${table}_${column}_transitions`);
    const trigger = saved.get(table) ?? '';
    const { id } = db
      .prepare<[string], { id: number }>(`UPDATE ${table} SET ${column} = ?${extra} RETURNING id`)
      .get(state) ?? { id: 0 };
    db.exec(trigger);
    act(id);
  } finally {
    db.exec('ROLLBACK');
  }
}
const saved = new Map<string, string>();

function withOneOfEach(place: Place): Database.Database {
  const { writer } = place.term();
  const flow = openFlow(writer);
  writer.commit([
    [
      {
        op: 'plan_steps',
        atomId: flow.atoms[0]?.id ?? 0,
        steps: [{ key: 'k', kind: 'evacuate', object: 'i', before: {} }],
      },
      { op: 'event', flowId: flow.flow.id, atomId: flow.atoms[0]?.id ?? 0, message: 'one', progress: 0.1, at: 1 },
      { op: 'event', flowId: flow.flow.id, atomId: null, message: 'two', progress: 0.2, at: 1 },
    ],
  ]);
  const db = place.hand();
  db.pragma('foreign_keys = ON');
  for (const [table, { column }] of Object.entries(RULES)) {
    const name = `${table}_${column}_transitions`;
    saved.set(
      table,
      db.prepare<[string], string>('SELECT sql FROM sqlite_schema WHERE name = ?').pluck().get(name) ?? '',
    );
  }
  return db;
}

describe.each(Object.keys(RULES) as (keyof typeof RULES)[])('of all pairs of states, %s', (table) => {
  const { column, states, allowed } = RULES[table];
  test('passes the allowed ones and refuses every other', () => {
    using place = new Place();
    const db = withOneOfEach(place);
    const found: Record<string, string> = {};
    for (const from of states.split(' ')) {
      const passed = states.split(' ').filter((to) => {
        let isPassed = false;
        inState(db, table, from, (id) => {
          const closing = table === 'logbooks' ? `, closed_at = iif(@to IN ('new', 'running', 'error'), NULL, 1)` : '';
          try {
            db.prepare(`UPDATE ${table} SET ${column} = @to${closing} WHERE id = @id`).run({ to, id });
            isPassed = true;
          } catch (error) {
            expect(String(error)).toContain(`forbidden transition of ${table}.${column}`);
          }
        });
        return isPassed && to !== from;
      });
      if (passed.length > 0) found[from] = passed.join(' ');
    }
    const sorted = (rules: Record<string, string>) =>
      Object.fromEntries(Object.entries(rules).map(([from, to]) => [from, to.split(' ').sort()]));
    expect(sorted(found)).toEqual(sorted(allowed));
  });
});

describe('the file itself refuses', () => {
  test.each([
    ['an epoch that goes back', 'UPDATE lease SET epoch = epoch - 1', /never goes back/],
    [
      'an epoch that goes back by REPLACE',
      `REPLACE INTO lease SELECT id, epoch, 'x', node, pid, boot_id, 1, 1, 'held', 0 FROM lease`,
      /never goes back/,
    ],
    ['another owner of the same epoch', `UPDATE lease SET owner = 'another'`, /has one owner/],
    ['a lease that is deleted', 'DELETE FROM lease', /the lease row stays/],
    [
      'a second lease',
      `INSERT INTO lease SELECT 2, epoch + 1, owner, node, pid, boot_id, 1, 1, state, 0 FROM lease`,
      /CHECK/,
    ],
    [
      'a second open flow on one target',
      `INSERT INTO flowdetails (logbook_id, uuid, attempt, name, target, plan, config_hash, state, started_at)
        SELECT logbook_id, 'other', 2, name, target, plan, config_hash, 'RUNNING', 1 FROM flowdetails`,
      /UNIQUE.*target/,
    ],
    [
      'an attempt counted twice',
      `INSERT INTO flowdetails (logbook_id, uuid, attempt, name, target, plan, config_hash, state, started_at)
        SELECT logbook_id, 'other', attempt, name, 'host:x', plan, config_hash, 'RUNNING', 1 FROM flowdetails`,
      /UNIQUE.*attempt/,
    ],
    ['a plan that changes', `UPDATE flowdetails SET plan = '[]'`, /plan is frozen/],
    ['a flow that changes its target', `UPDATE flowdetails SET target = 'host:x'`, /plan is frozen/],
    ['a flow that is closed and runs', 'UPDATE flowdetails SET closed_at = 1', /CHECK/],
    ['a flow that is over and open', `UPDATE flowdetails SET state = 'SUCCESS'`, /CHECK/],
    ['an open flow that is deleted', 'DELETE FROM flowdetails', /an open flow stays/],
    ['an open flow that is deleted with its logbook', 'DELETE FROM logbooks', /an open flow stays/],
    ['steps of an open flow that are deleted', 'DELETE FROM steps', /steps of an open flow stay/],
    ['tasks of an open flow that are deleted', 'DELETE FROM atomdetails', /atomdetails of an open flow stay/],
    ['events of an open flow that are deleted', 'DELETE FROM events', /events of an open flow stay/],
    ['an event that is rewritten', `UPDATE events SET message = 'never happened'`, /append-only/],
    [
      'an event that is replaced',
      'REPLACE INTO events SELECT id, flow_id, 3, NULL, 1, message, 0, epoch FROM events WHERE seq = 2',
      /append-only/,
    ],
    [
      'a gap among events',
      `INSERT INTO events (flow_id, seq, at, message, progress, epoch) SELECT id, 4, 1, 'm', 0, 1 FROM flowdetails`,
      /contiguous/,
    ],
    [
      'an event with a number that was used',
      `INSERT INTO events (flow_id, seq, at, message, progress, epoch) SELECT id, 2, 1, 'm', 0, 1 FROM flowdetails`,
      /contiguous|UNIQUE/,
    ],
    ['what a step saw, rewritten', `UPDATE steps SET before = '[]'`, /never rewritten/],
    ['a step that moves to another object', `UPDATE steps SET object = 'j'`, /never rewritten/],
    [
      'a step planned twice',
      `INSERT INTO steps (atom_id, ord, key, kind, object, before, epoch) SELECT atom_id, 9, key, kind, object, before, 1 FROM steps`,
      /UNIQUE.*key/,
    ],
    ['a decision that is rewritten', `UPDATE decisions SET reason = 'never decided'`, /a decision is not changed/],
    [
      'a decision that is replaced',
      `REPLACE INTO decisions SELECT id, logbook_id, 1, epoch, kind, 'ignored', rule, reason, facts, limits, times FROM decisions`,
      /a decision is not changed/,
    ],
    [
      'the first decision about a recovery, deleted',
      'DELETE FROM decisions',
      /the first decision about a recovery stays/,
    ],
    [
      'a decision that counts fewer equal ones',
      'UPDATE decisions SET times = 1',
      /the number of equal decisions grows/,
    ],
    [
      'facts of a decision beyond 8 KiB',
      `INSERT INTO decisions (logbook_id, at, epoch, kind, outcome, facts, limits)
        SELECT logbook_id, 1, 1, 'gate', 'pass', json_array(hex(zeroblob(4096))), '{}' FROM decisions`,
      /CHECK/,
    ],
    ['a closed logbook without an end', `UPDATE logbooks SET status = 'failed'`, /CHECK/],
    ['an open logbook with an end', 'UPDATE logbooks SET closed_at = 1', /CHECK/],
    [
      'a notification stored twice',
      `INSERT INTO logbooks (uuid, dedup_key, type, host, target, generated_at, payload, accepted_at, updated_at, status)
        SELECT 'other', dedup_key, type, host, target, 1, payload, 1, 1, 'new' FROM logbooks`,
      /UNIQUE.*dedup_key/,
    ],
    ['a payload that is not JSON', `UPDATE logbooks SET payload = '{'`, /CHECK/],
    ['progress beyond the end', 'UPDATE atomdetails SET progress = 1.01', /CHECK/],
    [
      'text where a number belongs',
      `UPDATE logbooks SET updated_at = 'yesterday'`,
      /cannot store TEXT value in INTEGER column/,
    ],
    ['a fraction where ms belong', 'UPDATE steps SET intent_at = 0.5', /cannot store REAL value in INTEGER column/],
  ])('%s', (_, sql, message) => {
    using place = new Place();
    const db = withOneOfEach(place);
    const before = db.serialize();
    expect(() => db.prepare(sql).run()).toThrow(message);
    expect(db.serialize().equals(before)).toBe(true);
  });

  test('any change of a closed flow, but lets it be pruned with all that belongs to it', () => {
    using place = new Place();
    const db = withOneOfEach(place);
    db.exec(`UPDATE flowdetails SET state = 'SUCCESS', closed_at = 2;
             UPDATE logbooks SET status = 'finished', closed_at = 2`);
    for (const change of ["state = 'RUNNING', closed_at = NULL", 'resumes = 1', "error = 'e'"]) {
      expect(() => db.prepare(`UPDATE flowdetails SET ${change}`).run()).toThrow('a closed flow stays closed');
    }
    db.exec('DELETE FROM logbooks');
    for (const table of ['flowdetails', 'atomdetails', 'steps', 'events', 'decisions']) {
      expect(db.prepare(`SELECT count(*) FROM ${table}`).pluck().get(), table).toBe(0);
    }
  });
});

test('every table is STRICT, and the file contains its application and its version', () => {
  using place = new Place();
  const db = withOneOfEach(place);
  const tables = db.pragma('table_list') as { name: string; schema: string; strict: number }[];
  const ours = tables.filter(({ name }) => !name.startsWith('sqlite_'));
  expect(ours.map(({ name }) => name).sort()).toEqual([
    'abandoned_evacuations',
    'atomdetails',
    'audit',
    'away',
    'counts',
    'decisions',
    'events',
    'flowdetails',
    'hosts',
    'key_floor',
    'lease',
    'logbooks',
    'maintenances',
    'pause',
    'proof_checks',
    'skips',
    'steps',
  ]);
  expect(ours.every(({ strict }) => strict === 1)).toBe(true);
  expect(db.pragma('application_id', { simple: true })).toBe(APPLICATION_ID);
  expect(db.pragma('user_version', { simple: true })).toBe(SCHEMA_VERSION);
});

test('a released target takes the next flow, and its open flow is found by an index', () => {
  using place = new Place();
  const { writer } = place.term();
  const first = openFlow(writer);
  expect(() => openFlow(writer)).toThrow(/UNIQUE constraint failed: flowdetails.target/);
  writer.commit([[{ op: 'close_flow', flowId: first.flow.id, state: 'FAILURE', error: 'e', at: 2 }]]);
  // The refused one left nothing behind, not even its notification.
  expect(place.hand().prepare('SELECT count(*) FROM logbooks').pluck().get()).toBe(1);
  const plan = place
    .hand()
    .prepare('EXPLAIN QUERY PLAN SELECT id FROM flowdetails WHERE target = ? AND closed_at IS NULL')
    .all('t');
  expect(JSON.stringify(plan)).toContain('flowdetails_one_open_per_target');
});
