/**
 * A connection to libvirtd, or to one of the daemons that took its place, over its unix socket.
 *
 * Invariants: every call ends, with its reply, with libvirt's error, when its time is up, or with the end of the connection;
 * once closed a connection stays closed, and `closed` says why; events are told in the order in which they arrived.
 */
import { connect, type Socket } from 'node:net';
import { Calls } from './calls.ts';
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
import { ConnectionLost, NoAnswer } from './errors.ts';
import { type DomainEvent, decodeEvent } from './events.ts';
import { Keepalive, type KeepaliveTimes } from './keepalive.ts';
import { encodeMessage, type Message, MessageReader } from './message.ts';
import { type XdrReader, XdrWriter } from './xdr.ts';

const CALL_TIMEOUT_MS = 10_000;

export type Access = 'read-only' | 'read-write';

export interface ConnectionSettings {
  /** Of the driver, e.g. qemu:///system. */
  readonly uri: string;
  readonly access: Access;
  readonly callTimeoutMs?: number;
  /** Without it nothing but a call finds out that libvirtd is silent. Pings of libvirtd are answered in any case. */
  readonly keepalive?: KeepaliveTimes;
  /** Is told of what `subscribe` asked for. */
  readonly tell?: (event: DomainEvent) => void;
  /** Closes the connection, also while it is being opened. */
  readonly signal?: AbortSignal;
}

export interface CallTerms {
  /** `REMOTE_PROGRAM` unless it is said. */
  readonly program?: number;
  readonly timeoutMs?: number;
  /**
   * What a call without an answer costs. `connection`, unless it is said: nothing is known of what the other calls will get,
   * so all of it begins anew. `call`: it waits for a guest or for its QEMU, and libvirt answers others all the same.
   */
  readonly lateCosts?: 'connection' | 'call';
  readonly signal?: AbortSignal | undefined;
}

export class LibvirtConnection {
  readonly #socket: Socket;
  readonly #path: string;
  readonly #settings: ConnectionSettings;
  readonly #reader = new MessageReader();
  readonly #calls = new Calls();
  readonly #closing = Promise.withResolvers<Error>();
  readonly #onAbort = (): void => this.close();
  #keepalive: Keepalive | undefined;
  #end: Error | undefined;

  /** Connects, and opens the driver. Throws `ConnectionLost` or `LibvirtRefusal`; nothing stays open then. */
  static async open(path: string, settings: ConnectionSettings): Promise<LibvirtConnection> {
    const connection = new LibvirtConnection(path, settings);
    try {
      await connection.#begin();
      return connection;
    } catch (error) {
      connection.close();
      throw error;
    }
  }

  private constructor(path: string, settings: ConnectionSettings) {
    this.#path = path;
    this.#settings = settings;
    this.#socket = connect({ path });
    this.#socket.on('data', (chunk: Buffer) => this.#receive(chunk));
    this.#socket.on('error', (error) => this.#finish(this.#socketError(error)));
    this.#socket.on('close', () => this.#finish(new ConnectionLost(`libvirtd closed the connection on ${path}.`)));
    settings.signal?.addEventListener('abort', this.#onAbort, { once: true });
    if (settings.signal?.aborted) this.close();
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

  /**
   * One call; resolves with what follows the header of the reply.
   * Throws `LibvirtRefusal`, `ConnectionLost`, or `NoAnswer`: then libvirt may still be at work on it.
   */
  async call(procedure: number, body?: Buffer, terms: CallTerms = {}): Promise<XdrReader> {
    if (this.#end) throw this.#end;
    const { program = REMOTE_PROGRAM, lateCosts = 'connection', signal } = terms;
    const timeoutMs = terms.timeoutMs ?? this.#settings.callTimeoutMs ?? CALL_TIMEOUT_MS;
    const onLate = (): Error => {
      const text = `libvirtd on ${this.#path} did not answer call ${procedure} within ${timeoutMs / 1000} s.`;
      if (lateCosts === 'call') return new NoAnswer(text);
      const reason = new ConnectionLost(text);
      this.#finish(reason);
      return reason;
    };
    const { call } = MESSAGE_TYPE;
    const send = (serial: number): void => this.#send({ program, procedure, type: call, serial, body });
    return this.#calls.make(send, { timeoutMs, onLate, signal });
  }

  /** Asks for every kind of event that is known here. */
  async subscribe(): Promise<void> {
    for (const { id } of Object.values(EVENTS)) {
      // A null pointer instead of a domain: of all domains.
      await this.call(PROCEDURE.registerEvent, new XdrWriter().int(id).uint(0).bytes());
    }
  }

  async #begin(): Promise<void> {
    const { uri, access, keepalive } = this.#settings;
    const offered = (await this.call(PROCEDURE.authList)).list(20, (reader) => reader.int());
    if (!offered.includes(AUTH.none)) {
      const wanted = offered.includes(AUTH.polkit) ? 'polkit' : `type ${offered.join(', ')}`;
      const option = access === 'read-only' ? 'auth_unix_ro' : 'auth_unix_rw';
      throw new ConnectionLost(
        `libvirtd on ${this.#path} wants authentication (${wanted}). Run the monitor as root, or set ${option} = "none" ` +
          'and the group of the socket in libvirtd.conf.',
      );
    }
    const flags = access === 'read-only' ? CONNECT_READ_ONLY : 0;
    await this.call(PROCEDURE.open, new XdrWriter().optionalText(uri).uint(flags).bytes());
    if (keepalive) await this.#keepAlive(keepalive);
  }

  async #keepAlive(times: KeepaliveTimes): Promise<void> {
    const feature = new XdrWriter().int(FEATURE_PROGRAM_KEEPALIVE).bytes();
    const isKnown = (await this.call(PROCEDURE.supportsFeature, feature)).int() !== 0;
    if (!isKnown || !this.isOpen) return;
    const ping = { program: KEEPALIVE_PROGRAM, procedure: KEEPALIVE.ping, type: MESSAGE_TYPE.message, serial: 0 };
    this.#keepalive = new Keepalive(
      times,
      () => this.#send(ping),
      (unanswered) => {
        const message = `libvirtd on ${this.#path} left ${unanswered} keepalive messages unanswered.`;
        this.#finish(new ConnectionLost(message));
      },
    );
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
    this.#keepalive?.heard();
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
    const { program, procedure, type } = message;
    if (program === KEEPALIVE_PROGRAM) {
      if (procedure === KEEPALIVE.ping) {
        this.#send({ program, procedure: KEEPALIVE.pong, type: MESSAGE_TYPE.message, serial: 0 });
      }
    } else if (type === MESSAGE_TYPE.reply) {
      this.#calls.answer(message);
    } else if (type === MESSAGE_TYPE.message && program === REMOTE_PROGRAM) {
      const event = decodeEvent(message);
      if (event) this.#settings.tell?.(event);
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
    this.#keepalive?.stop();
    this.#settings.signal?.removeEventListener('abort', this.#onAbort);
    this.#socket.destroy();
    this.#calls.endAll(reason);
    this.#closing.resolve(reason);
  }
}
