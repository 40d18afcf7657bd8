/**
 * A read-only connection to libvirtd over its unix socket.
 *
 * Invariants: every call ends, with its reply, with libvirt's error, or with the end of the connection, which comes at the
 * latest when a call took too long or the keepalive went unanswered; once closed a connection stays closed, and `closed`
 * says why; events are told in the order in which they arrived.
 */
import { connect, type Socket } from 'node:net';
import {
  AUTH,
  CONNECT_READ_ONLY,
  EVENTS,
  FEATURE_PROGRAM_KEEPALIVE,
  KEEPALIVE,
  KEEPALIVE_PROGRAM,
  MESSAGE_STATUS,
  MESSAGE_TYPE,
  PROCEDURE,
  PROTOCOL_VERSION,
  REMOTE_PROGRAM,
} from './constants.ts';
import { type DomainEvent, decodeEvent } from './events.ts';
import { encodeMessage, type Message, MessageReader } from './message.ts';
import { XdrReader, XdrWriter } from './xdr.ts';

export interface ConnectionTimes {
  readonly callTimeoutMs: number;
  /** Pause between two pings, and how many may go unanswered: virConnectSetKeepAlive(5, 3), as in Masakari. */
  readonly keepaliveMs: number;
  readonly keepaliveCount: number;
}

export const CONNECTION_TIMES: ConnectionTimes = { callTimeoutMs: 10_000, keepaliveMs: 5000, keepaliveCount: 3 };

/** libvirt refused a call; the connection goes on. */
export class LibvirtRefusal extends Error {
  override readonly name = 'LibvirtRefusal';
  /** virErrorNumber */
  readonly code: number;

  constructor(code: number, message: string) {
    super(`libvirt says: ${message.slice(0, 500)}`);
    this.code = code;
  }
}

/** The connection could not be made, or is over. */
export class ConnectionLost extends Error {
  override readonly name = 'ConnectionLost';
}

interface Call {
  readonly resolve: (reader: XdrReader) => void;
  readonly reject: (error: Error) => void;
  readonly timer: NodeJS.Timeout;
}

export class LibvirtConnection {
  readonly #socket: Socket;
  readonly #path: string;
  readonly #times: ConnectionTimes;
  readonly #tell: (event: DomainEvent) => void;
  readonly #reader = new MessageReader();
  readonly #calls = new Map<number, Call>();
  readonly #closing = Promise.withResolvers<Error>();
  #serial = 0;
  #unanswered = 0;
  #keepalive: NodeJS.Timeout | undefined;
  #end: Error | undefined;

  /** Connects, and opens the driver. Throws `ConnectionLost` or `LibvirtRefusal`; nothing stays open then. */
  static async open(
    path: string,
    uri: string,
    tell: (event: DomainEvent) => void,
    times: ConnectionTimes = CONNECTION_TIMES,
  ): Promise<LibvirtConnection> {
    const connection = new LibvirtConnection(path, tell, times);
    try {
      await connection.#begin(uri);
      return connection;
    } catch (error) {
      connection.close();
      throw error;
    }
  }

  private constructor(path: string, tell: (event: DomainEvent) => void, times: ConnectionTimes) {
    this.#path = path;
    this.#tell = tell;
    this.#times = times;
    this.#socket = connect({ path });
    this.#socket.on('data', (chunk: Buffer) => this.#receive(chunk));
    this.#socket.on('error', (error) => this.#finish(this.#socketError(error)));
    this.#socket.on('close', () => this.#finish(new ConnectionLost(`libvirtd closed the connection on ${path}.`)));
  }

  /** Resolves with the reason when the connection is over. */
  get closed(): Promise<Error> {
    return this.#closing.promise;
  }

  get isOpen(): boolean {
    return this.#end === undefined;
  }

  close(): void {
    this.#finish(new ConnectionLost(`The connection on ${this.#path} was closed.`));
  }

  /** One call; resolves with what follows the header of the reply. */
  call(procedure: number, body?: Buffer): Promise<XdrReader> {
    if (this.#end) return Promise.reject(this.#end);
    this.#serial += 1;
    const serial = this.#serial;
    const { promise, resolve, reject } = Promise.withResolvers<XdrReader>();
    const late = (): void => {
      // Without an answer nothing is known of what the other calls will get: begin anew.
      const seconds = this.#times.callTimeoutMs / 1000;
      this.#finish(
        new ConnectionLost(`libvirtd on ${this.#path} did not answer call ${procedure} within ${seconds} s.`),
      );
    };
    this.#calls.set(serial, { resolve, reject, timer: setTimeout(late, this.#times.callTimeoutMs) });
    const { call } = MESSAGE_TYPE;
    this.#send({ program: REMOTE_PROGRAM, procedure, type: call, serial, body });
    return promise;
  }

