/**
 * How long recoveries wait, in CLOCK_BOOTTIME of this engine.
 *
 * Invariant: no jump of a wall clock, and no other node's wall clock, shortens or lengthens a wait. What the journal has in wall time
 * was written by one clock, so only differences within one row are used; a wait that another engine began runs whole from here.
 */
import type { Clock } from '../clock/clock.ts';
import type { LogbookRow } from '../journal/words.ts';

type Open = Pick<LogbookRow, 'uuid' | 'updated_at' | 'retry_at' | 'waited_ms'>;

interface Wait {
  readonly updatedAt: number;
  /** When this engine first had the row in this state. */
  readonly seenAt: number;
  /** Since when its time open is not in the journal yet. */
  countedFrom: number;
}

export class Waits {
  readonly #clock: Pick<Clock, 'boottime'>;
  #waits = new Map<string, Wait>();

  constructor(clock: Pick<Clock, 'boottime'>) {
    this.#clock = clock;
  }

  /** Takes note of what is open; forgets what is not. */
  observe(open: readonly Open[]): void {
    const now = this.#clock.boottime();
    const next = new Map<string, Wait>();
    for (const { uuid, updated_at } of open) {
      const known = this.#waits.get(uuid);
      const isSame = known?.updatedAt === updated_at;
      next.set(uuid, isSame ? known : { updatedAt: updated_at, seenAt: now, countedFrom: known?.countedFrom ?? now });
    }
    this.#waits = next;
  }

  /** When this engine first had it in its present state. */
  seenAt({ uuid }: Pick<Open, 'uuid'>): number {
    return this.#waits.get(uuid)?.seenAt ?? this.#clock.boottime();
  }

  /** When its retry is due; null: it waits for none. */
  retryDueAt(row: Open): number | null {
    return row.retry_at === null ? null : this.seenAt(row) + Math.max(0, row.retry_at - row.updated_at);
  }

  /** How long engines have had it open. */
  openFor(row: Open): number {
    const now = this.#clock.boottime();
    return row.waited_ms + now - (this.#waits.get(row.uuid)?.countedFrom ?? now);
  }

  /** What is not in the journal yet of the time that it was open, to be written there now. */
  take(uuid: string): number {
    const now = this.#clock.boottime();
    const wait = this.#waits.get(uuid);
    if (!wait) return 0;
    const ms = now - wait.countedFrom;
    wait.countedFrom = now;
    return ms;
  }
}
