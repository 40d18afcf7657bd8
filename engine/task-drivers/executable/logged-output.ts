/** The output of a program for the log. Invariant: it is limited in the number and length of lines. */

import { Lines } from '#protocol/lines.ts';
import { printableShort } from '#protocol/printable.ts';

export const MAX_LOGGED_LINES = 200;
const MAX_LINE = 2000;

export class LoggedOutput {
  readonly #log: (line: string) => void;
  readonly #lines: Lines;
  #count = 0;

  /** @param log gets one line without control characters */
  constructor(log: (line: string) => void) {
    this.#log = log;
    this.#lines = new Lines(MAX_LINE * 4, ({ bytes }) => this.log(bytes.toString('utf8')));
  }

  take(chunk: Buffer): void {
    this.#lines.take(chunk);
  }

  log(line: string): void {
    this.#count += 1;
    if (this.#count <= MAX_LOGGED_LINES) this.#log(printableShort(line, MAX_LINE));
  }

  /** Returns how many lines were not logged. */
  close(): number {
    this.#lines.end();
    return Math.max(0, this.#count - MAX_LOGGED_LINES);
  }
}
