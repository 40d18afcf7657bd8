/**
 * A connection to libvirtd or virtqemud: calls and their answers (libvirt's virnetprotocol.x and remote_protocol.x).
 *
 * Invariants: every call ends within its time, with an answer or an error; a message is bounded; a connection that has
 * failed once fails for ever, so its owner opens another.
 */
import { connect, type Socket } from 'node:net';
import { int, optionalText, XdrReader } from './xdr.ts';

export const REMOTE_PROGRAM = 0x20008086;
export const QEMU_PROGRAM = 0x20008087;
const KEEPALIVE_PROGRAM = 0x6b656570;
const KEEPALIVE_PONG = 2;

const HEADER_BYTES = 28;
/** VIR_NET_MESSAGE_MAX of libvirt is 32 MiB; what is asked here, the XML of one domain, is some kilobytes. */
const MAX_MESSAGE_BYTES = 8 * 1024 * 1024;
const VERSION = 1;
const CALL = 0;
const REPLY = 1;
const MESSAGE = 2;
const OK = 0;
const AUTH_LIST = 66;
const OPEN = 1;
const NO_AUTHENTICATION = 0;
const OPEN_TIMEOUT_MS = 10_000;

/** libvirt answered with an error: it was reached. */
export class LibvirtRefusal extends Error {
  override readonly name = 'LibvirtRefusal';
  /** virErrorNumber. */
  readonly code: number;

  constructor(code: number, message: string) {
    super(message);
    this.code = code;
  }
}

/** No answer: the connection is lost, or the time was up. */
export class LibvirtSilence extends Error {
  override readonly name = 'LibvirtSilence';
}

export type Access = 'read-only' | 'read-write';

interface Pending {
  readonly resolve: (answer: XdrReader) => void;
  readonly reject: (error: Error) => void;
}

export class LibvirtConnection {
  readonly #path: string;
  readonly #socket: Socket;
  readonly #pending = new Map<number, Pending>();
  #bytes: Buffer = Buffer.alloc(0);
  #serial = 0;
  #lost: LibvirtSilence | undefined;

  /** Connects and opens the driver. Needs root, or whatever libvirtd lets in without asking polkit. */
  static async open(path: string, uri: string, access: Access): Promise<LibvirtConnection> {
    const connection = new LibvirtConnection(path);
    try {
      const types = await connection.call(REMOTE_PROGRAM, AUTH_LIST, [], OPEN_TIMEOUT_MS);
      const offered = Array.from({ length: Math.min(types.uint(), 16) }, () => types.int());
      if (!offered.includes(NO_AUTHENTICATION)) {
        throw new Error(`libvirt on ${path} wants this user to authenticate; run the monitor as root`);
      }
      const flags = access === 'read-only' ? 1 : 0;
      await connection.call(REMOTE_PROGRAM, OPEN, [optionalText(uri), int(flags)], OPEN_TIMEOUT_MS);
      return connection;
    } catch (error) {
      connection.close();
      throw error;
    }
  }

  private constructor(path: string) {
    this.#path = path;
    this.#socket = connect({ path });
    this.#socket.on('error', (error) => this.#lose(`libvirt on ${path} cannot be reached: ${error.message}`, error));
    this.#socket.on('close', () => this.#lose(`libvirt on ${path} closed the connection`));
    this.#socket.on('data', (chunk: Buffer) => this.#read(chunk));
  }

  get isLost(): boolean {
    return this.#lost !== undefined;
  }

  /** Throws `LibvirtRefusal` or `LibvirtSilence`. A call whose time is up may still be at work in libvirt. */
  async call(
    program: number,
    procedure: number,
    words: readonly Buffer[],
    timeoutMs: number,
    signal?: AbortSignal,
  ): Promise<XdrReader> {
    signal?.throwIfAborted();
    if (this.#lost) throw this.#lost;
    this.#serial += 1;
    const serial = this.#serial;
    const { promise, resolve, reject } = Promise.withResolvers<XdrReader>();
    this.#pending.set(serial, { resolve, reject });
    const late = `libvirt on ${this.#path} did not answer call ${procedure} within ${timeoutMs / 1000} s`;
    const timer = setTimeout(() => reject(new LibvirtSilence(late)), timeoutMs);
    const stop = () => reject(new LibvirtSilence('the monitor ends', { cause: signal?.reason }));
    signal?.addEventListener('abort', stop, { once: true });
    try {
      this.#send(program, procedure, CALL, serial, Buffer.concat(words));
      return await promise;
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener('abort', stop);
      this.#pending.delete(serial);
    }
  }

  close(): void {
    this.#lose('the connection to libvirt was closed here');
  }

  #send(program: number, procedure: number, type: number, serial: number, payload: Buffer): void {
    const words = [HEADER_BYTES + payload.length, program, VERSION, procedure, type, serial, OK];
    this.#socket.write(Buffer.concat([...words.map(int), payload]));
  }

  #read(chunk: Buffer): void {
    this.#bytes = this.#bytes.length === 0 ? chunk : Buffer.concat([this.#bytes, chunk]);
    while (this.#lost === undefined && this.#bytes.length >= 4) {
      const length = this.#bytes.readUInt32BE(0);
      if (length < HEADER_BYTES || length > MAX_MESSAGE_BYTES) {
        this.#lose(`libvirt on ${this.#path} sent a message of ${length} bytes`);
        return;
      }
      if (this.#bytes.length < length) return;
      const message = this.#bytes.subarray(0, length);
      this.#bytes = this.#bytes.subarray(length);
      this.#take(message);
    }
  }

  #take(message: Buffer): void {
    const header = new XdrReader(message.subarray(4, HEADER_BYTES));
    const program = header.uint();
    header.uint();
    const procedure = header.uint();
    const type = header.uint();
    const serial = header.uint();
    const status = header.uint();
    if (program === KEEPALIVE_PROGRAM) {
      if (procedure !== KEEPALIVE_PONG) this.#send(KEEPALIVE_PROGRAM, KEEPALIVE_PONG, MESSAGE, 0, Buffer.alloc(0));
      return;
    }
    const pending = type === REPLY ? this.#pending.get(serial) : undefined;
    if (pending === undefined) return;
    const body = new XdrReader(message.subarray(HEADER_BYTES));
    if (status === OK) pending.resolve(body);
    else pending.reject(refusalIn(body));
  }

  #lose(reason: string, cause?: Error): void {
    if (this.#lost) return;
    this.#lost = new LibvirtSilence(reason, { cause });
    this.#socket.destroy();
    this.#bytes = Buffer.alloc(0);
    for (const { reject } of this.#pending.values()) reject(this.#lost);
  }
}

/** virNetMessageError begins with the code, the part of libvirt it comes from, and the text. */
function refusalIn(body: XdrReader): Error {
  try {
    const code = body.int();
    body.int();
    return new LibvirtRefusal(code, body.optionalText() ?? 'libvirt refused without a word');
  } catch (error) {
    return new LibvirtSilence('libvirt sent an error that cannot be read', { cause: error });
  }
}
