/**
 * How many reports one identity of another node may have accepted.
 *
 * Invariant: a flood from one host neither fills the journal nor delays the reports of others; what is over the limit waits in the outbox
 * of its host, and is accepted later.
 */
import { type Caller, shareOf } from '#protocol/caller.ts';
import { Bucket } from '#protocol/rate.ts';

const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;

export interface ReportLimitOptions {
  readonly reportsPerMinute: number;
  readonly reportsPerDay: number;
}

interface Share {
  readonly minute: Bucket;
  readonly day: Bucket;
}

export class ReportLimits {
  readonly #options: ReportLimitOptions;
  readonly #now: () => number;
  /** By identity: a proven one, so there are no more than hosts. */
  readonly #shares = new Map<string, Share>();

  /** @param now a clock that does not jump, ms */
  constructor(options: ReportLimitOptions, now: () => number = () => performance.now()) {
    this.#options = options;
    this.#now = now;
  }

  /** Counts a report. Returns why it is not accepted now; undefined: it may be. */
  take(caller: Caller): string | undefined {
    if (caller.address === '') return undefined;
    const now = this.#now();
    const { minute, day } = this.#shareOf(shareOf(caller), now);
    const { reportsPerMinute, reportsPerDay } = this.#options;
    const wait = Math.max(minute.wait(now), day.wait(now));
    if (wait === 0) {
      minute.take(now);
      return undefined;
    }
    const limit = day.wait(now) > 0 ? `${reportsPerDay} a day` : `${reportsPerMinute} a minute`;
    // The same text each time, so that the audit counts a flood as one entry.
    return `${caller.identity} has sent more reports than ${limit}; the next one is accepted later`;
  }

  /** A report of the caller was accepted, a duplicate as well: it is an entry of the audit. */
  accepted(caller: Caller): void {
    if (caller.address === '') return;
    const now = this.#now();
    this.#shareOf(shareOf(caller), now).day.take(now);
  }

  #shareOf(name: string, now: number): Share {
    const known = this.#shares.get(name);
    if (known) return known;
    for (const [other, { minute, day }] of this.#shares) {
      if (minute.isFull(now) && day.isFull(now)) this.#shares.delete(other);
    }
    const { reportsPerMinute, reportsPerDay } = this.#options;
    const share = {
      minute: new Bucket({ burst: 3 * reportsPerMinute, refill: reportsPerMinute, perMs: MINUTE_MS }, now),
      day: new Bucket({ burst: reportsPerDay, refill: reportsPerDay, perMs: DAY_MS }, now),
    };
    this.#shares.set(name, share);
    return share;
  }
}
