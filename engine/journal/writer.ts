/**
 * The one writer: group commit under the lease.
 *
 * Invariants:
 * - a request is acknowledged only after the COMMIT that holds it, and only while the reign is ours;
 * - every transaction checks the lease under the write lock before it writes;
 * - a COMMIT that took long is believed only after the lease was read again in a new transaction (a commit was seen to
 *   return well 28.6 s late, when another node already held the lease);
 * - an outcome that SQLite cannot tell ends the writer: nothing is tried again in place.
 */
import type Database from 'better-sqlite3';
import { crashPoint } from '../crash-points.ts';
import { JournalFailure, sqliteCode } from './failure.ts';
import { assertReign, readLease } from './lease.ts';
import { MutationWriter } from './mutation-writer.ts';
import type { Mutation } from './mutations.ts';
import { pruneDecision, type RetentionLimits } from './prune-decision.ts';
import { type PruneResult, Pruner } from './pruning.ts';

/** CLOCK_BOOTTIME ms between BEGIN and the end of COMMIT after which the lease is read again. */
export const LATE_COMMIT_MS = 5_000;

export interface Reign {
  readonly owner: string;
  readonly epoch: number;
}

export type RequestOutcome =
  | { readonly ok: true; readonly results: readonly unknown[] }
  | { readonly ok: false; readonly error: JournalFailure };

export interface BatchOutcome {
  readonly outcomes: readonly RequestOutcome[];
  /** CLOCK_BOOTTIME ms at which the reign was last known to be ours. */
  readonly confirmedAt: number;
}

export interface WriterClock {
  now(): number;
  boottime(): number;
}

export interface WriterSettings {
  /** How long BUSY is waited out before it counts as a failure. */
  readonly lockTimeoutMs: number;
}

/** Whether a request failed by its own fault, before anything could reach the disk. */
function isOfRequest(error: unknown): boolean {
  if (error instanceof JournalFailure) return !error.isFatal;
  const code = sqliteCode(error);
  // Without a code SQLite was never asked: the value of a column cannot be bound, or cannot be written as JSON.
  return code === undefined || /^SQLITE_(CONSTRAINT|MISMATCH|TOOBIG|RANGE)/.test(code);
}

export class JournalWriter {
  readonly #db: Database.Database;
  readonly #reign: Reign;
  readonly #clock: WriterClock;
  readonly #settings: WriterSettings;
  readonly #mutations: MutationWriter;
  readonly #renewal: Database.Statement;
  readonly #pruner: Pruner;
  /** CLOCK_BOOTTIME ms up to which `served_ms` counts. */
  #servedUntil: number | undefined;
  /** CLOCK_BOOTTIME ms of the first transaction. */
  #heldSince: number | undefined;
  /** COMMITs that wrote: for the figures in the benchmark. */
  commits = 0;

