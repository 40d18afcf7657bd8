/**
 * Opens the journal for writing. Every pragma is read back: what SQLite answers counts, not what was asked. The measured
 * reasons for this mode and no other stand in docs/decisions/0002-journal-mode.md.
 */
import { chmodSync, closeSync, existsSync, fsyncSync, openSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import Database from 'better-sqlite3';
import { JournalFailure, sqliteCode } from './failure.ts';
import { APPLICATION_ID, MIGRATIONS, SCHEMA_VERSION } from './schema.ts';
import { storageOf } from './storage.ts';

export interface OpenSettings {
  readonly path: string;
  /** How long to wait for a lock that a reader or a dead owner (NFS lease) still holds. */
  readonly lockTimeoutMs: number;
  /** Refused kinds of storage that the operator allows by name. */
  readonly allowStorage: readonly string[];
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
      throw new JournalFailure('refused', `SQLite answers ${name} = ${String(got)} where ${String(answer)} is needed`);
    }
  }
}

function checkPlace(settings: OpenSettings): { shared: boolean; warnings: string[] } {
  const directory = dirname(settings.path);
  if (!existsSync(directory)) {
    throw new JournalFailure(
      'refused',
      `the journal's directory ${directory} does not exist; mount the shared storage or create it with mode 0750`,
    );
  }
  for (const place of [directory, settings.path]) {
    if (!existsSync(place)) continue;
    const { mode } = statSync(place);
    // A sticky directory (/tmp) keeps others from replacing the file.
    if ((mode & 0o002) !== 0 && (mode & 0o1000) === 0) {
      throw new JournalFailure('refused', `${place} can be written by everybody; chmod o-w ${place}`);
    }
  }
  const verdict = storageOf(settings.path);
  if (verdict.fit === 'yes') {
    const warnings = verdict.volatile ? [`the journal lies on ${verdict.type}: it does not survive this machine`] : [];
    return { shared: verdict.shared, warnings };
  }
  const explanation = `the journal ${settings.path} lies on ${verdict.type}: ${verdict.reason}`;
  if (settings.allowStorage.includes(verdict.kind)) {
    return { shared: true, warnings: [`${explanation}; allowed by allow_storage = ${verdict.kind}`] };
  }
  throw new JournalFailure(
    'refused',
    `${explanation}. To use it at your own risk set [journal] allow_storage = ${verdict.kind}`,
  );
}

function migrate(db: Database.Database, path: string): void {
  const application = db.pragma('application_id', { simple: true });
  const version = Number(db.pragma('user_version', { simple: true }));
  const empty = db.prepare('SELECT 1 FROM sqlite_schema LIMIT 1').get() === undefined;
  if (!empty && application !== APPLICATION_ID) {
    throw new JournalFailure('refused', `${path} is an SQLite file of another program`);
  }
  if (version > SCHEMA_VERSION) {
    throw new JournalFailure(
      'refused',
      `${path} has schema version ${version}, this program knows up to ${SCHEMA_VERSION}: a newer engine wrote it`,
    );
  }
  for (const [index, statements] of MIGRATIONS.entries()) {
    if (index < version) continue;
    db.transaction(() => {
      db.pragma(`application_id = ${APPLICATION_ID}`);
      db.exec(statements);
      db.pragma(`user_version = ${index + 1}`);
    }).exclusive();
  }
}

/** What is wrong with a journal that SQLite cannot read, in the operator's words. */
function refusal(path: string, error: unknown): JournalFailure {
  if (error instanceof JournalFailure) return error;
  const code = sqliteCode(error);
  const text = error instanceof Error ? error.message : String(error);
  const advice =
    code?.startsWith('SQLITE_CORRUPT') || code === 'SQLITE_NOTADB'
      ? 'it is damaged; keep it and its -journal file for analysis and restore a backup or move both away'
      : code?.startsWith('SQLITE_READONLY') || code === 'SQLITE_CANTOPEN'
        ? 'it cannot be written; look at the mount and the file modes'
        : code?.startsWith('SQLITE_BUSY')
          ? 'another process holds its lock; is a second engine alive?'
          : code?.startsWith('SQLITE_FULL')
            ? 'the disk is full'
            : 'SQLite refuses it';
  return new JournalFailure(
    'refused',
    `the journal ${path} cannot be opened: ${advice} (${code ?? text}: ${text})`,
    error,
  );
}

/** Opens, checks and if needed creates the file. Throws `JournalFailure` of kind `refused`; nothing is changed then. */
export function openForWriting(settings: OpenSettings): OpenJournal {
  const { shared, warnings } = checkPlace(settings);
  const isNew = !existsSync(settings.path);
  let db: Database.Database | undefined;
  try {
    db = new Database(settings.path, { timeout: settings.lockTimeoutMs });
    if (isNew) chmodSync(settings.path, 0o640);
    setPragmas(db);
    migrate(db, settings.path);
    const check: unknown = db.pragma('quick_check(1)', { simple: true });
    if (check !== 'ok') {
      throw new JournalFailure(
        'refused',
        `the journal ${settings.path} is damaged: ${String(check)}; restore a backup`,
      );
    }
    if (isNew) syncDirectory(dirname(settings.path));
    return { db, shared, warnings };
  } catch (error) {
    db?.close();
    throw refusal(settings.path, error);
  }
}

/** Makes the new file's name itself durable. */
function syncDirectory(directory: string): void {
  const handle = openSync(directory, 'r');
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}
