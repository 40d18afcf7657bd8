import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { describe, expect, test } from 'vitest';
import { line, openFlow, Place } from '#test/journal/place.ts';
import { ownMounts } from '#test/journal/requirements.ts';
import { onSmallDisk } from '#test/journal/small-disk.ts';
import type { Scenario } from '#test/journal/small-disk-scenarios.ts';
import { JournalFailure } from './failure.ts';
import { openForWriting } from './open.ts';
import { APPLICATION_ID, SCHEMA_VERSION } from './schema.ts';

function refusalOf(place: Place, path = place.path): JournalFailure {
  try {
    openForWriting(place.settings({ path })).db.close();
  } catch (error) {
    if (error instanceof JournalFailure) return error;
    throw error;
  }
  throw new Error('it opened');
}

/** A journal with a few hundred events, closed. Returns the first page of the table of events. */
function fillJournal(place: Place): number {
  const { db, writer } = place.term();
  const flow = openFlow(writer);
  writer.commit([Array.from({ length: 300 }, (_, n) => line(flow, `line ${n}`))]);
  const root = db.prepare<[], number>(`SELECT rootpage FROM sqlite_schema WHERE name = 'events'`).pluck().get();
  db.close();
  return root ?? 0;
}

function overwrite(path: string, offset: number, bytes: Buffer): void {
  const handle = openSync(path, 'r+');
  writeSync(handle, bytes, 0, bytes.length, offset);
  closeSync(handle);
}

