/** Lets no more than so many do something at the same time; the others wait in order. */
export class Turns {
  readonly #most: number;
  readonly #waiting: (() => void)[] = [];
  #taken = 0;

  constructor(most: number) {
    this.#most = most;
  }

  /** Throws, without a turn, when the signal is aborted by the time it comes. */
  async take<T>(act: () => Promise<T>, signal: AbortSignal): Promise<T> {
    if (this.#taken >= this.#most) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#waiting.push(resolve);
      await promise;
    } else {
      this.#taken += 1;
    }
    // Handed on by whoever ends, so the count stays.
    try {
      signal.throwIfAborted();
      return await act();
    } finally {
      const next = this.#waiting.shift();
      if (next) next();
      else this.#taken -= 1;
    }
  }
}
