/**
 * Waiting times of recoveries, in CLOCK_BOOTTIME of this engine.
 *
 * Invariant: no jump of a wall clock, and no other node's wall clock, shortens or lengthens a wait. Wall times in the journal were written
 * by one clock, so only differences within one row are used; a wait that another engine started runs in full from here.
 */
import type { Clock } from '#protocol/clock.ts';
import type { LogbookRow } from '../journal/rows.ts';

type Open = Pick<LogbookRow, 'uuid' | 'updated_at' | 'retry_at' | 'waited_ms'>;

interface Wait {
  readonly updatedAt: number;
  /** When this engine first had the row in this state. */
  readonly seenAt: number;
  /** Start of the open time that is not in the journal yet. */
  countedFrom: number;
}

export class Waits {
  readonly #clock: Pick<Clock, 'boottime'>;
  #waits = new Map<string, Wait>();

  constructor(clock: Pick<Clock, 'boottime'>) {
    this.#clock = clock;
  }

  /** Stores the open recoveries; forgets all others. */
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

  /** The part of its open time that is not in the journal yet, to be written there now. */
  take(uuid: string): number {
    const now = this.#clock.boottime();
    const wait = this.#waits.get(uuid);
    if (!wait) return 0;
    const ms = now - wait.countedFrom;
    wait.countedFrom = now;
    return ms;
  }
}