describe('an opened journal', () => {
  test('returns every pragma as requested', () => {
    using place = new Place();
    const { db } = openForWriting(place.settings());
    const query = (name: string): unknown => db.pragma(name, { simple: true });
    expect(query('journal_mode')).toBe('truncate');
    expect(query('synchronous')).toBe(3);
    expect(query('locking_mode')).toBe('normal');
    expect(query('foreign_keys')).toBe(1);
    expect(query('cache_spill')).toBe(0);
    expect(query('mmap_size')).toBe(0);
    expect(query('trusted_schema')).toBe(0);
    expect(query('application_id')).toBe(APPLICATION_ID);
    expect(query('user_version')).toBe(SCHEMA_VERSION);
    db.close();
  });

  test('is a file that others cannot read, with any umask, and so is its -journal', () => {
    for (const mask of [0o000, 0o077]) {
      using place = new Place();
      const before = process.umask(mask);
      try {
        place.term();
      } finally {
        process.umask(before);
      }
      for (const file of [place.path, `${place.path}-journal`]) {
        expect((statSync(file).mode & 0o777).toString(8), file).toBe('640');
      }
    }
  });

  test('is at the target of a symbolic link, and that place is what is checked', () => {
    using place = new Place();
    mkdirSync(join(place.directory, 'open'));
    chmodSync(join(place.directory, 'open'), 0o777);
    symlinkSync(join(place.directory, 'open', 'journal.db'), place.path);
    writeFileSync(join(place.directory, 'open', 'journal.db'), '');
    expect(refusalOf(place).message).toMatch(/others than the owner can write to \S+open \(/);
    chmodSync(join(place.directory, 'open'), 0o750);
    openForWriting(place.settings()).db.close();
    expect(existsSync(join(place.directory, 'open', 'journal.db-journal'))).toBe(true);
  });

  test('is not created where its storage should be mounted and is not', () => {
    using place = new Place();
    const needing = (mountPoint: string) => () => openForWriting(place.settings({ mountPoint })).db.close();
    expect(needing(place.directory)).toThrow(`nothing is mounted on ${place.directory}`);
    expect(needing('/nowhere/at/all')).toThrow('nothing is mounted on /nowhere/at/all');
    expect(needing('/proc')).toThrow('is not on the storage that is mounted on /proc');
    expect(existsSync(place.path)).toBe(false);
    needing('/')();
    expect(existsSync(place.path)).toBe(true);
  });

  test('may be in a directory that is sticky, as /tmp is', () => {
    using place = new Place();
    chmodSync(place.directory, 0o1777);
    openForWriting(place.settings()).db.close();
  });

  test('may be an empty file: what an engine that died at its first start left', () => {
    using place = new Place();
    writeFileSync(place.path, '', { mode: 0o640 });
    fillJournal(place);
    expect(place.hand().prepare('SELECT count(*) FROM events').pluck().get()).toBe(300);
  });
});

describe('is refused, and stays as it is:', () => {
  test('a directory that every user can write', () => {
    using place = new Place();
    chmodSync(place.directory, 0o777);
    const { kind, message } = refusalOf(place);
    expect(kind).toBe('refused');
    expect(message).toMatch(/^the journal is not trusted: others than the owner can write to .*; chmod go-w /);
    expect(existsSync(place.path)).toBe(false);
  });

  test('a file that every user can write', () => {
    using place = new Place();
    fillJournal(place);
    chmodSync(place.path, 0o666);
    expect(refusalOf(place).message).toContain(`chmod go-w ${place.path}`);
  });

  test('a directory that is not there', () => {
    using place = new Place();
    const { kind, message } = refusalOf(place, join(place.directory, 'gone', 'journal.db'));
    expect(kind).toBe('refused');
    expect(message).toMatch(/gone does not exist; mount the shared storage or create it with mode 0750/);
  });

  test('a directory that is a file', () => {
    using place = new Place();
    const file = join(place.directory, 'file');
    writeFileSync(file, '');
    const { kind, message } = refusalOf(place, join(file, 'journal.db'));
    expect([kind, message]).toEqual(['refused', expect.stringMatching(/file is not a directory; mount the shared/)]);
  });

  test('a pipe, without waiting for its other end', () => {
    using place = new Place();
    execFileSync('mkfifo', [place.path]);
    const { kind, message } = refusalOf(place);
    expect([kind, message]).toEqual(['refused', `the journal ${place.path} is not a regular file`]);
  });

  test.each([
    ['a file that never was a journal', 0, Buffer.from('# notes of an operator, in the wrong place '.repeat(40))],
    ['a header of rubbish', 0, Buffer.alloc(100, 0xa5)],
  ])('%s', (_, offset, bytes) => {
    using place = new Place();
    fillJournal(place);
    overwrite(place.path, offset, bytes);
    const before = readFileSync(place.path);
    const { kind, message } = refusalOf(place);
    expect(kind).toBe('refused');
    expect(message).toMatch(/it is damaged; keep it and its -journal file.*restore a backup.*SQLITE_NOTADB/);
    expect(readFileSync(place.path).equals(before)).toBe(true);
  });

  test('a page with flipped bytes', () => {
    using place = new Place();
    const page = fillJournal(place);
    overwrite(place.path, (page - 1) * 4096, Buffer.alloc(64, 0xff));
    const before = readFileSync(place.path);
    const { kind, message } = refusalOf(place);
    expect(kind).toBe('refused');
    expect(message).toMatch(/it is damaged; keep it .*restore a backup.*page \d+: /);
    expect(readFileSync(place.path).equals(before)).toBe(true);
  });

  test('a large file, too, when what every start writes is damaged; damage elsewhere is found when it is read', () => {
    using place = new Place();
    const events = fillJournal(place);
    const hand = place.hand();
    const lease =
      hand.prepare<[], number>(`SELECT rootpage FROM sqlite_schema WHERE name = 'lease'`).pluck().get() ?? 0;
    hand.close();
    overwrite(place.path, (events - 1) * 4096, Buffer.alloc(64, 0xff));
    const { db } = openForWriting(place.settings({ checkWholeUpTo: 0 }));
    expect(() => db.prepare('SELECT * FROM events').all()).toThrow(expect.objectContaining({ code: 'SQLITE_CORRUPT' }));
    db.close();
    overwrite(place.path, (lease - 1) * 4096, Buffer.alloc(64, 0xff));
    const before = readFileSync(place.path);
    expect(() => openForWriting(place.settings({ checkWholeUpTo: 0 }))).toThrow(/it is damaged; keep it .*page \d+: /);
    expect(readFileSync(place.path).equals(before)).toBe(true);
  });

  test.each(['DELETE', 'WAL'])("another program's file in mode %s", (mode) => {
    using place = new Place();
    const other = new Database(place.path);
    other.pragma(`journal_mode = ${mode}`);
    other.exec('CREATE TABLE bookmarks (url TEXT)');
    other.close();
    const before = readFileSync(place.path);
    expect(refusalOf(place).message).toBe(`${place.path} is an SQLite file of another program`);
    expect(readFileSync(place.path).equals(before)).toBe(true);
  });

  test('a file of a newer schema', () => {
    using place = new Place();
    fillJournal(place);
    const hand = place.hand();
    hand.pragma(`user_version = ${SCHEMA_VERSION + 1}`);
    hand.close();
    const before = readFileSync(place.path);
    expect(refusalOf(place).message).toMatch(
      /has schema version 4, this program knows up to 3: a newer engine wrote it/,
    );
    expect(readFileSync(place.path).equals(before)).toBe(true);
  });

  test('a file whose lock another process holds', () => {
    using place = new Place();
    fillJournal(place);
    const hand = place.hand();
    hand.exec('BEGIN EXCLUSIVE');
    expect(() => openForWriting(place.settings({ lockTimeoutMs: 1 }))).toThrow(/another process holds its lock/);
  });
});

const requirement = ownMounts('open.test.ts, real small disks');
describe.skipIf(requirement.isMissing)(`on a real small disk${requirement.note}`, () => {
  test.each<[Scenario, RegExp]>([
    ['read-only', /it cannot be written; check the mount and the file modes \(EROFS/],
    ['read-only and new', /it cannot be written; check the mount and the file modes \(EROFS/],
    ['full when it is created', /the disk is full \((SQLITE_FULL|ENOSPC)/],
    ['full when it is taken', /the disk is full \(SQLITE_FULL/],
  ])('%s: refused, and nothing is lost', (scenario, message) => {
    const { logged, events, integrity, isUntouched } = onSmallDisk(scenario);
    expect(logged).toEqual([expect.objectContaining({ kind: 'refused', message: expect.stringMatching(message) })]);
    expect(events).toEqual(/new|created/.test(scenario) ? [] : ['acknowledged']);
    expect(integrity).toBe('ok');
    expect(isUntouched).toBe(true);
  });
});
