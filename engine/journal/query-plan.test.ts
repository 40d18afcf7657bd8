/** No query and no statement of a commit reads a whole table, or all that ever happened to one host: what a journal costs does not depend on the closed rows in it. */
import type Database from 'better-sqlite3';
import { expect, test } from 'vitest';
import { LOCAL_ORIGIN } from '#protocol/origin.ts';
import { flowOf, notification, openFlow, Place } from '#test/journal/place.ts';
import { MAX_DECISIONS } from './decisions.ts';
import { MutationWriter } from './mutation-writer.ts';
import type { Mutation } from './mutations.ts';
import { pruneDecision } from './prune-decision.ts';
import { BATCH, Pruner } from './pruning.ts';
import { QUERIES, type QueryName, runQuery } from './queries.ts';

const ARGUMENTS: Readonly<Record<QueryName, readonly (readonly unknown[])[]>> = {
  summary: [[]],
  keyFloor: [[]],
  pause: [[]],
  skips: [[1]],
  hasRequestedMove: [[{ logbookId: 1, instance: 'i' }]],
  maintenances: [[]],
  proofChecks: [[1]],
  list: [[{ limit: 10 }], [{ limit: 10, status: 'failed' }]],
  logbook: [['u']],
  show: [['report-of-this-test']],
  open: [[]],
  logbookById: [[1]],
  openFlow: [[1]],
  hasStarted: [[1]],
  isForceDownRequested: [[1]],
  returnsAfter: [[{ host: 'compute-1', id: 1 }]],
  returnBefore: [[{ host: 'compute-1', id: 1 }]],
  failuresAfter: [[{ host: 'compute-1', id: 1 }]],
  unsettledMigrations: [[1]],
  stoppedByRecoveries: [['compute-1']],
  failureBefore: [[{ host: 'compute-1', id: 1 }]],
  owedFollowUps: [[]],
  evacuationObjects: [[1]],
  flows: [[1]],
  reservedHostsInUse: [[1]],
  originals: [['compute-1']],
  crashesOf: [['instance:i', 5]],
  movedAway: [[{ flowId: 1, host: 'compute-1' }]],
  stepsElsewhere: [[{ atomId: 1, key: 'k' }]],
  openEvacuations: [[{ atomId: 1, host: 'compute-1' }]],
  evacuatedElsewhere: [[1]],
  doubts: [[1]],
  abandonedEvacuations: [['i']],
  atoms: [[1]],
  hosts: [[]],
  audit: [[{ limit: 10 }], [{ limit: 10, since: 1 }]],
  auditOf: [['report-of-this-test']],
  decisions: [[1]],
};

/**
 * What may be scanned: the rows that are open, tables with a row for each status, host or lease, and the newest rows up to a
 * limit in the order of their ids.
 */
const BOUNDED = [
  /^SCAN (l|logbooks) USING (COVERING )?INDEX logbooks_(open|owed_follow_ups)$/,
  // Evacuations of which the end is not known: retention removes them after 30 days.
  /^SCAN s USING INDEX steps_unsettled_evacuations$/,
  /^SCAN (counts|hosts|lease|maintenances)\b/,
  /^SCAN (flows|own|moved|CONSTANT ROW)\b/,
  /^SCAN \d+ CONSTANT ROWS?$/,
  // What was selected by other lines of the same plan.
  /^SCAN \(subquery-\d+\)$/,
];
/** All recoveries of a host, or all steps of an instance. */
const OF_ONE_OBJECT = /logbooks_by_host \(host=\? AND type=\?\)|steps_by_object \(object=\?\)/;
const NEWEST_FIRST = /^SELECT (\*|id) FROM logbooks ORDER BY id DESC LIMIT/;

