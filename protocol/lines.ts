/** Cuts a stream of bytes into lines of bounded length. */

export type LineEvent = { readonly line: string } | { readonly tooLong: true };

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

  /** Takes what arrived; after `tooLong` the stream is to be closed. */
  *take(chunk: Buffer): Generator<LineEvent> {
    let rest = chunk;
    for (;;) {
      const end = rest.indexOf(0x0a);
      const part = end < 0 ? rest : rest.subarray(0, end);
      this.#size += part.length;
      if (this.#size > this.#maxBytes) {
        this.#parts = [];
        yield { tooLong: true };
        return;
      }
      this.#parts.push(part);
      if (end < 0) return;
      const line = Buffer.concat(this.#parts).toString('utf8').trimEnd();
      this.#parts = [];
      this.#size = 0;
      rest = rest.subarray(end + 1);
      if (line !== '') yield { line };
    }
  }
}
