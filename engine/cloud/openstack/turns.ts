/**
 * The concurrency limit of requests: permits, given in the order of arrival, to recoveries before questions.
 *
 * Invariants: as many permits as the pool has connections, so no request waits inside the pool, where the check of the lease would be
 * long past by the time a connection is free; a question never waits in front of a recovery, and questions together hold no more than
 * a quarter of the permits (at least one).
 */
import type { Deadline, Urgency } from './deadline.ts';

const QUESTIONS_SHARE = 0.25;

export class Turns {
  readonly #maxQuestions: number;
  readonly #waiting: Readonly<Record<Urgency, (() => void)[]>> = { recovery: [], question: [] };
  #free: number;
  #questions = 0;

  constructor(turns: number) {
    this.#free = turns;
    this.#maxQuestions = Math.max(1, Math.floor(turns * QUESTIONS_SHARE));
  }

  /** Runs `work` with a permit; throws `DeadlineEnded` when none is free in time. */
  async run<T>(deadline: Deadline, work: () => Promise<T>): Promise<T> {
    const { urgency } = deadline;
    await this.#take(deadline);
    try {
      return await work();
    } finally {
      this.#give(urgency);
    }
  }

  async #take(deadline: Deadline): Promise<void> {
    const { urgency } = deadline;
    const turn = Promise.withResolvers<void>();
    const queue = this.#waiting[urgency];
    queue.push(turn.resolve);
    this.#serve();
    try {
      await deadline.race(turn.promise);
    } catch (error) {
      const place = queue.indexOf(turn.resolve);
      if (place >= 0) queue.splice(place, 1);
      // Handed to us in the moment we left: pass it on.
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
