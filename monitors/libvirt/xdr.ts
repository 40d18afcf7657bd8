/**
 * XDR (RFC 4506), as far as libvirt's calls need it.
 *
 * Invariant: nothing is read past the end of the message, no length is used before it was compared with the remaining
 * bytes, and a text is at most as long as libvirt's own limits allow.
 */
import { isUtf8 } from 'node:buffer';

/** REMOTE_STRING_MAX of remote_protocol.x. */
const MAX_STRING_BYTES = 4 * 1024 * 1024;

/** The received bytes do not follow the protocol. */
export class MalformedReply extends Error {
  override readonly name = 'MalformedReply';
}

export class XdrWriter {
  readonly #parts: Buffer[] = [];

  uint(value: number): this {
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32BE(value);
    this.#parts.push(bytes);
    return this;
  }

  int(value: number): this {
    const bytes = Buffer.alloc(4);
    bytes.writeInt32BE(value);
    this.#parts.push(bytes);
    return this;
  }

  text(value: string): this {
    const bytes = Buffer.from(value, 'utf8');
    if (bytes.length > MAX_STRING_BYTES)
      throw new RangeError(`A text of ${bytes.length} bytes is too long for libvirt.`);
    this.uint(bytes.length);
    this.#parts.push(bytes, Buffer.alloc(-bytes.length & 3));
    return this;
  }

  /** A pointer to a text, which may be null. */
  optionalText(value: string | undefined): this {
    return value === undefined ? this.uint(0) : this.uint(1).text(value);
  }

  uuid(value: string): this {
    const bytes = Buffer.from(value.replaceAll('-', ''), 'hex');
    if (bytes.length !== 16) throw new RangeError(`"${value.slice(0, 60)}" is not a UUID.`);
    this.#parts.push(bytes);
    return this;
  }

  bytes(): Buffer {
    return Buffer.concat(this.#parts);
  }
}

export class XdrReader {
  readonly #bytes: Buffer;
  #offset = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get remaining(): number {
    return this.#bytes.length - this.#offset;
  }

  int(): number {
    return this.#bytes.readInt32BE(this.#take(4));
  }

  uint(): number {
    return this.#bytes.readUInt32BE(this.#take(4));
  }

  hyper(): bigint {
    return this.#bytes.readBigInt64BE(this.#take(8));
  }

  double(): number {
    return this.#bytes.readDoubleBE(this.#take(8));
  }

  text(): string {
    const length = this.uint();
    if (length > MAX_STRING_BYTES) throw new MalformedReply(`a text of ${length} bytes is announced`);
    const start = this.#take(length);
    this.#take(-length & 3);
    const bytes = this.#bytes.subarray(start, start + length);
    // Invalid bytes are refused, not replaced: a changed name would be another name.
    if (!isUtf8(bytes)) throw new MalformedReply('a text is not UTF-8');
    return bytes.toString('utf8');
  }

  optionalText(): string | undefined {
    return this.uint() === 0 ? undefined : this.text();
  }

  uuid(): string {
    const start = this.#take(16);
    return this.#bytes
      .toString('hex', start, start + 16)
      .replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
  }

  /** A list of at most `most` entries. */
  list<T>(most: number, entry: (reader: XdrReader) => T): T[] {
    const count = this.uint();
    // No entry is shorter than 4 bytes, so a longer list cannot follow.
    if (count > most || count * 4 > this.remaining) throw new MalformedReply(`a list of ${count} entries is announced`);
    return Array.from({ length: count }, () => entry(this));
  }

  /** Returns the start of the bytes. */
  #take(length: number): number {
    const start = this.#offset;
    if (length > this.remaining) throw new MalformedReply(`it ends after ${this.#bytes.length} bytes, too early`);
    this.#offset += length;
    return start;
  }
}
