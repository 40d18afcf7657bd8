/**
 * Lets a bounded number of requests out at a time, in the order they came.
 *
 * Invariant: as many turns as the pool has connections, so no request waits inside the pool, where the check of the
 * reign would be long past by the time a connection is free.
 */
import type { Deadline } from './deadline.ts';

export class Turns {
  #free: number;
  readonly #waiting: (() => void)[] = [];

  constructor(turns: number) {
    this.#free = turns;
  }

  /** Runs `work` in a turn; throws `DeadlineEnded` when none comes up in time. */
  async run<T>(deadline: Deadline, work: () => Promise<T>): Promise<T> {
    await this.#take(deadline);
    try {
      return await work();
    } finally {
      this.#give();
    }
  }

  async #take(deadline: Deadline): Promise<void> {
    if (this.#free > 0) {
      this.#free -= 1;
      return;
    }
    const turn = Promise.withResolvers<void>();
    this.#waiting.push(turn.resolve);
    try {
      await deadline.race(turn.promise);
    } catch (error) {
      const place = this.#waiting.indexOf(turn.resolve);
      if (place >= 0) this.#waiting.splice(place, 1);
      // Handed to us in the moment we left: pass it on.
      else this.#give();
      throw error;
    }
  }

  #give(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#free += 1;
    else next();
  }
}
