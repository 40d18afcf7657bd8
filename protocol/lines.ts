/**
 * The lines of a stream with an unknown line length.
 *
 * Invariant: no more than one line of `lineBytes` is kept in memory, for any input.
 */

export interface Line {
  readonly bytes: Buffer;
  /** `cut`: it was longer; the rest of it is dropped. */
  readonly end: 'whole' | 'cut';
}

const NEWLINE = 0x0a;

export class Lines {
  readonly #lineBytes: number;
  readonly #onLine: (line: Line) => void;
  #pieces: Buffer[] = [];
  #length = 0;
  /** Within the rest of a line that was cut. */
  #isDropping = false;

  constructor(lineBytes: number, onLine: (line: Line) => void) {
    this.#lineBytes = lineBytes;
    this.#onLine = onLine;
  }

  /** Bytes of a line that has not ended yet. */
  get pending(): number {
    return this.#length;
  }

  take(chunk: Buffer): void {
    let from = 0;
    for (;;) {
      const newline = chunk.indexOf(NEWLINE, from);
      this.#add(chunk.subarray(from, newline === -1 ? chunk.length : newline));
      if (newline === -1) return;
      if (!this.#isDropping) this.#give('whole');
      this.#isDropping = false;
      from = newline + 1;
    }
  }

  /** The stream is at its end: a rest without a newline is a line too. */
  end(): void {
    if (!this.#isDropping && this.#length > 0) this.#give('whole');
  }

  #add(piece: Buffer): void {
    if (this.#isDropping || piece.length === 0) return;
    const free = this.#lineBytes - this.#length;
    this.#pieces.push(piece.length > free ? piece.subarray(0, free) : piece);
    this.#length += piece.length;
    if (piece.length <= free) return;
    this.#give('cut');
    this.#isDropping = true;
  }

  #give(end: Line['end']): void {
    const bytes = Buffer.concat(this.#pieces);
    this.#pieces = [];
    this.#length = 0;
    this.#onLine({ bytes, end });
  }
}
