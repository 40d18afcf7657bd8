/**
 * The limits of a call: its end, by timeout or by cancellation, and its urgency.
 *
 * Invariant: an ended deadline stays ended, and every waiter in `race` and every listener of `onEnd` is notified.
 */

/** Thrown if a deadline ends a wait. `cancelled` if it was the caller's signal. */
export class DeadlineEnded extends Error {
  override readonly name = 'DeadlineEnded';
}

/** Of two calls that wait for a permit, the recovery's is first. */
export type Urgency = 'recovery' | 'question';

export class Deadline {
  readonly #endsAt: number;
  readonly #timer: NodeJS.Timeout;
  readonly #signal: AbortSignal | undefined;
  readonly #listeners = new Set<() => void>();
  readonly ms: number;
  readonly urgency: Urgency;
  #ended = false;

  constructor(ms: number, signal?: AbortSignal, urgency: Urgency = 'recovery') {
    this.ms = ms;
    this.urgency = urgency;
    this.#signal = signal;
    this.#endsAt = performance.now() + ms;
    this.#timer = setTimeout(this.#end, ms);
    if (signal?.aborted) this.#end();
    else signal?.addEventListener('abort', this.#end, { once: true });
  }

  get ended(): boolean {
    return this.#ended || this.remainingMs() <= 0;
  }

  remainingMs(): number {
    return this.#endsAt - performance.now();
  }

  /** Whether the caller's signal is aborted; then `reason` is the signal's. */
  get cancelled(): boolean {
    return this.#signal?.aborted ?? false;
  }

  get reason(): unknown {
    return this.#signal?.reason;
  }

  /** Calls `listener` at the end; the returned function removes it. An ended deadline calls at once. */
  onEnd(listener: () => void): () => void {
    if (this.#ended) listener();
    else this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** The outcome of `work`, or `DeadlineEnded` if the end comes first; `work` itself continues. */
  async race<T>(work: Promise<T>): Promise<T> {
    let forget = () => {};
    const end = new Promise<never>((_, reject) => {
      forget = this.onEnd(() => reject(new DeadlineEnded(this.explanation())));
    });
    try {
      return await Promise.race([work, end]);
    } finally {
      forget();
    }
  }

  explanation(): string {
    return this.cancelled ? 'the call was cancelled' : `no response within ${this.ms / 1000} s`;
  }

  /** Must be called when the call is over: it stops the timer and releases the caller's signal. */
  close(): void {
    clearTimeout(this.#timer);
    this.#signal?.removeEventListener('abort', this.#end);
    this.#listeners.clear();
  }

  readonly #end = (): void => {
    this.#ended = true;
    for (const listener of [...this.#listeners]) listener();
    this.#listeners.clear();
  };
}
