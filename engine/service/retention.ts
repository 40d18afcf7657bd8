/** Removes closed recoveries and old audit entries, batch by batch, while the engine runs. */
import type { Configuration } from '#config/configuration.ts';
import type { Clock } from '#protocol/clock.ts';
import type { Log } from '#protocol/log.ts';
import { JournalFailure } from '../journal/failure.ts';
import type { Journal } from '../journal/journal.ts';

/** Between two batches of closed recoveries to remove, so that they delay no commit. */
const PRUNE_PAUSE_MS = 500;
/** Between two searches for closed recoveries to remove, if none are left. */
const PRUNE_INTERVAL_MS = 60_000;

interface RetentionParts {
  readonly clock: Clock;
  readonly configuration: Configuration;
  readonly journal: Journal;
  readonly log: Log;
}

export class Retention {
  readonly #parts: RetentionParts;
  #dueAt: number;

  constructor(parts: RetentionParts) {
    this.#parts = parts;
    this.#dueAt = parts.clock.boottime() + PRUNE_INTERVAL_MS;
  }

  /** Time of the next search for rows beyond the retention, CLOCK_BOOTTIME ms. */
  get dueAt(): number {
    return this.#dueAt;
  }

  /** Removes a batch of rows beyond the retention; the others are removed at the next wake-ups. */
  async run(): Promise<void> {
    const { clock, configuration, journal, log } = this.#parts;
    if (clock.boottime() < this.#dueAt) return;
    const { retentionMs, retentionCount, auditRetentionMs: auditMs, auditCount } = configuration.options.journal;
    try {
      const { removed, more } = await journal.prune({ retentionMs, maxClosed: retentionCount, auditMs, auditCount });
      if (removed > 0) log('debug', 'closed recoveries removed', { removed });
      this.#dueAt = clock.boottime() + (more ? PRUNE_PAUSE_MS : PRUNE_INTERVAL_MS);
    } catch (error) {
      if (!(error instanceof JournalFailure) || error.isFatal) throw error;
      log('warning', 'closed recoveries could not be removed', { reason: error.message });
      this.#dueAt = clock.boottime() + PRUNE_INTERVAL_MS;
    }
  }
}
