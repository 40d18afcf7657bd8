/** A token bucket: a limit at once, and a limit in a time. Pure except for its own count. */
export interface Rate {
  readonly burst: number;
  /** That many come back in `perMs`. */
  readonly refill: number;
  readonly perMs: number;
}

export class Bucket {
  readonly #rate: Rate;
  #left: number;
  #at: number;

  constructor(rate: Rate, now: number) {
    this.#rate = rate;
    this.#left = rate.burst;
    this.#at = now;
  }

  /** Time until a token is available, in ms; 0: one is available. */
  wait(now: number): number {
    this.#fill(now);
    return this.#left >= 1 ? 0 : Math.ceil(((1 - this.#left) * this.#rate.perMs) / this.#rate.refill);
  }

  take(now: number): void {
    this.#fill(now);
    this.#left -= 1;
  }

  /** No token was taken for so long that the bucket is full again. */
  isFull(now: number): boolean {
    this.#fill(now);
    return this.#left >= this.#rate.burst;
  }

  #fill(now: number): void {
    const { burst, refill, perMs } = this.#rate;
    this.#left = Math.min(burst, this.#left + (Math.max(0, now - this.#at) * refill) / perMs);
    this.#at = now;
  }
}
