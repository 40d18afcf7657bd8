/** How much may be going on at once, over all recoveries of the engine. */

/** A number of places; those who wait get one in the order they came. */
export class Budget {
  readonly #places: number;
  #free: number;
  readonly #waiting: (() => void)[] = [];

  constructor(places: number) {
    this.#places = places;
    this.#free = places;
  }

  /** Takes a place if one is free. */
  tryTake(): boolean {
    if (this.#free <= 0) return false;
    this.#free -= 1;
    return true;
  }

  /** Takes a place if more than half of them are free: for what is not urgent. */
  tryTakeSpare(): boolean {
    return this.#free > this.#places / 2 && this.tryTake();
  }

  /** Takes a place even if none is free: for what is going on already, e.g. an evacuation found running on resume. */
  take(): void {
    this.#free -= 1;
  }

  give(): void {
    this.#free += 1;
    while (this.#free > 0) {
      const next = this.#waiting.shift();
      if (!next) return;
      this.#free -= 1;
      next();
    }
  }

  /** Runs `work` in a place, waiting for one; rejects with the signal's reason when aborted before. */
  async run<T>(work: () => Promise<T>, signal: AbortSignal): Promise<T> {
    if (!this.tryTake()) {
      await new Promise<void>((resolve, reject) => {
        const enter = (): void => {
          signal.removeEventListener('abort', leave);
          resolve();
        };
        const leave = (): void => {
          const place = this.#waiting.indexOf(enter);
          if (place >= 0) this.#waiting.splice(place, 1);
          reject(signal.reason);
        };
        signal.addEventListener('abort', leave, { once: true });
        this.#waiting.push(enter);
      });
    }
    try {
      return await work();
    } finally {
      this.give();
    }
  }
}

export interface Budgets {
  /** Evacuation requests on their way to the cloud (`host_failure_recovery_threads`). */
  readonly requests: Budget;
  /** Evacuations, and migrations home, asked for and not yet arrived (`max_evacuations_in_flight`). */
  readonly evacuations: Budget;
}
