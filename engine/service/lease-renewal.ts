/** Renews the lease of the engine when no commit has done so within the interval. */
import type { Configuration } from '#config/configuration.ts';
import type { Clock } from '#protocol/clock.ts';
import type { Log } from '#protocol/log.ts';
import { JournalFailure } from '../journal/failure.ts';
import type { Journal } from '../journal/journal.ts';
import type { Audit } from './audit.ts';

interface RenewalParts {
  readonly clock: Clock;
  readonly configuration: Configuration;
  readonly journal: Journal;
  readonly audit: Audit;
  readonly log: Log;
}

export class LeaseRenewal {
  readonly #parts: RenewalParts;
  /** CLOCK_BOOTTIME ms. */
  #lastCommitAt: number;

  constructor(parts: RenewalParts) {
    this.#parts = parts;
    this.#lastCommitAt = parts.clock.boottime();
  }

  onCommit(): void {
    this.#lastCommitAt = this.#parts.clock.boottime();
  }

  /** Renews the lease if no commit did so within the interval. */
  async renewIfDue(): Promise<void> {
    const { clock, journal, configuration } = this.#parts;
    // A commit renews the lease.
    await this.writeRefusals('due');
    if (clock.boottime() - this.#lastCommitAt < configuration.options.engine.renewalIntervalMs) return;
    await journal.beat();
    this.#lastCommitAt = clock.boottime();
  }

  async writeRefusals(which: 'due' | 'all'): Promise<void> {
    const refusals = this.#parts.audit.take(which);
    if (refusals.length === 0) return;
    try {
      await this.#parts.journal.write(...refusals);
    } catch (error) {
      if (!(error instanceof JournalFailure) || error.isFatal) throw error;
      this.#parts.log('warning', 'refusals could not be written into the audit', { reason: error.message });
    }
  }
}