  constructor(db: Database.Database, reign: Reign, clock: WriterClock, settings: WriterSettings) {
    this.#db = db;
    this.#reign = reign;
    this.#clock = clock;
    this.#settings = settings;
    this.#mutations = new MutationWriter(db, reign.epoch);
    this.#pruner = new Pruner(db);
    // Who watches this lease sees a renewal by the change, so it changes even when the wall clock went back to the very value.
    this.#renewal = db.prepare(
      `UPDATE lease SET beat_at = iif(beat_at = @now, beat_at + 1, @now), served_ms = served_ms + @served WHERE id = 1`,
    );
  }

  /**
   * Writes a batch of requests, each whole or not at all, in one transaction.
   * @throws JournalFailure `lease_lost` or `unknown`: the writer is finished.
   */
  commit(requests: readonly (readonly Mutation[])[]): BatchOutcome {
    const begunAt = this.#begin();
    crashPoint('writer.after-begin');
    const outcomes = requests.map((mutations) =>
      this.#attempt(() => mutations.map((mutation) => this.#mutations.apply(mutation))),
    );
    if (outcomes.some((outcome) => outcome.ok)) {
      this.#renew(begunAt);
      crashPoint('writer.before-commit');
      this.#end('COMMIT');
      this.commits += 1;
      crashPoint('writer.after-commit');
    } else {
      this.#end('ROLLBACK');
    }
    return { outcomes, confirmedAt: this.#believe(begunAt) };
  }

  /** Reads the lease under the write lock and nothing else. Returns when the reign was confirmed. */
  confirm(): number {
    const begunAt = this.#begin();
    this.#end('ROLLBACK');
    return this.#believe(begunAt);
  }

  /** Shows that this engine lives. */
  beat(): number {
    const begunAt = this.#begin();
    this.#renew(begunAt);
    this.#end('COMMIT');
    this.commits += 1;
    return this.#believe(begunAt);
  }

  /**
   * Removes one batch of closed recoveries. Without any that may go, nothing is locked and nothing written.
   * @param heldAt the last renewal before this reign, ms UTC. @returns `confirmedAt` is undefined when nothing was written.
   */
  prune(
    limits: RetentionLimits,
    heldAt: number,
  ): { readonly result: PruneResult; readonly confirmedAt: number | undefined } {
    const lease = readLease(this.#db);
    const decision = pruneDecision(limits, {
      now: this.#clock.now(),
      heldAt,
      heldForMs: this.#clock.boottime() - (this.#heldSince ?? this.#clock.boottime()),
      servedMs: lease?.served_ms ?? 0,
      closed: this.#pruner.closed(),
    });
    const plan = this.#pruner.plan(decision);
    const result = { removed: plan.ids.length, more: plan.more };
    if (plan.ids.length === 0 && plan.shorten === null) return { result, confirmedAt: undefined };
    const begunAt = this.#begin();
    const outcome = this.#attempt(() => [this.#pruner.remove(plan)]);
    if (!outcome.ok) {
      this.#end('ROLLBACK');
      throw outcome.error;
    }
    this.#renew(begunAt);
    this.#end('COMMIT');
    this.commits += 1;
    return { result, confirmedAt: this.#believe(begunAt) };
  }

  /** Ends the reign in order, so that the next engine need not wait. */
  release(): void {
    this.#begin();
    this.#guarded(() =>
      this.#db.prepare(`UPDATE lease SET state = 'released', beat_at = ? WHERE id = 1`).run(this.#clock.now()),
    );
    this.#end('COMMIT');
  }

  #renew(begunAt: number): void {
    const served = Math.max(0, Math.round(begunAt - (this.#servedUntil ?? begunAt)));
    this.#guarded(() => this.#renewal.run({ now: this.#clock.now(), served }));
    this.#servedUntil = begunAt;
  }

  #believe(begunAt: number): number {
    const now = this.#clock.boottime();
    if (now - begunAt <= LATE_COMMIT_MS) return now;
    const again = this.#begin();
    this.#end('ROLLBACK');
    return again;
  }

  /** BEGIN IMMEDIATE and the look at the lease. Returns CLOCK_BOOTTIME ms before BEGIN. */
  #begin(): number {
    const deadline = this.#clock.boottime() + this.#settings.lockTimeoutMs;
    for (;;) {
      const begunAt = this.#clock.boottime();
      this.#heldSince ??= begunAt;
      try {
        this.#db.exec('BEGIN IMMEDIATE');
      } catch (error) {
        if (sqliteCode(error)?.startsWith('SQLITE_BUSY') && this.#clock.boottime() < deadline) continue;
        throw this.#stop('BEGIN', error);
      }
      try {
        assertReign(readLease(this.#db), this.#reign);
        return begunAt;
      } catch (error) {
        this.#rollback();
        throw this.#stop('reading the lease', error);
      }
    }
  }

  /** Writes whole or not at all. */
  #attempt(act: () => readonly unknown[]): RequestOutcome {
    this.#guarded(() => this.#db.exec('SAVEPOINT request'));
    try {
      const results = act();
      this.#db.exec('RELEASE request');
      return { ok: true, results };
    } catch (error) {
      if (!isOfRequest(error)) {
        this.#rollback();
        throw this.#stop('a write', error);
      }
      this.#guarded(() => this.#db.exec('ROLLBACK TO request; RELEASE request'));
      const text = error instanceof Error ? error.message : String(error);
      return { ok: false, error: new JournalFailure('constraint', `the journal refuses this: ${text}`, error) };
    }
  }

  #guarded(act: () => void): void {
    try {
      act();
    } catch (error) {
      this.#rollback();
      throw this.#stop('a write', error);
    }
  }

  #end(statement: 'COMMIT' | 'ROLLBACK'): void {
    const deadline = this.#clock.boottime() + this.#settings.lockTimeoutMs;
    for (;;) {
      try {
        this.#db.exec(statement);
        return;
      } catch (error) {
        // After BUSY the transaction stands as it was and COMMIT may be said again (sqlite.org/lang_transaction.html).
        const isBusy = sqliteCode(error)?.startsWith('SQLITE_BUSY') && this.#db.inTransaction;
        if (isBusy && this.#clock.boottime() < deadline) continue;
        throw this.#stop(statement, error);
      }
    }
  }

  #rollback(): void {
    try {
      if (this.#db.inTransaction) this.#db.exec('ROLLBACK');
    } catch {
      // SQLite rolls back by itself at the next open; the failure that led here is the one to tell.
    }
  }

  #stop(doing: string, error: unknown): JournalFailure {
    if (error instanceof JournalFailure) return error;
    const code = sqliteCode(error) ?? 'no SQLite code';
    const text = error instanceof Error ? error.message : String(error);
    return new JournalFailure(
      'unknown',
      `${doing} on the journal failed with ${code} (${text}); what reached the disk is not known, so the engine stops`,
      error,
    );
  }
}
