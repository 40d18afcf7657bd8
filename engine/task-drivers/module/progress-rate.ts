/** Limits the rate of lines of progress: of those that come too soon after another only the latest is kept, and is sent later. */

export class Pace<T> {
  readonly #send: (line: T) => void;
  readonly #gapMs: number;
  /** ms, of any clock that does not jump. */
  readonly #now: () => number;
  #lastAt = Number.NEGATIVE_INFINITY;
  #held: { readonly line: T } | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(send: (line: T) => void, gapMs: number, now: () => number = () => performance.now()) {
    this.#send = send;
    this.#gapMs = gapMs;
    this.#now = now;
  }

  report(line: T): void {
    this.#held = { line };
    const wait = this.#lastAt + this.#gapMs - this.#now();
    if (wait <= 0) this.flush();
    else this.#timer ??= setTimeout(() => this.flush(), wait);
  }

  /** Sends what is held, at once. */
  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const held = this.#held;
    if (!held) return;
    this.#held = undefined;
    this.#lastAt = this.#now();
    this.#send(held.line);
  }
}
