/**
 * Responds to JSON-RPC lines, on a unix socket for this node and over TLS for others.
 *
 * Invariants: input of a peer is bounded in length and in time; connections are bounded in number, and at the limit
 * the one that has been idle longest is closed; open requests and unread responses do not pile up.
 */

import { chmodSync, rmSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { type Caller, LOCAL_CALLER, shareOf } from './caller.ts';
import { errorMessage } from './error-message.ts';
import {
  formatCall,
  formatError,
  formatResult,
  MAX_REQUEST_BYTES,
  parseRequest,
  RPC_ERRORS,
  RpcError,
} from './json-rpc.ts';
import { LineReader } from './line-reader.ts';
import { claimSocketPath } from './socket-path.ts';
import { type DoorOptions, TlsDoor } from './tls-server.ts';

export interface ServerLimits {
  readonly maxConnections: number;
  /** Timeout of a line that was started. */
  readonly lineTimeoutMs: number;
  /** A connection without a request for this time is closed. */
  readonly idleTimeoutMs: number;
  /** A peer with this number of unread bytes of responses is disconnected instead of receiving more. */
  readonly maxUnreadBytes: number;
  /** Limit of open requests of one connection; beyond it nothing more is read from it until one has its response. */
  readonly maxUnderWay: number;
  /** Connections of one identity; beyond it, the one that has been idle longest is closed, else the new one. */
  readonly maxConnectionsOfIdentity: number;
  /** Open requests of one identity, over all its connections. */
  readonly maxUnderWayOfIdentity: number;
}

export const DEFAULT_LIMITS: ServerLimits = {
  maxConnections: 256,
  lineTimeoutMs: 10_000,
  idleTimeoutMs: 60_000,
  maxUnreadBytes: 16 * 1024 * 1024,
  maxUnderWay: 64,
  maxConnectionsOfIdentity: Number.POSITIVE_INFINITY,
  maxUnderWayOfIdentity: Number.POSITIVE_INFINITY,
};

/** For peers of other nodes: they send few reports and requests, and are many. */
export const REMOTE_LIMITS: ServerLimits = {
  ...DEFAULT_LIMITS,
  maxConnections: 512,
  maxUnreadBytes: 1024 * 1024,
  maxUnderWay: 8,
  maxConnectionsOfIdentity: 16,
  maxUnderWayOfIdentity: 16,
};

/** The actions of a method besides its response. */
export interface Peer {
  readonly caller: Caller;
  /** Sends a message without an id. */
  notify(method: string, params: unknown): void;
  /** Aborted when the peer has disconnected. */
  readonly signal: AbortSignal;
  /** Keeps the connection open without requests: it waits for messages. */
  subscribe(): void;
}

export type Method = (params: unknown, peer: Peer) => Promise<unknown>;

interface Connection {
  readonly socket: Socket;
  readonly caller: Caller;
  /** Why the peer is no longer admitted: its key may be revoked while it is connected. */
  readonly refusal: () => string | undefined;
  readonly gone: AbortController;
  readonly reader: LineReader;
  idleSince: number;
  underWay: number;
  isSubscribed: boolean;
  lineTimer: NodeJS.Timeout | undefined;
}

/** Accepts peers. */
interface Door {
  /** Of TCP. */
  readonly port?: number;
  /** Accepts no more peers; resolves when the last connection is closed. */
  close(): Promise<void>;
}

export class RpcServer {
  readonly #methods: Readonly<Record<string, Method>>;
  readonly #limits: ServerLimits;
  readonly #connections = new Set<Connection>();
  readonly #sweep: NodeJS.Timeout;
  #door: Door | undefined;

  /** Listens on `path` with mode 0660. A socket without a listener is replaced; one with a listener is not changed. */
  static async listen(
    path: string,
    methods: Readonly<Record<string, Method>>,
    limits: ServerLimits = DEFAULT_LIMITS,
  ): Promise<RpcServer> {
    await claimSocketPath(path);
    const server = new RpcServer(methods, limits);
    return server.#behind(() => openSocket(path, (socket) => server.#accept(socket, LOCAL_CALLER)));
  }

  /** Listens for peers of other nodes; no request is read before a peer is authenticated. Throws `AddressUnusable`. */
  static async listenTls(
    options: DoorOptions,
    methods: Readonly<Record<string, Method>>,
    limits: ServerLimits = REMOTE_LIMITS,
  ): Promise<RpcServer> {
    const server = new RpcServer(methods, limits);
    return server.#behind(() =>
      TlsDoor.open(options, (socket, caller, refusal) => server.#accept(socket, caller, refusal)),
    );
  }

  private constructor(methods: Readonly<Record<string, Method>>, limits: ServerLimits) {
    this.#methods = methods;
    this.#limits = limits;
    this.#sweep = setInterval(() => this.#closeIdle(), Math.max(50, limits.idleTimeoutMs / 4));
    this.#sweep.unref();
  }

  async #behind(open: () => Promise<Door>): Promise<this> {
    try {
      this.#door = await open();
      return this;
    } catch (error) {
      clearInterval(this.#sweep);
      throw error;
    }
  }

  get connections(): number {
    return this.#connections.size;
  }

  /** The TCP port; 0 on a unix socket. */
  get port(): number {
    return this.#door?.port ?? 0;
  }

  async close(): Promise<void> {
    clearInterval(this.#sweep);
    const closed = this.#door?.close();
    for (const { socket } of this.#connections) socket.destroy();
    await closed;
  }

  #accept(socket: Socket, caller: Caller, refusal: () => string | undefined = () => undefined): void {
    if (!this.#hasRoom(caller)) {
      socket.destroy();
      return;
    }
    const connection: Connection = {
      socket,
      caller,
      refusal,
      gone: new AbortController(),
      reader: new LineReader(MAX_REQUEST_BYTES),
      idleSince: performance.now(),
      underWay: 0,
      isSubscribed: false,
      lineTimer: undefined,
    };
    this.#connections.add(connection);
    socket.on('error', () => socket.destroy());
    socket.on('close', () => {
      clearTimeout(connection.lineTimer);
      this.#connections.delete(connection);
      connection.gone.abort();
    });
    socket.on('data', (chunk: Buffer) => this.#read(connection, chunk));
  }

  #read(connection: Connection, chunk: Buffer): void {
    const { socket, reader } = connection;
    if (!socket.writable) return;
    for (const event of reader.take(chunk)) {
      if ('line' in event) {
        void this.#answer(connection, event.line);
      } else if (event.fault === 'not UTF-8') {
        this.#send(connection, formatError(null, new RpcError(RPC_ERRORS.parse, 'this line is not UTF-8')));
      } else {
        // Later input is dropped until the timeout: the peer can read the reason.
        const message = `a request is longer than ${MAX_REQUEST_BYTES} bytes`;
        socket.end(formatError(null, new RpcError(RPC_ERRORS.invalidRequest, message)));
        this.#startLineTimer(connection);
        return;
      }
    }
    if (this.#isBusy(connection)) socket.pause();
    // The timeout of a line that ended in this chunk is over; a line that starts after it has its own.
    if (chunk.includes(0x0a)) this.#stopLineTimer(connection);
    if (reader.pending > 0 && !socket.isPaused()) this.#startLineTimer(connection);
  }

  /** The timeout of a line starts at its first byte, for any number of bytes after it. */
  #startLineTimer(connection: Connection): void {
    connection.lineTimer ??= setTimeout(() => connection.socket.destroy(), this.#limits.lineTimeoutMs);
  }

  #stopLineTimer(connection: Connection): void {
    clearTimeout(connection.lineTimer);
    connection.lineTimer = undefined;
  }

  async #answer(connection: Connection, line: string): Promise<void> {
    connection.underWay += 1;
    let id: number | string | null = null;
    try {
      const request = parseRequest(line);
      id = request.id;
      // Its reports wait until it authenticates again.
      if (connection.refusal() !== undefined) connection.socket.destroy();
      if (connection.socket.destroyed) return;
      const method = Object.hasOwn(this.#methods, request.method) ? this.#methods[request.method] : undefined;
      if (!method) throw new RpcError(RPC_ERRORS.methodNotFound, `there is no method "${request.method}"`);
      const result = await method(request.params, this.#peer(connection));
      this.#send(connection, formatResult(id, result ?? null));
    } catch (error) {
      const received = error instanceof RpcError ? error : new RpcError(RPC_ERRORS.internal, errorMessage(error));
      this.#send(connection, formatError(id, received));
    } finally {
      connection.underWay -= 1;
      connection.idleSince = performance.now();
      for (const one of this.#ofIdentity(connection.caller)) this.#readOn(one);
    }
  }

  /** Nothing more is read from it until a request has its response. */
  #isBusy({ underWay, caller }: Connection): boolean {
    if (underWay >= this.#limits.maxUnderWay) return true;
    const { maxUnderWayOfIdentity: most } = this.#limits;
    if (most === Number.POSITIVE_INFINITY) return false;
    return this.#ofIdentity(caller).reduce((sum, one) => sum + one.underWay, 0) >= most;
  }

  #ofIdentity(caller: Caller): Connection[] {
    const share = shareOf(caller);
    return [...this.#connections].filter((one) => shareOf(one.caller) === share);
  }

  #readOn(connection: Connection): void {
    const { socket, reader } = connection;
    if (!socket.isPaused() || this.#isBusy(connection)) return;
    if (reader.pending > 0) this.#startLineTimer(connection);
    socket.resume();
  }

  #peer(connection: Connection): Peer {
    return {
      caller: connection.caller,
      signal: connection.gone.signal,
      notify: (method, params) => this.#send(connection, formatCall(method, params)),
      subscribe: () => {
        connection.isSubscribed = true;
      },
    };
  }

  #send({ socket }: Connection, text: string): void {
    if (socket.destroyed || !socket.writable) return;
    // Checked before this response is added: a peer that reads gets a response of any length.
    if (socket.writableLength > this.#limits.maxUnreadBytes) socket.destroy();
    else socket.write(text);
  }

  /** Whether another connection may be accepted; an idle one is closed for it. */
  #hasRoom(caller: Caller): boolean {
    const { maxConnections, maxConnectionsOfIdentity } = this.#limits;
    const own = this.#ofIdentity(caller);
    if (own.length >= maxConnectionsOfIdentity && !this.#makeRoom(own)) return false;
    return this.#connections.size < maxConnections || this.#makeRoom([...this.#connections]);
  }

  /** Closes the connection that has been idle longest, else the longest quiet watcher, which can connect again. */
  #makeRoom(among: readonly Connection[]): boolean {
    const quiet = among.filter(({ underWay }) => underWay === 0);
    const idle = quiet.filter(({ isSubscribed }) => !isSubscribed);
    const [longest] = (idle.length > 0 ? idle : quiet).toSorted((a, b) => a.idleSince - b.idleSince);
    if (!longest) return false;
    this.#connections.delete(longest);
    longest.socket.destroy();
    return true;
  }

  #closeIdle(): void {
    const limit = performance.now() - this.#limits.idleTimeoutMs;
    for (const connection of this.#connections) {
      const { socket, idleSince, underWay, isSubscribed } = connection;
      const isIdle = underWay === 0 && !isSubscribed && idleSince < limit;
      if (isIdle || connection.refusal() !== undefined) socket.destroy();
    }
  }
}

async function openSocket(path: string, onPeer: (socket: Socket) => void): Promise<Door> {
  const server = createServer(onPeer);
  const mask = process.umask(0o117);
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen({ path }, resolve);
    });
  } finally {
    process.umask(mask);
  }
  // A connection that could not be accepted (EMFILE) affects the peer, and never ends the engine.
  server.on('error', () => {});
  chmodSync(path, 0o660);
  return {
    async close() {
      await new Promise((resolve) => server.close(resolve));
      rmSync(path, { force: true });
    },
  };
}
