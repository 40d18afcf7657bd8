/**
 * A transaction of the journal: BEGIN under the lease, COMMIT or ROLLBACK, and what a failure of them means.
 *
 * Invariants:
 * - every transaction checks the lease under the write lock before it writes;
 * - a COMMIT that took long is trusted only after the lease was read again in a new transaction (a commit was seen to
 *   return success 28.6 s late, when another node already held the lease);
 * - an outcome that SQLite cannot determine ends the writer: nothing is retried in place.
 */

import type Database from 'better-sqlite3';
import { errorMessage } from '#protocol/error-message.ts';
import { JournalFailure, sqliteCode } from './failure.ts';
import { assertLease, readLease } from './lease.ts';

/** CLOCK_BOOTTIME ms between BEGIN and the end of COMMIT after which the lease is read again. */
export const LATE_COMMIT_MS = 5_000;

export interface LeaseTerm {
  readonly owner: string;
  readonly epoch: number;
}

export type RequestOutcome =
  | { readonly ok: true; readonly results: readonly unknown[] }
  | { readonly ok: false; readonly error: JournalFailure };

/** Whether a request failed by its own fault, before anything could reach the disk. */
function isOfRequest(error: unknown): boolean {
  if (error instanceof JournalFailure) return !error.isFatal;
  const code = sqliteCode(error);
  // Without a code SQLite was never called: the value of a column cannot be bound, or cannot be written as JSON.
  return code === undefined || /^SQLITE_(CONSTRAINT|MISMATCH|TOOBIG|RANGE)/.test(code);
}

export class Transactions {
  readonly #db: Database.Database;
  readonly #term: LeaseTerm;
  readonly #boottime: () => number;
  readonly #lockTimeoutMs: number;

  /** @param boottime CLOCK_BOOTTIME in ms. @param lockTimeoutMs maximum wait for BUSY before it counts as a failure */
  constructor(db: Database.Database, term: LeaseTerm, boottime: () => number, lockTimeoutMs: number) {
    this.#db = db;
    this.#term = term;
    this.#boottime = boottime;
    this.#lockTimeoutMs = lockTimeoutMs;
  }

  /** CLOCK_BOOTTIME ms at which the lease was last known to be ours; reads the lease again if the COMMIT took long. */
  confirmed(startedAt: number): number {
    const now = this.#boottime();
    if (now - startedAt <= LATE_COMMIT_MS) return now;
    const again = this.begin();
    this.end('ROLLBACK');
    return again;
  }

  /** BEGIN IMMEDIATE and the read of the lease. Returns CLOCK_BOOTTIME ms before BEGIN. */
  begin(): number {
    const deadline = this.#boottime() + this.#lockTimeoutMs;
    for (;;) {
      const startedAt = this.#boottime();
      try {
        this.#db.exec('BEGIN IMMEDIATE');
      } catch (error) {
        if (sqliteCode(error)?.startsWith('SQLITE_BUSY') && this.#boottime() < deadline) continue;
        throw this.#stop('BEGIN', error);
      }
      try {
        assertLease(readLease(this.#db), this.#term);
        return startedAt;
      } catch (error) {
        this.#rollback();
        throw this.#stop('reading the lease', error);
      }
    }
  }

  /** Writes whole or not at all. */
  attempt(act: () => readonly unknown[]): RequestOutcome {
    this.guarded(() => this.#db.exec('SAVEPOINT request'));
    try {
      const results = act();
      this.#db.exec('RELEASE request');
      return { ok: true, results };
    } catch (error) {
      if (!isOfRequest(error)) {
        this.#rollback();
        throw this.#stop('a write', error);
      }
      this.guarded(() => this.#db.exec('ROLLBACK TO request; RELEASE request'));
      const text = errorMessage(error);
      return { ok: false, error: new JournalFailure('constraint', `the journal refuses this: ${text}`, error) };
    }
  }

  guarded(act: () => void): void {
    try {
      act();
    } catch (error) {
      this.#rollback();
      throw this.#stop('a write', error);
    }
  }

  end(statement: 'COMMIT' | 'ROLLBACK'): void {
    const deadline = this.#boottime() + this.#lockTimeoutMs;
    for (;;) {
      try {
        this.#db.exec(statement);
        return;
      } catch (error) {
        // After BUSY the transaction is unchanged and COMMIT may be repeated (sqlite.org/lang_transaction.html).
        const isBusy = sqliteCode(error)?.startsWith('SQLITE_BUSY') && this.#db.inTransaction;
        if (isBusy && this.#boottime() < deadline) continue;
        throw this.#stop(statement, error);
      }
    }
  }

  #rollback(): void {
    try {
      if (this.#db.inTransaction) this.#db.exec('ROLLBACK');
    } catch {
      // SQLite rolls back by itself at the next open; the failure that led here is the one to report.
    }
  }

  #stop(doing: string, error: unknown): JournalFailure {
    if (error instanceof JournalFailure) return error;
    const code = sqliteCode(error) ?? 'no SQLite code';
    const text = errorMessage(error);
    return new JournalFailure(
      'unknown',
      `${doing} on the journal failed with ${code} (${text}); what reached the disk is not known, so the engine stops`,
      error,
    );
  }
}
