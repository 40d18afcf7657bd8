/**
 * Messages of libvirt's RPC: a length, a header of six words, a body.
 *
 * Invariant: a message longer than libvirt itself would send is refused by its length alone, and at most one such message
 * is held.
 */
import { MalformedReply } from './xdr.ts';

/** VIR_NET_MESSAGE_MAX + VIR_NET_MESSAGE_LEN_MAX of virnetprotocol.x. */
export const MAX_MESSAGE_BYTES = 33_554_432 + 4;
/** The length and six words. */
export const HEADER_BYTES = 28;

export interface Header {
  readonly program: number;
  readonly version: number;
  readonly procedure: number;
  readonly type: number;
  readonly serial: number;
  readonly status: number;
}

export interface Message extends Header {
  readonly body: Buffer;
}

export function encodeMessage(header: Header, body: Buffer = Buffer.alloc(0)): Buffer {
  const { program, version, procedure, type, serial, status } = header;
  const bytes = Buffer.alloc(HEADER_BYTES + body.length);
  [bytes.length, program, version, procedure, type, serial, status].forEach((word, index) => {
    bytes.writeUInt32BE(word, index * 4);
  });
  body.copy(bytes, HEADER_BYTES);
  return bytes;
}

function decodeMessage(bytes: Buffer): Message {
  const word = (index: number): number => bytes.readUInt32BE(index * 4);
  return {
    program: word(1),
    version: word(2),
    procedure: word(3),
    type: word(4),
    serial: word(5),
    status: word(6),
    body: bytes.subarray(HEADER_BYTES),
  };
}

/** Cuts a stream into messages. */
export class MessageReader {
  #parts: Buffer[] = [];
  #size = 0;
  /** The length of the current message; unknown before its first four bytes have arrived. */
  #expected: number | undefined;

  /** Adds received bytes. Throws `MalformedReply` for bytes that cannot be a message; the stream must then be closed. */
  *take(chunk: Buffer): Generator<Message> {
    this.#parts.push(chunk);
    this.#size += chunk.length;
    while (this.#size >= (this.#expected ?? 4)) {
      const bytes = Buffer.concat(this.#parts);
      const expected = bytes.readUInt32BE(0);
      if (expected < HEADER_BYTES || expected > MAX_MESSAGE_BYTES) {
        throw new MalformedReply(`a message of ${expected} bytes is announced`);
      }
      const isWhole = bytes.length >= expected;
      const rest = isWhole ? bytes.subarray(expected) : bytes;
      this.#parts = rest.length > 0 ? [rest] : [];
      this.#size = rest.length;
      this.#expected = isWhole ? undefined : expected;
      if (isWhole) yield decodeMessage(bytes.subarray(0, expected));
    }
  }
}
