/**
 * The one writer: group commit under the lease.
 *
 * Invariants:
 * - a request is acknowledged only after the COMMIT that contains it, and only while the lease is ours;
 * - `transaction.ts` decides what a failed or late COMMIT means: an outcome that is not known ends the writer.
 */

import type Database from 'better-sqlite3';
import { crashPoint } from '../crash-points.ts';
import { readLease } from './lease.ts';
import { MutationWriter } from './mutation-writer.ts';
import type { Mutation } from './mutations.ts';
import { auditPruneDecision, pruneDecision, type RetentionLimits } from './prune-decision.ts';
import { type PruneResult, Pruner } from './pruning.ts';
import { type LeaseTerm, type RequestOutcome, Transactions } from './transaction.ts';

export interface BatchOutcome {
  readonly outcomes: readonly RequestOutcome[];
  /** CLOCK_BOOTTIME ms at which the lease was last known to be ours. */
  readonly confirmedAt: number;
}

export interface WriterClock {
  now(): number;
  boottime(): number;
}

export interface WriterSettings {
  /** Maximum wait for BUSY before it counts as a failure. */
  readonly lockTimeoutMs: number;
  /** Maximum number of audit entries of each kind. */
  readonly auditCount?: number;
}

export class JournalWriter {
  readonly #db: Database.Database;
  readonly #transactions: Transactions;
  readonly #clock: WriterClock;
  readonly #mutations: MutationWriter;
  readonly #renewal: Database.Statement;
  readonly #pruner: Pruner;
  /** CLOCK_BOOTTIME ms up to which `served_ms` counts. */
  #servedUntil: number | undefined;
  /** CLOCK_BOOTTIME ms of the first transaction. */
  #heldSince: number | undefined;
  /** COMMITs that wrote: for the figures in the benchmark. */
  commits = 0;

  constructor(db: Database.Database, term: LeaseTerm, clock: WriterClock, settings: WriterSettings) {
    this.#db = db;
    this.#clock = clock;
    this.#transactions = new Transactions(db, term, () => clock.boottime(), settings.lockTimeoutMs);
    this.#mutations = new MutationWriter(db, term.epoch, settings.auditCount);
    this.#pruner = new Pruner(db);
    // Watchers of this lease detect a renewal by the change, so the value changes even if the wall clock went back to exactly the same
    // time.
    this.#renewal = db.prepare(
      `UPDATE lease SET beat_at = iif(beat_at = @now, beat_at + 1, @now), served_ms = served_ms + @served WHERE id = 1`,
    );
  }

  /**
   * Writes a batch of requests, each whole or not at all, in one transaction.
   * @throws JournalFailure `lease_lost` or `unknown`: the writer is finished.
   */
  commit(requests: readonly (readonly Mutation[])[]): BatchOutcome {
    const startedAt = this.#begin();
    crashPoint('writer.after-begin');
    const servedUntil = this.#servedUntil;
    // First: a mutation that measures a time from now on, as a pause does, must not count the time before it.
    this.#renew(startedAt);
    const outcomes = requests.map((mutations) =>
      this.#transactions.attempt(() => mutations.map((mutation) => this.#mutations.apply(mutation))),
    );
    if (outcomes.some((outcome) => outcome.ok)) {
      crashPoint('writer.before-commit');
      this.#transactions.end('COMMIT');
      this.commits += 1;
      crashPoint('writer.after-commit');
    } else {
      this.#transactions.end('ROLLBACK');
      this.#servedUntil = servedUntil;
    }
    return { outcomes, confirmedAt: this.#transactions.confirmed(startedAt) };
  }

  /** Reads the lease under the write lock and nothing else. Returns when the lease was confirmed. */
  confirm(): number {
    const startedAt = this.#begin();
    this.#transactions.end('ROLLBACK');
    return this.#transactions.confirmed(startedAt);
  }

  /** Renews the lease. */
  renewLease(): number {
    const startedAt = this.#begin();
    this.#renew(startedAt);
    this.#transactions.end('COMMIT');
    this.commits += 1;
    return this.#transactions.confirmed(startedAt);
  }

  /**
   * Removes one batch of closed recoveries and of audit entries. If there is none to remove, nothing is locked and nothing written.
   * @param heldAt the last renewal before this lease, ms UTC. @returns `confirmedAt` is undefined if nothing was written.
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
    const plan = this.#pruner.plan(decision, auditPruneDecision(limits, lease?.served_ms ?? 0));
    const result = { removed: plan.ids.length, more: plan.more };
    if (plan.ids.length === 0 && plan.shorten === null && plan.auditIds.length === 0)
      return { result, confirmedAt: undefined };
    const startedAt = this.#begin();
    const outcome = this.#transactions.attempt(() => [this.#pruner.remove(plan)]);
    if (!outcome.ok) {
      this.#transactions.end('ROLLBACK');
      throw outcome.error;
    }
    this.#renew(startedAt);
    this.#transactions.end('COMMIT');
    this.commits += 1;
    return { result, confirmedAt: this.#transactions.confirmed(startedAt) };
  }

  /** Releases the lease, so that the next engine need not wait. */
  release(): void {
    this.#begin();
    this.#transactions.guarded(() =>
      this.#db.prepare(`UPDATE lease SET state = 'released', beat_at = ? WHERE id = 1`).run(this.#clock.now()),
    );
    this.#transactions.end('COMMIT');
  }

  #renew(startedAt: number): void {
    const served = Math.max(0, Math.round(startedAt - (this.#servedUntil ?? startedAt)));
    this.#transactions.guarded(() => this.#renewal.run({ now: this.#clock.now(), served }));
    this.#servedUntil = startedAt;
  }

  /** BEGIN under the lease. Returns CLOCK_BOOTTIME ms before it. */
  #begin(): number {
    const startedAt = this.#transactions.begin();
    this.#heldSince ??= startedAt;
    return startedAt;
  }
}
