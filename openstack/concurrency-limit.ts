/**
 * The concurrency limit of requests: permits, given in the order of arrival, to recoveries before questions.
 *
 * Invariants: a question never waits in front of a recovery, and questions together hold no more than a quarter of the permits (at least
 * one). The client of a cloud has as many permits as its pool has connections, so no request waits inside the pool, where the check of the
 * lease would be long past by the time a connection is free.
 */
import type { Urgency } from './http/deadline.ts';

const QUESTIONS_SHARE = 0.25;

/** How long a caller waits for a permit. A `Deadline` is one. */
export interface Wait {
  readonly urgency: Urgency;
  /** The outcome of `work`, or an error if the wait ends first. */
  race<T>(work: Promise<T>): Promise<T>;
}

/** A wait without a time limit; it ends with the signal's reason. */
export function untilAborted(signal: AbortSignal): Wait {
  return {
    urgency: 'recovery',
    async race(work) {
      signal.throwIfAborted();
      const { promise, reject } = Promise.withResolvers<never>();
      const stop = (): void => reject(signal.reason);
      signal.addEventListener('abort', stop, { once: true });
      try {
        const outcome = await Promise.race([work, promise]);
        signal.throwIfAborted();
        return outcome;
      } finally {
        signal.removeEventListener('abort', stop);
      }
    },
  };
}

export class ConcurrencyLimit {
  readonly #maxQuestions: number;
  readonly #waiting: Readonly<Record<Urgency, (() => void)[]>> = { recovery: [], question: [] };
  #free: number;
  #questions = 0;

  constructor(permits: number) {
    this.#free = permits;
    this.#maxQuestions = Math.max(1, Math.floor(permits * QUESTIONS_SHARE));
  }

  /** Runs `work` with a permit; throws the error of `wait` when none is free in time. */
  async run<T>(wait: Wait, work: () => Promise<T>): Promise<T> {
    const { urgency } = wait;
    await this.#take(wait);
    try {
      return await work();
    } finally {
      this.#give(urgency);
    }
  }

  async #take(wait: Wait): Promise<void> {
    const { urgency } = wait;
    const permit = Promise.withResolvers<void>();
    const queue = this.#waiting[urgency];
    queue.push(permit.resolve);
    this.#serve();
    try {
      await wait.race(permit.promise);
    } catch (error) {
      const place = queue.indexOf(permit.resolve);
      if (place >= 0) queue.splice(place, 1);
      // Given to us after we left: pass it on.
      else this.#give(urgency);
      throw error;
    }
  }

  #give(urgency: Urgency): void {
    this.#free += 1;
    if (urgency === 'question') this.#questions -= 1;
    this.#serve();
  }

  /** Gives out the free permits. */
  #serve(): void {
    for (; this.#free > 0; this.#free -= 1) {
      const next = this.#waiting.recovery.shift() ?? this.#nextQuestion();
      if (next === undefined) return;
      next();
    }
  }

  #nextQuestion(): (() => void) | undefined {
    if (this.#questions >= this.#maxQuestions) return undefined;
    const next = this.#waiting.question.shift();
    if (next !== undefined) this.#questions += 1;
    return next;
  }
}
