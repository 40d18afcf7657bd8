import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { describe, expect, test } from 'vitest';
import { Child } from '#test/journal/child.ts';
import { line, openFlow, Place, STANDING_CLOCK } from '#test/journal/place.ts';
import { createVersion1 } from '#test/journal/version-1.ts';
import { JournalReader } from './reader.ts';
import { SCHEMA_VERSION } from './schema.ts';

const FILES = ['journal.db', 'journal.db-journal'];

function bytesIn(directory: string): Buffer[] {
  return FILES.map((name) => readFileSync(join(directory, name)));
}

/** What an engine leaves that dies while its COMMIT writes the file: half a transaction and the journal to undo it. */
function leaveHalfACommit(place: Place, directory: string): void {
  const { db, writer } = place.term();
  const flow = openFlow(writer);
  writer.commit([Array.from({ length: 200 }, (_, n) => line(flow, `line ${n}`))]);
  db.pragma('cache_spill = ON');
  db.pragma('cache_size = 1');
  db.exec(`BEGIN IMMEDIATE; DROP TRIGGER events_are_append_only; UPDATE events SET message = 'half'`);
  mkdirSync(directory, { recursive: true });
  for (const name of FILES) copyFileSync(join(place.directory, name), join(directory, name));
  db.exec('ROLLBACK');
}

test('reads a journal while another process writes it, and sees every transaction whole', async () => {
  using place = new Place();
  await using child = new Child('./endless-writer.ts', [place.path]);
  // The epoch, and the first answer: the flow is there.
  await child.line();
  await child.line();
  const reader = new JournalReader(place.path);
  const [logbook] = reader.query('open');
  let seen = 0;
  let reads = 0;
  while (reads < 50) {
    const acknowledged = Number(await child.line());
    const shown = reader.query('show', logbook?.uuid ?? '');
    const events = shown?.flows[0]?.events ?? [];
    expect(events.length).toBeGreaterThanOrEqual(Math.max(seen, acknowledged));
    expect(events.map(({ seq, message }) => `${seq}` === message).every(Boolean)).toBe(true);
    seen = events.length;
    reads += 1;
  }
  expect(reader.query('summary')).toMatchObject({ lease: { epoch: 1, state: 'held' }, counts: { running: 1 } });
  reader.close();
});

describe('a transaction that a dead engine left half done', () => {
  test('is not read and not touched', () => {
    using place = new Place();
    const left = join(place.directory, 'left');
    leaveHalfACommit(place, left);
    const before = bytesIn(left);
    expect(before[1]?.[0]).not.toBe(0);
    expect(() => new JournalReader(join(left, 'journal.db'))).toThrow(
      expect.objectContaining({
        kind: 'refused',
        message: expect.stringMatching(/cannot be read now: a transaction of a dead engine waits to be rolled back/),
      }),
    );
    expect(bytesIn(left)).toEqual(before);
  });

  test('is refused by a reader that had it open before', () => {
    using place = new Place();
    const left = join(place.directory, 'left');
    mkdirSync(left);
    place.term().db.close();
    copyFileSync(place.path, join(left, 'journal.db'));
    const reader = new JournalReader(join(left, 'journal.db'));
    expect(reader.query('open')).toEqual([]);
    leaveHalfACommit(place, left);
    const before = bytesIn(left);
    expect(() => reader.query('open')).toThrow(expect.objectContaining({ kind: 'refused' }));
    expect(bytesIn(left)).toEqual(before);
    reader.close();
  });

  test('is undone by the next engine, and then read', () => {
    using place = new Place();
    const left = join(place.directory, 'left');
    leaveHalfACommit(place, left);
    const path = join(left, 'journal.db');
    const raw = readFileSync(path, 'latin1');
    expect(raw).toContain('half');
    expect(place.term(STANDING_CLOCK, { path }).term.epoch).toBe(2);
    const reader = new JournalReader(path);
    const [logbook] = reader.query('open');
    const events = reader.query('show', logbook?.uuid ?? '')?.flows[0]?.events ?? [];
    expect(events.map(({ message }) => message)).toEqual(Array.from({ length: 200 }, (_, n) => `line ${n}`));
    reader.close();
  });
});

describe('a reader refuses', () => {
  const refused = (message: RegExp) =>
    expect.objectContaining({ kind: 'refused', message: expect.stringMatching(message) });

  test('a journal that is not there', () => {
    using place = new Place();
    expect(() => new JournalReader(place.path)).toThrow(refused(/^there is no journal at .*journal\.db$/));
  });

  test('a file that is no SQLite file, an empty one, and one of another program', () => {
    using place = new Place();
    writeFileSync(place.path, 'notes '.repeat(200));
    expect(() => new JournalReader(place.path)).toThrow(refused(/cannot be read now.*SQLITE_NOTADB/));
    writeFileSync(place.path, '');
    expect(() => new JournalReader(place.path)).toThrow(refused(/is not a journal of this version/));
    const other = new Database(place.path);
    other.exec('CREATE TABLE bookmarks (url TEXT)');
    other.close();
    expect(() => new JournalReader(place.path)).toThrow(refused(/is not a journal of this version/));
  });

  test('another version of the schema', () => {
    using place = new Place();
    place.term().db.close();
    place.hand().pragma(`user_version = ${SCHEMA_VERSION + 1}`);
    expect(() => new JournalReader(place.path)).toThrow(refused(/not a journal of this version \(schema 4\)/));
  });

  test('a journal of version 1 until an engine has converted it', () => {
    using place = new Place();
    createVersion1(place);
    const before = readFileSync(place.path);
    expect(() => new JournalReader(place.path)).toThrow(
      refused(
        /journal\.db is not a journal of this version \(schema 1\); an engine of this version converts it when it starts$/,
      ),
    );
    expect(readFileSync(place.path).equals(before)).toBe(true);
    place.term().db.close();
    const reader = new JournalReader(place.path);
    expect(reader.query('summary')).toMatchObject({ lease: { epoch: 4 }, counts: { finished: 2, running: 2 } });
    reader.close();
  });

  test('to write', () => {
    using place = new Place();
    place.term().db.close();
    const before = readFileSync(place.path);
    const reader = new JournalReader(place.path);
    reader.query('list', { limit: 10 });
    reader.query('hosts');
    expect(reader.query('show', 'unknown')).toBeNull();
    reader.close();
    expect(readFileSync(place.path).equals(before)).toBe(true);
  });
});
