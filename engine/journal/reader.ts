/**
 * Reads a journal that another process may be writing, on this node or another. It takes a shared lock for the length of one read, waits
 * for the writer's lock, and writes nothing: it does not even roll back a hot journal.
 */

import { existsSync } from 'node:fs';
import Database from 'better-sqlite3';
import { errorMessage } from '#protocol/error-message.ts';
import { withAddon } from './addon.ts';
import { JournalFailure, sqliteCode } from './failure.ts';
import { type QueryArguments, type QueryName, type QueryResult, runQuery } from './queries.ts';
import { APPLICATION_ID, SCHEMA_VERSION } from './schema.ts';

/** Measured on NFS: without a timeout 41 of 83 reads were BUSY, with 3 s none of 23. */
const BUSY_TIMEOUT_MS = 3_000;

function unreadable(path: string, error: unknown): JournalFailure {
  if (error instanceof JournalFailure) return error;
  const code = sqliteCode(error) ?? 'no SQLite code';
  const text = errorMessage(error);
  // A read-only connection may not roll back the hot journal of a dead writer; the next engine does.
  const why = /^SQLITE_(READONLY|CANTOPEN)/.test(code)
    ? 'a transaction of a dead engine waits to be rolled back'
    : text;
  return new JournalFailure('refused', `${path} cannot be read now: ${why} (${code}: ${text})`, error);
}

export class JournalReader {
  readonly #path: string;
  readonly #db: Database.Database;

  /** Throws `JournalFailure` of kind `refused` if there is no journal that can be read now. */
  constructor(path: string) {
    if (!existsSync(path)) throw new JournalFailure('refused', `there is no journal at ${path}`);
    let db: Database.Database | undefined;
    try {
      db = new Database(path, withAddon({ readonly: true, fileMustExist: true, timeout: BUSY_TIMEOUT_MS }));
      const application = db.pragma('application_id', { simple: true });
      const version = Number(db.pragma('user_version', { simple: true }));
      if (application !== APPLICATION_ID || version !== SCHEMA_VERSION) {
        const isOlder = application === APPLICATION_ID && version < SCHEMA_VERSION;
        const advice = isOlder ? '; an engine of this version converts it when it starts' : '';
        throw new JournalFailure('refused', `${path} is not a journal of this version (schema ${version})${advice}`);
      }
      this.#path = path;
      this.#db = db;
    } catch (error) {
      db?.close();
      throw unreadable(path, error);
    }
  }

  /** A query reads one moment. Throws `JournalFailure` of kind `refused`. */
  query<Name extends QueryName>(name: Name, ...parameters: QueryArguments<Name>): QueryResult<Name> {
    try {
      return this.#db.transaction(() => runQuery(this.#db, name, parameters))() as QueryResult<Name>;
    } catch (error) {
      throw unreadable(this.#path, error);
    }
  }

  close(): void {
    this.#db.close();
  }
}
