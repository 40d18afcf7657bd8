import { randomUUID } from 'node:crypto';
import { copyFileSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { Child } from '#test/journal/child.ts';
import { notification, Place } from '#test/journal/place.ts';
import { createVersion1 } from '#test/journal/version-1.ts';
import { createVersion2 } from '#test/journal/version-2.ts';
import { openForWriting } from './open.ts';
import { QUERIES } from './queries.ts';
import { JournalReader } from './reader.ts';
import { SCHEMA_VERSION } from './schema.ts';

const TABLES = ['lease', 'logbooks', 'flowdetails', 'atomdetails', 'steps', 'events', 'hosts'] as const;

describe('a journal of version 1', () => {
  test('keeps every column of every row', () => {
    using place = new Place();
    createVersion1(place);
    const old = place.hand();
    const before = TABLES.map((table) => old.prepare<[], object>(`SELECT * FROM ${table}`).all());
    old.close();
    const { db } = openForWriting(place.settings());
    const after = TABLES.map((table) => db.prepare<[], object>(`SELECT * FROM ${table}`).all());
    expect(after.map((rows) => rows.length)).toEqual(before.map((rows) => rows.length));
    expect(after).toMatchObject(before);
    expect(db.pragma('user_version', { simple: true })).toBe(SCHEMA_VERSION);
    expect(db.pragma('integrity_check', { simple: true })).toBe('ok');
    expect(db.pragma('foreign_key_check')).toEqual([]);
    db.close();
  });

  test('starts with nothing parked, proved, waited or owed', () => {
    using place = new Place();
    createVersion1(place);
    const { db } = openForWriting(place.settings());
    const added = db
      .prepare(
        'SELECT DISTINCT parked_reason, parked_by, proof, retried, waited_ms, follow_ups, closed_served_ms FROM logbooks',
      )
      .all();
    expect(added).toEqual([
      {
        parked_reason: null,
        parked_by: null,
        proof: 'none',
        retried: 0,
        waited_ms: 0,
        follow_ups: 0,
        closed_served_ms: null,
      },
    ]);
    expect(db.prepare('SELECT served_ms FROM lease').pluck().get()).toBe(0);
    expect(QUERIES.abandonedEvacuations(db, 'i-done')).toEqual([]);
    db.close();
  });

  test('is counted, and its instances away from home are known', () => {
    using place = new Place();
    createVersion1(place);
    const { db } = openForWriting(place.settings());
    expect(QUERIES.summary(db).counts).toEqual({ new: 1, running: 2, error: 1, failed: 1, ignored: 1, finished: 2 });
    expect(QUERIES.summary(db).open.map(({ id }) => id)).toEqual([5, 6, 7, 8]);
    expect(QUERIES.movedAway(db, { flowId: 4, host: 'compute-1' })).toEqual([
      { instance: 'i-away', destination: 'compute-9', isStarted: false },
      { instance: 'i-noted-nowhere', destination: null, isStarted: false },
    ]);
    // The recovery that brought one home, and tried with another, still knows both.
    expect(QUERIES.movedAway(db, { flowId: 6, host: 'compute-1' })).toEqual([
      { instance: 'i-home', destination: 'compute-8', isStarted: true },
      { instance: 'i-away', destination: 'compute-9', isStarted: true },
      { instance: 'i-noted-nowhere', destination: null, isStarted: false },
    ]);
    db.close();
  });

  test('obeys the rules of the new version', () => {
    using place = new Place();
    createVersion1(place);
    const { db } = openForWriting(place.settings());
    db.prepare(`UPDATE logbooks SET status = 'new' WHERE status = 'error'`).run();
    expect(QUERIES.summary(db).counts).toMatchObject({ new: 2 });
    expect(() => db.prepare(`UPDATE logbooks SET status = 'running', closed_at = NULL WHERE id = 1`).run()).toThrow(
      'forbidden transition',
    );
    expect(() => db.prepare(`UPDATE logbooks SET proof = 'hearsay'`).run()).toThrow('CHECK');
    db.close();
  });

  test('is taken over, and written by the new engine at once', () => {
    using place = new Place();
    createVersion1(place);
    const { writer, term } = place.term();
    expect(term.epoch).toBe(4);
    const { outcomes } = writer.commit([
      [
        { op: 'logbook', uuid: 'logbook-7', status: 'new', parked: { reason: 'waits', by: 'logbook-5' }, at: 10_000 },
        { op: 'abandon_evacuation', record: randomUUID(), instance: 'i-done', by: 'operator', at: 10_000 },
      ],
    ]);
    expect(outcomes).toMatchObject([{ ok: true }]);
  });
});

describe('a journal of version 2', () => {
  test('keeps every column of every row, and has no entries in its audit', () => {
    using place = new Place();
    createVersion2(place);
    const tables = [...TABLES, 'counts', 'away', 'abandoned_evacuations'];
    const old = place.hand();
    const before = tables.map((table) => old.prepare<[], object>(`SELECT * FROM ${table}`).all());
    old.close();
    expect(before.every((rows) => rows.length > 0)).toBe(true);
    const { db } = openForWriting(place.settings());
    const unapproved = before.map((rows, index) =>
      tables[index] === 'logbooks' ? rows.map((row) => ({ ...row, approved: 0, priority: 0 })) : rows,
    );
    expect(tables.map((table) => db.prepare<[], object>(`SELECT * FROM ${table}`).all())).toEqual(unapproved);
    expect(QUERIES.pause(db)).toBeNull();
    expect(QUERIES.audit(db, { limit: 10 })).toEqual([]);
    expect(QUERIES.show(db, 'logbook-9')?.audit).toEqual([]);
    expect(db.pragma('user_version', { simple: true })).toBe(SCHEMA_VERSION);
    expect(db.pragma('integrity_check', { simple: true })).toBe('ok');
    expect(db.pragma('foreign_key_check')).toEqual([]);
    db.close();
  });

  test('is taken over, and what the new engine accepts is in its audit', () => {
    using place = new Place();
    createVersion2(place);
    const { db, writer, term } = place.term();
    expect(term.epoch).toBe(5);
    writer.commit([[notification({ uuid: 'new-report', host: 'compute-7', target: 'host:compute-7' })]]);
    expect(QUERIES.audit(db, { limit: 10 })).toMatchObject([{ notification: 'new-report', epoch: 5 }]);
  });

  test('is refused by a reader until an engine has converted it', () => {
    using place = new Place();
    createVersion2(place);
    expect(() => new JournalReader(place.path)).toThrow(
      'is not a journal of this version (schema 2); an engine of this version converts it when it starts',
    );
    openForWriting(place.settings()).db.close();
    new JournalReader(place.path).close();
  });
});

test('a death during the conversion leaves a journal of version 1, which the next engine converts', async () => {
  using place = new Place();
  createVersion1(place);
  const left = join(place.directory, 'left.db');
  const db = place.hand();
  // What a dead engine leaves: the pages it wrote, and the journal that undoes them.
  db.pragma('journal_mode = TRUNCATE');
  db.pragma('cache_size = 1');
  db.exec(`BEGIN EXCLUSIVE; CREATE TABLE counts (status TEXT PRIMARY KEY, n INTEGER NOT NULL) STRICT;
    DROP TRIGGER logbooks_status_transitions; UPDATE logbooks SET message = 'half'; UPDATE steps SET error = 'half'`);
  db.pragma('user_version = 2');
  for (const end of ['', '-journal']) copyFileSync(`${place.path}${end}`, `${left}${end}`);
  db.exec('ROLLBACK');
  expect(readFileSync(`${left}-journal`).length).toBeGreaterThan(0);
  const opened = openForWriting(place.settings({ path: left }));
  expect(opened.db.prepare(`SELECT count(*) FROM logbooks WHERE message = 'half'`).pluck().get()).toBe(0);
  expect(QUERIES.summary(opened.db).counts).toMatchObject({ finished: 2 });
  opened.db.close();
});

test('of many engines that find a journal of version 1 each starts, and it is converted once', async () => {
  using place = new Place();
  createVersion1(place);
  const children = Array.from({ length: 3 }, () => new Child('./endless-writer.ts', [place.path, '1']));
  const lines = (await Promise.all(children.map((child) => child.rest()))).flat();
  expect(lines.filter((line) => line.startsWith('failed')).every((line) => /held|lease_lost/.test(line))).toBe(true);
  const hand = place.hand();
  expect(hand.pragma('user_version', { simple: true })).toBe(SCHEMA_VERSION);
  expect(hand.prepare('SELECT sum(n) FROM counts').pluck().get()).toBe(
    hand.prepare('SELECT count(*) FROM logbooks').pluck().get(),
  );
});
