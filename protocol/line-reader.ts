/** Cuts a stream of bytes into lines of bounded length that are UTF-8, for peers that must keep to both. */
import { isUtf8 } from 'node:buffer';
import { type Line, Lines } from './lines.ts';

export type LineEvent = { readonly line: string } | { readonly fault: 'too long' | 'not UTF-8' };

export class LineReader {
  readonly #lines: Lines;
  #read: Line[] = [];

  constructor(maxBytes: number) {
    this.#lines = new Lines(maxBytes, (line) => this.#read.push(line));
  }

  /** Bytes of a line that has not ended yet. */
  get pending(): number {
    return this.#lines.pending;
  }

  /** Adds received bytes; after `too long` the stream must be closed. Blank lines are skipped. */
  *take(chunk: Buffer): Generator<LineEvent> {
    this.#lines.take(chunk);
    const read = this.#read;
    this.#read = [];
    for (const { bytes, end } of read) {
      if (end === 'cut') {
        yield { fault: 'too long' };
        return;
      }
      // Invalid bytes are refused, not replaced: a changed name would be another name.
      if (!isUtf8(bytes)) yield { fault: 'not UTF-8' };
      else {
        const line = bytes.toString('utf8').trim();
        if (line !== '') yield { line };
      }
    }
  }
}
