/**
 * Progress of a program that may print a line a millisecond: each line would be a commit of the journal.
 *
 * Invariant: two lines that are passed on are at least `INTERVAL_MS` apart, and the last one is always passed on.
 */

/** Four a second are more than a user reads. */
export const INTERVAL_MS = 250;

type LogText = (message: string, progress?: number) => void;

export class MergedProgress {
  readonly #log: LogText;
  #message = 'At work';
  #progress: number | undefined;
  #isPending = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(log: LogText) {
    this.#log = log;
  }

  take(message: string | undefined, progress: number | undefined): void {
    this.#message = message ?? this.#message;
    this.#progress = progress ?? this.#progress;
    this.#isPending = true;
    if (!this.#timer) this.#pass();
  }

  /** The program has ended: the held line is passed on, and no more lines come. */
  end(): void {
    clearTimeout(this.#timer);
    if (this.#isPending) this.#log(this.#message, this.#progress);
    this.#isPending = false;
  }

  #pass(): void {
    this.#isPending = false;
    this.#log(this.#message, this.#progress);
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      if (this.#isPending) this.#pass();
    }, INTERVAL_MS);
  }
}