  /** Asks for every kind of event that the monitor knows. */
  async subscribe(): Promise<void> {
    for (const { id } of Object.values(EVENTS)) {
      // A null pointer instead of a domain: of all domains.
      await this.call(PROCEDURE.registerEvent, new XdrWriter().int(id).uint(0).bytes());
    }
  }

  async #begin(uri: string): Promise<void> {
    const offered = (await this.call(PROCEDURE.authList)).list(20, (reader) => reader.int());
    if (!offered.includes(AUTH.none)) {
      const wanted = offered.includes(AUTH.polkit) ? 'polkit' : `type ${offered.join(', ')}`;
      throw new ConnectionLost(
        `libvirtd on ${this.#path} wants authentication (${wanted}). Run the monitor as root, or set auth_unix_ro = "none" ` +
          'and the group of the socket in libvirtd.conf.',
      );
    }
    await this.call(PROCEDURE.open, new XdrWriter().optionalText(uri).uint(CONNECT_READ_ONLY).bytes());
    const feature = new XdrWriter().int(FEATURE_PROGRAM_KEEPALIVE).bytes();
    const hasKeepalive = (await this.call(PROCEDURE.supportsFeature, feature)).int() !== 0;
    if (hasKeepalive && this.isOpen) this.#keepalive = setInterval(() => this.#ping(), this.#times.keepaliveMs);
  }

  #ping(): void {
    if (this.#unanswered >= this.#times.keepaliveCount) {
      const message = `libvirtd on ${this.#path} left ${this.#unanswered} keepalive messages unanswered.`;
      this.#finish(new ConnectionLost(message));
      return;
    }
    this.#unanswered += 1;
    this.#send({ program: KEEPALIVE_PROGRAM, procedure: KEEPALIVE.ping, type: MESSAGE_TYPE.message, serial: 0 });
  }

  #send(message: {
    program: number;
    procedure: number;
    type: number;
    serial: number;
    body?: Buffer | undefined;
  }): void {
    const { body, ...header } = message;
    this.#socket.write(encodeMessage({ ...header, version: PROTOCOL_VERSION, status: MESSAGE_STATUS.ok }, body));
  }

  #receive(chunk: Buffer): void {
    this.#unanswered = 0;
    try {
      for (const message of this.#reader.take(chunk)) {
        if (this.#end) return;
        this.#handle(message);
      }
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      const text = `What came from libvirtd on ${this.#path} is not its protocol: ${reason}.`;
      this.#finish(new ConnectionLost(text, { cause: error }));
    }
  }

  #handle(message: Message): void {
    const { program, procedure, type, serial, status, body } = message;
    if (program === KEEPALIVE_PROGRAM) {
      if (procedure === KEEPALIVE.ping) {
        this.#send({ program, procedure: KEEPALIVE.pong, type: MESSAGE_TYPE.message, serial: 0 });
      }
      return;
    }
    if (program !== REMOTE_PROGRAM) return;
    if (type === MESSAGE_TYPE.message) {
      const event = decodeEvent(message);
      if (event) this.#tell(event);
      return;
    }
    const call = type === MESSAGE_TYPE.reply ? this.#calls.get(serial) : undefined;
    if (!call) return;
    this.#calls.delete(serial);
    clearTimeout(call.timer);
    const reader = new XdrReader(body);
    if (status === MESSAGE_STATUS.ok) {
      call.resolve(reader);
      return;
    }
    try {
      const code = reader.int();
      reader.int(); // the part of libvirt that speaks
      call.reject(new LibvirtRefusal(code, reader.optionalText() ?? `error ${code}`));
    } catch (error) {
      call.reject(new ConnectionLost('libvirtd refused a call without saying why.', { cause: error }));
    }
  }

  #socketError(error: NodeJS.ErrnoException): ConnectionLost {
    const hints: Readonly<Record<string, string>> = {
      ENOENT: 'there is no such socket; is libvirtd installed and started?',
      ECONNREFUSED: 'nobody listens; is libvirtd started?',
      EACCES: 'this user may not open it; run the monitor as root or in the group of the socket.',
    };
    const hint = hints[error.code ?? ''] ?? error.message;
    return new ConnectionLost(`libvirtd cannot be reached on ${this.#path}: ${hint}`, { cause: error });
  }

  #finish(reason: Error): void {
    if (this.#end) return;
    this.#end = reason;
    clearInterval(this.#keepalive);
    this.#socket.destroy();
    for (const { reject, timer } of this.#calls.values()) {
      clearTimeout(timer);
      reject(reason);
    }
    this.#calls.clear();
    this.#closing.resolve(reason);
  }
}
