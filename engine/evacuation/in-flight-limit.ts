/**
 * How many evacuations of one host may be in progress at a time: the permits of `max_evacuations_in_flight`, which all hosts share.
 *
 * Invariants:
 * - an evacuation that may be in progress holds a permit of its host until its outcome is known, or the run ends;
 * - a permit that becomes free is given to the first move that waits, although a later one is decided at that moment.
 */
import type { Budget } from '../flow/budget.ts';
import type { Progress } from './instance-progress.ts';

export class InFlightLimit {
  readonly #permits: Budget;
  /** The failed host. */
  readonly #source: string;
  /** A move was refused a permit in this round. */
  #isShort = false;
  /** A move was refused a permit in this pass over the moves. */
  #isRefused = false;

  constructor(permits: Budget, source: string) {
    this.#permits = permits;
    this.#source = source;
  }

  beginRound(): void {
    this.#isShort = false;
  }

  /** The moves are decided again, the first one first. */
  beginPass(): void {
    this.#isRefused = false;
  }

  /** Permits are reserved for a host only while one of its moves waits for one. */
  endRound(): void {
    if (!this.#isShort) this.withdraw();
  }

  withdraw(): void {
    this.#permits.withdraw(this.#source);
  }

  tryTake(progress: Progress): boolean {
    if (!this.#isRefused) progress.holdsPlace ||= this.#permits.tryTake(this.#source);
    this.#isRefused ||= !progress.holdsPlace;
    this.#isShort ||= !progress.holdsPlace;
    return progress.holdsPlace;
  }

  /** For an evacuation that is in progress already, with or without a free permit. */
  take(progress: Progress): void {
    if (!progress.holdsPlace) this.#permits.take(this.#source);
    progress.holdsPlace = true;
  }

  release(progress: Progress): void {
    if (progress.holdsPlace) this.#permits.give(this.#source);
    progress.holdsPlace = false;
  }
}
