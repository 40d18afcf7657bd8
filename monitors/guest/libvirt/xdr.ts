/**
 * XDR (RFC 4506), as far as libvirt's calls need it.
 *
 * Invariant: a reader never looks beyond its message, and no text is longer than libvirt's own limit.
 */

/** REMOTE_STRING_MAX of libvirt's remote_protocol.x. */
const MAX_TEXT_BYTES = 4 * 1024 * 1024;

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value >>> 0);
  return bytes;
}

function padding(length: number): number {
  return (4 - (length % 4)) % 4;
}

/** An unsigned or a negative 32-bit integer. */
export const int = uint32;

export function textOf(value: string): Buffer {
  const bytes = Buffer.from(value);
  return Buffer.concat([uint32(bytes.length), bytes, Buffer.alloc(padding(bytes.length))]);
}

export function optionalText(value: string): Buffer {
  return Buffer.concat([uint32(1), textOf(value)]);
}

export class XdrReader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  int(): number {
    return this.#take(4).readInt32BE();
  }

  uint(): number {
    return this.#take(4).readUInt32BE();
  }

  /** A 64-bit integer; milliseconds and counts stay exact far below 2^53. */
  hyper(): number {
    return Number(this.#take(8).readBigUInt64BE());
  }

  fixed(length: number): Buffer {
    return this.#take(length + padding(length)).subarray(0, length);
  }

  text(): string {
    const length = this.uint();
    if (length > MAX_TEXT_BYTES) throw new Error(`libvirt sent a text of ${length} bytes`);
    return this.fixed(length).toString('utf8');
  }

  optionalText(): string | undefined {
    return this.uint() === 0 ? undefined : this.text();
  }

  #take(length: number): Buffer {
    const end = this.#at + length;
    if (end > this.#bytes.length) throw new Error('libvirt sent a message that ends too early');
    const part = this.#bytes.subarray(this.#at, end);
    this.#at = end;
    return part;
  }
}
