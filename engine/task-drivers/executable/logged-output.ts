/** What a program says that is meant for the log. Invariant: no more than so many lines of so many characters. */
import { Lines } from './lines.ts';
import { plain } from './plain-text.ts';

export const MAX_LOGGED_LINES = 200;
const MAX_LINE = 2000;

export class Spoken {
  readonly #log: (line: string) => void;
  readonly #lines: Lines;
  #count = 0;

  /** @param log gets one line without control characters */
  constructor(log: (line: string) => void) {
    this.#log = log;
    this.#lines = new Lines(MAX_LINE * 4, ({ text }) => this.say(text));
  }

  take(chunk: Buffer): void {
    this.#lines.take(chunk);
  }

  say(line: string): void {
    this.#count += 1;
    if (this.#count <= MAX_LOGGED_LINES) this.#log(plain(line, MAX_LINE));
  }

  /** Returns how many lines were not logged. */
  close(): number {
    this.#lines.end();
    return Math.max(0, this.#count - MAX_LOGGED_LINES);
  }
}
