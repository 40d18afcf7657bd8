/**
 * Opens the journal for writing. Every pragma is read back: the value that SQLite returns counts, not the requested one.
 * docs/decisions/0002-journal-mode.md contains the measured reasons for this mode.
 */

import {
  accessSync,
  closeSync,
  constants,
  existsSync,
  fchmodSync,
  fsyncSync,
  openSync,
  readSync,
  realpathSync,
  statSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import Database from 'better-sqlite3';
import { errorMessage } from '#protocol/error-message.ts';
import { faultOfDirectory, faultOfFile } from '#protocol/trusted-path.ts';
import { withAddon } from './addon.ts';
import { JournalFailure } from './failure.ts';
import { APPLICATION_ID, MIGRATIONS, SCHEMA_VERSION } from './schema.ts';
import { isMountPoint, storageOf } from './storage.ts';

export interface OpenSettings {
  readonly path: string;
  /** Maximum wait for a lock that a reader or a failed owner (NFS lease) still holds. */
  readonly lockTimeoutMs: number;
  /** Refused kinds of storage that the operator allows by name. */
  readonly allowStorage: readonly string[];
  /** A path that must be a mount point with the journal below it; without one (or empty) any place is accepted. */
  readonly mountPoint?: string;
  /** Size in bytes up to which the whole file is checked; by default 8 MiB. */
  readonly checkWholeUpTo?: number;
}

export interface OpenJournal {
  readonly db: Database.Database;
  /** Whether other nodes can have the storage mounted at the same time. */
  readonly shared: boolean;
  readonly warnings: readonly string[];
}

const REQUIRED_PRAGMAS: readonly (readonly [name: string, request: string, answer: string | number])[] = [
  ['locking_mode', 'NORMAL', 'normal'],
  ['journal_mode', 'TRUNCATE', 'truncate'],
  ['synchronous', 'EXTRA', 3],
  ['foreign_keys', 'ON', 1],
  ['cache_spill', 'OFF', 0],
  ['mmap_size', '0', 0],
  ['trusted_schema', 'OFF', 0],
];

export function setPragmas(db: Database.Database): void {
  for (const [name, request, answer] of REQUIRED_PRAGMAS) {
    db.pragma(`${name} = ${request}`);
    const got: unknown = db.pragma(name, { simple: true });
    if (got !== answer) {
      throw new JournalFailure('refused', `SQLite returns ${name} = ${String(got)} where ${String(answer)} is needed`);
    }
  }
}

/** The target file of the path, symbolic links followed: SQLite keeps `-journal` beside that one. */
function fileOf(path: string): string {
  const directory = dirname(path);
  const found = statSync(directory, { throwIfNoEntry: false });
  if (!found?.isDirectory()) {
    const fault = found ? 'is not a directory' : 'does not exist';
    throw new JournalFailure(
      'refused',
      `the journal's directory ${directory} ${fault}; mount the shared storage or create it with mode 0750`,
    );
  }
  if (!existsSync(path)) return join(realpathSync(directory), basename(path));
  // Opening a pipe would wait for a reader for ever.
  if (!statSync(path).isFile()) throw new JournalFailure('refused', `the journal ${path} is not a regular file`);
  return realpathSync(path);
}

/** Without its storage a node has an empty folder in its place, in which a new journal would be created. */
function checkMountPoint(path: string, mountPoint = ''): void {
  if (mountPoint === '') return;
  if (!isMountPoint(mountPoint)) {
    throw new JournalFailure(
      'refused',
      `nothing is mounted on ${mountPoint}, see [journal] mount_point; mount the shared storage`,
    );
  }
  const below = realpathSync(mountPoint);
  if (!fileOf(path).startsWith(below === '/' ? '/' : `${below}/`)) {
    throw new JournalFailure(
      'refused',
      `the journal ${path} is not on the storage that is mounted on ${mountPoint}, see [journal] mount_point`,
    );
  }
}

function checkPlace(file: string, allowStorage: readonly string[]): { shared: boolean; warnings: string[] } {
  const directory = dirname(file);
  // A resumed recovery runs commands from the journal.
  const fault = existsSync(file) ? faultOfFile(file) : faultOfDirectory(directory);
  if (fault !== undefined) throw new JournalFailure('refused', `the journal is not trusted: ${fault}`);
  const state = storageOf(directory);
  if (state.fit === 'yes') {
    const warnings = state.volatile ? [`the journal is on ${state.type}: it does not survive this machine`] : [];
    return { shared: state.shared, warnings };
  }
  const explanation = `the journal ${file} is on ${state.type}: ${state.reason}`;
  if (allowStorage.includes(state.kind)) {
    return { shared: true, warnings: [`${explanation}; allowed by allow_storage = ${state.kind}`] };
  }
  throw new JournalFailure(
    'refused',
    `${explanation}. To use it at your own risk set [journal] allow_storage = ${state.kind}`,
  );
}

/** Creates the file, empty and closed to others from its first moment, and makes its name durable. */
function create(file: string): void {
  // Not exclusively: another engine may create it at the same moment; the lease decides between them.
  const handle = openSync(file, 'a', 0o600);
  try {
    fchmodSync(handle, 0o640);
  } finally {
    closeSync(handle);
  }
  const directory = openSync(dirname(file), 'r');
  try {
    fsyncSync(directory);
  } finally {
    closeSync(directory);
  }
}

/** Their place in the file format (sqlite.org/fileformat.html, 1.3). */
const HEADER = { magic: 'SQLite format 3\0', userVersion: 60, applicationId: 68, length: 100 };

/**
 * Refuses a file that is not ours before SQLite touches it: reading `journal_mode` would change a WAL file of another program. Runs before
 * this process has the file open: closing a second handle would drop its locks (fcntl).
 */
function checkHeader(file: string): void {
  const header = Buffer.alloc(HEADER.length);
  const handle = openSync(file, 'r');
  try {
    readSync(handle, header, 0, HEADER.length, 0);
  } finally {
    closeSync(handle);
  }
  // Any other file is empty or damaged: SQLite determines which, and may recover it by a hot journal.
  if (header.toString('latin1', 0, HEADER.magic.length) !== HEADER.magic) return;
  if (header.readUInt32BE(HEADER.applicationId) !== APPLICATION_ID) {
    throw new JournalFailure('refused', `${file} is an SQLite file of another program`);
  }
  const version = header.readUInt32BE(HEADER.userVersion);
  if (version > SCHEMA_VERSION) {
    throw new JournalFailure(
      'refused',
      `${file} has schema version ${version}, this program knows up to ${SCHEMA_VERSION}: a newer engine wrote it`,
    );
  }
}

function migrate(db: Database.Database): void {
  const version = (): number => Number(db.pragma('user_version', { simple: true }));
  for (const [index, statements] of MIGRATIONS.entries()) {
    if (index < version()) continue;
    db.transaction(() => {
      // Another engine may have changed it while we waited for the lock.
      if (index < version()) return;
      db.pragma(`application_id = ${APPLICATION_ID}`);
      db.exec(statements);
      db.pragma(`user_version = ${index + 1}`);
    }).exclusive();
  }
}

const DAMAGED = 'it is damaged; keep it and its -journal file for analysis and restore a backup or move both away';

const ADVICE: readonly (readonly [code: RegExp, advice: string])[] = [
  [/^SQLITE_(CORRUPT|NOTADB)/, DAMAGED],
  [/^(SQLITE_READONLY|SQLITE_CANTOPEN|EROFS|EACCES|EPERM)/, 'it cannot be written; check the mount and the file modes'],
  [/^SQLITE_BUSY/, 'another process holds its lock; is a second engine alive?'],
  [/^(SQLITE_FULL|ENOSPC|EDQUOT)/, 'the disk is full'],
];

/** The fault of a journal that cannot be opened or taken, in a message for operators. */
export function refusal(path: string, error: unknown): JournalFailure {
  if (error instanceof JournalFailure) return error;
  const code = error instanceof Error && 'code' in error ? String(error.code) : 'no code';
  const text = errorMessage(error);
  const advice = ADVICE.find(([pattern]) => pattern.test(code))?.[1] ?? 'the system refuses it';
  return new JournalFailure('refused', `the journal ${path} cannot be opened: ${advice} (${code}: ${text})`, error);
}

/**
 * A journal up to this size is checked whole before it is used. Of a larger one only the tables that every start writes are checked: the
 * duration of a take-over must not depend on the number of earlier recoveries (measured: 7 ms for each MiB). Other damage is found when it
 * is read.
 */
const CHECKED_WHOLE_BYTES = 8 * 1024 * 1024;
const CHECKED_ALWAYS = ['lease', 'counts', 'hosts'];

function checkPages(db: Database.Database, file: string, wholeUpTo: number): void {
  const isWhole = statSync(file).size <= wholeUpTo;
  const known = db.prepare<[], string>(`SELECT name FROM sqlite_schema WHERE type = 'table'`).pluck().all();
  const parts = isWhole ? ['1'] : CHECKED_ALWAYS.filter((table) => known.includes(table));
  for (const part of parts) {
    const check: unknown = db.pragma(`quick_check(${part})`, { simple: true });
    if (check === 'ok') continue;
    const found = String(check).replaceAll('\n', ' ');
    throw new JournalFailure('refused', `the journal ${file} cannot be opened: ${DAMAGED} (${found})`);
  }
}

/** Opens, checks and if necessary creates the file. Throws `JournalFailure` of kind `refused`; nothing is changed then. */
export function openForWriting(settings: OpenSettings): OpenJournal {
  let db: Database.Database | undefined;
  try {
    checkMountPoint(settings.path, settings.mountPoint);
    const file = fileOf(settings.path);
    const { shared, warnings } = checkPlace(file, settings.allowStorage);
    if (!existsSync(file)) create(file);
    accessSync(dirname(file), constants.W_OK | constants.X_OK);
    accessSync(file, constants.R_OK | constants.W_OK);
    checkHeader(file);
    db = new Database(file, withAddon({ timeout: settings.lockTimeoutMs }));
    setPragmas(db);
    checkPages(db, file, settings.checkWholeUpTo ?? CHECKED_WHOLE_BYTES);
    migrate(db);
    return { db, shared, warnings };
  } catch (error) {
    db?.close();
    throw refusal(settings.path, error);
  }
}