/** A connection that notes every statement that is prepared through it. */
function listening(db: Database.Database, statements: Set<string>): Database.Database {
  return new Proxy(db, {
    get(target, property) {
      if (property === 'prepare') {
        return (sql: string) => {
          statements.add(sql);
          return target.prepare(sql);
        };
      }
      const value: unknown = Reflect.get(target, property);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

function scansOf(db: Database.Database, sql: string): string[] {
  const plan = db.prepare(`EXPLAIN QUERY PLAN ${sql}`);
  const parameters = [...sql.matchAll(/@(\w+)/g)].map(([, name = '']) => [name, null]);
  const values = parameters.length > 0 ? [Object.fromEntries(parameters)] : [...sql.matchAll(/\?/g)].map(() => null);
  const lines = (plan.all(...values) as { readonly detail: string }[]).map(({ detail }) => detail);
  const scans = lines.filter(
    (line) => OF_ONE_OBJECT.test(line) || (line.startsWith('SCAN') && !BOUNDED.some((bounded) => bounded.test(line))),
  );
  return NEWEST_FIRST.test(sql) ? scans.filter((line) => line !== 'SCAN logbooks') : scans;
}

function unboundedOf(db: Database.Database, statements: Iterable<string>): Record<string, string[]> {
  const found = [...statements].map((sql) => [sql, scansOf(db, sql)] as const);
  return Object.fromEntries(found.filter(([, scans]) => scans.length > 0));
}

test.each(Object.keys(QUERIES) as QueryName[])('the query %s', (name) => {
  using place = new Place();
  const { db, writer } = place.term();
  writer.commit([[notification({ uuid: 'report-of-this-test' }), flowOf('report-of-this-test')]]);
  const statements = new Set<string>();
  for (const parameters of ARGUMENTS[name]) runQuery(listening(db, statements), name, parameters);
  expect(statements.size).toBeGreaterThan(0);
  expect(unboundedOf(db, statements)).toEqual({});
});

test('every mutation', () => {
  using place = new Place();
  const { db, writer, term } = place.term();
  const { flow, atoms } = openFlow(writer);
  const uuid = db.prepare<[], string>('SELECT uuid FROM logbooks').pluck().get() ?? '';
  const atomId = atoms[0]?.id ?? 0;
  const at = 1;
  const decision = {
    op: 'decision',
    uuid,
    kind: 'end',
    outcome: 'error',
    rule: null,
    reason: 'r',
    facts: {},
    at,
  } as const;
  const mutations: readonly Mutation[] = [
    notification({ uuid: 'another', host: 'compute-2', target: 'host:compute-2' }),
    { op: 'resume_flow', flowId: flow.id },
    { op: 'leave_flow', flowId: flow.id },
    { op: 'rename_host', uuid: 'another', host: 'compute-2.local', target: 'host:compute-2.local' },
    { op: 'atom', atomId, state: 'RUNNING', at },
    { op: 'event', flowId: flow.id, atomId, message: 'm', progress: 0, at },
    { op: 'plan_steps', atomId, steps: [{ key: 'k', kind: 'evacuate', object: 'i', before: {} }] },
    { op: 'step', stepId: 1, state: 'done', at },
    { op: 'revert_flow', flowId: flow.id, cause: 'work', error: 'e' },
    { op: 'close_flow', flowId: flow.id, state: 'REVERTED', error: null, at },
    { op: 'logbook', uuid, status: 'failed', at },
    { ...decision, kind: 'gate' },
    { op: 'abandon_evacuation', record: 'r', instance: 'i', by: 'operator', at },
    { op: 'host', name: 'compute-1', reserved: 1, by: 'operator', at },
    // One more than a recovery may have.
    ...Array.from({ length: MAX_DECISIONS }, () => decision),
    { op: 'audit', kind: 'command', action: 'host', origin: LOCAL_ORIGIN, outcome: 'accepted', at },
    { op: 'audit', kind: 'command', action: 'host', origin: LOCAL_ORIGIN, outcome: 'accepted', at },
  ];
  const statements = new Set<string>();
  const received = new MutationWriter(listening(db, statements), term.epoch, 1);
  for (const mutation of mutations) received.apply(mutation);
  expect(statements.size).toBeGreaterThan(new Set(mutations.map(({ op }) => op)).size);
  expect([...statements].filter((sql) => sql.includes('decisions'))).toHaveLength(5);
  expect(unboundedOf(db, statements)).toEqual({});
});

test('a batch of pruning', () => {
  using place = new Place();
  const { db, writer } = place.term();
  const reports = Array.from({ length: 1_100 }, (_, n) =>
    notification({
      uuid: `report-${n}`,
      payload: `{"event":"STOPPED","n":${n}}`,
      generatedAt: n,
      status: 'finished',
      duplicateIntervalMs: 0,
    }),
  );
  writer.commit([reports]);
  const statements = new Set<string>();
  const pruner = new Pruner(listening(db, statements));
  const facts = { now: 1e12, heldAt: 1e12, heldForMs: 0, servedMs: 0, closed: pruner.closed() };
  const plan = pruner.plan(pruneDecision({ retentionMs: 1, maxClosed: 0 }, facts), { servedBefore: 0, count: 1 });
  expect(plan.ids).toHaveLength(BATCH);
  expect(plan.auditIds.length).toBeGreaterThan(0);
  pruner.remove({ ...plan, shorten: plan.ids[0] ?? 0 });
  expect(statements.size).toBeGreaterThan(8);
  expect(unboundedOf(db, statements)).toEqual({});
});

test('a scan of the whole table is found (the control)', () => {
  using place = new Place();
  const { db } = place.term();
  const scans = unboundedOf(db, [`SELECT id FROM logbooks WHERE message = ?`, 'SELECT * FROM steps WHERE key = ?']);
  expect(Object.values(scans)).toEqual([['SCAN logbooks'], ['SCAN steps']]);
});
