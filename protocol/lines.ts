/** Cuts a stream of bytes into lines of bounded length. */
import { isUtf8 } from 'node:buffer';

export type LineEvent = { readonly line: string } | { readonly fault: 'too long' | 'not UTF-8' };

export class LineReader {
  readonly #maxBytes: number;
  #parts: Buffer[] = [];
  #size = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Bytes of a line that has not ended yet. */
  get pending(): number {
    return this.#size;
  }

  /** Takes what arrived; after `too long` the stream is to be closed. Blank lines are left out. */
  *take(chunk: Buffer): Generator<LineEvent> {
    let rest = chunk;
    for (;;) {
      const end = rest.indexOf(0x0a);
      const part = end < 0 ? rest : rest.subarray(0, end);
      this.#size += part.length;
      if (this.#size > this.#maxBytes) {
        this.#parts = [];
        yield { fault: 'too long' };
        return;
      }
      if (part.length > 0) this.#parts.push(part);
      if (end < 0) return;
      const bytes = Buffer.concat(this.#parts);
      this.#parts = [];
      this.#size = 0;
      rest = rest.subarray(end + 1);
      // Never decoded by replacing: a name that was changed on the way would be another name.
      if (!isUtf8(bytes)) yield { fault: 'not UTF-8' };
      else {
        const line = bytes.toString('utf8').trim();
        if (line !== '') yield { line };
      }
    }
  }
}
