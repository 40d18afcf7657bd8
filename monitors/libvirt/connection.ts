/**
 * A connection to libvirtd, or to one of the daemons that replace it, over its unix socket.
 *
 * Invariants: every call ends, with its reply, with libvirt's error, with its timeout, or with the end of the connection. A
 * closed connection stays closed, and `closed` has the reason. Events are reported in the order in which they arrived.
 */

import { connect, type Socket } from 'node:net';
import { errorMessage } from '#protocol/error-message.ts';
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
  /** Without it only a call detects that libvirtd does not respond. libvirtd's pings always get a response. */
  readonly keepalive?: KeepaliveTimes;
  /** Receives the events of `subscribe`. */
  readonly onEvent?: (event: DomainEvent) => void;
  /** Closes the connection, also while it is being opened. */
  readonly signal?: AbortSignal;
}

export interface CallTerms {
  /** `REMOTE_PROGRAM` by default. */
  readonly program?: number;
  readonly timeoutMs?: number;
  /**
   * The effect of a call without a reply. `connection` (default): the state of the other calls is unknown, so the connection
   * is reopened. `call`: the call waits for a guest or for its QEMU, and libvirt still responds to other calls.
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
   * One call; resolves with the data after the header of the reply.
   * Throws `LibvirtRefusal`, `ConnectionLost`, or `NoAnswer`: then libvirt may still be processing it.
   */
  async call(procedure: number, body?: Buffer, terms: CallTerms = {}): Promise<XdrReader> {
    if (this.#end) throw this.#end;
    const { program = REMOTE_PROGRAM, lateCosts = 'connection', signal } = terms;
    const timeoutMs = terms.timeoutMs ?? this.#settings.callTimeoutMs ?? CALL_TIMEOUT_MS;
    const onLate = (): Error => {
      const text = `libvirtd on ${this.#path} did not respond to call ${procedure} within ${timeoutMs / 1000} s.`;
      if (lateCosts === 'call') return new NoAnswer(text);
      const reason = new ConnectionLost(text);
      this.#finish(reason);
      return reason;
    };
    const { call } = MESSAGE_TYPE;
    const send = (serial: number): void => this.#send({ program, procedure, type: call, serial, body });
    return this.#calls.make(send, { timeoutMs, onLate, signal });
  }

  /** Subscribes to every kind of event in `EVENTS`. */
  async subscribe(): Promise<void> {
    for (const { id } of Object.values(EVENTS)) {
      // A null pointer instead of a domain: events of all domains.
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
        `libvirtd on ${this.#path} requires authentication (${wanted}). Run the monitor as root, or set ${option} = "none" ` +
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
        const message = `libvirtd on ${this.#path} did not respond to ${unanswered} keepalive messages.`;
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
    this.#keepalive?.received();
    try {
      for (const message of this.#reader.take(chunk)) {
        if (this.#end) return;
        this.#handle(message);
      }
    } catch (error) {
      const reason = errorMessage(error);
      const text = `libvirtd on ${this.#path} sent an invalid message: ${reason}.`;
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
      if (event) this.#settings.onEvent?.(event);
    }
  }

  #socketError(error: NodeJS.ErrnoException): ConnectionLost {
    const hints: Readonly<Record<string, string>> = {
      ENOENT: 'there is no such socket; is libvirtd installed and started?',
      ECONNREFUSED: 'no process listens on it; is libvirtd started?',
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
