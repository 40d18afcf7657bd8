/**
 * Answers JSON-RPC lines, on a unix socket for this node and over TLS for others.
 *
 * Invariants: what a peer sends is bounded in length and in time; connections are bounded in number, and when they run out
 * the one that has been idle longest goes; requests under way and answers that nobody reads do not pile up.
 */
import { chmodSync, rmSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import {
  formatCall,
  formatError,
  formatResult,
  MAX_REQUEST_BYTES,
  parseRequest,
  RPC_ERRORS,
  RpcError,
} from './json-rpc.ts';
import { LineReader } from './lines.ts';
import { claimSocketPath } from './socket-path.ts';
import { type DoorOptions, TlsDoor } from './tls-door.ts';

export interface ServerLimits {
  readonly maxConnections: number;
  /** A line that was begun must end within this time. */
  readonly lineTimeoutMs: number;
  /** A connection without a request for so long is closed. */
  readonly idleTimeoutMs: number;
  /** A peer that has left so many bytes of answers unread is cut off instead of being told more. */
  readonly maxUnreadBytes: number;
  /** Requests of one peer under way before nothing more is read from it until one is answered. */
  readonly maxUnderWay: number;
}

export const DEFAULT_LIMITS: ServerLimits = {
  maxConnections: 256,
  lineTimeoutMs: 10_000,
  idleTimeoutMs: 60_000,
  maxUnreadBytes: 16 * 1024 * 1024,
  maxUnderWay: 64,
};

/** For peers of other nodes: they report and ask little, and are many. */
export const REMOTE_LIMITS: ServerLimits = {
  ...DEFAULT_LIMITS,
  maxConnections: 512,
  maxUnreadBytes: 1024 * 1024,
  maxUnderWay: 8,
};

/** What a method can do besides answering. */
export interface Peer {
  /** Sends a message without an id. */
  tell(method: string, params: unknown): void;
  /** Aborted when the peer is gone. */
  readonly signal: AbortSignal;
  /** Keeps the connection open although it asks nothing: it waits for messages. */
  subscribe(): void;
}

export type Method = (params: unknown, peer: Peer) => Promise<unknown>;

interface Connection {
  readonly socket: Socket;
  readonly gone: AbortController;
  readonly reader: LineReader;
  idleSince: number;
  underWay: number;
  isSubscribed: boolean;
  lineTimer: NodeJS.Timeout | undefined;
}

/** Where peers come in. */
interface Door {
  /** Of TCP. */
  readonly port?: number;
  /** Takes nobody any more; resolves when the last connection is gone. */
  close(): Promise<void>;
}

export class RpcServer {
  readonly #methods: Readonly<Record<string, Method>>;
  readonly #limits: ServerLimits;
  readonly #connections = new Set<Connection>();
  readonly #sweep: NodeJS.Timeout;
  #door: Door | undefined;

  /** Listens on `path` with mode 0660. A socket that nobody answers on is replaced; one that answers is left alone. */
  static async listen(
    path: string,
    methods: Readonly<Record<string, Method>>,
    limits: ServerLimits = DEFAULT_LIMITS,
  ): Promise<RpcServer> {
    await claimSocketPath(path);
    const server = new RpcServer(methods, limits);
    return server.#behind(() => openSocket(path, (socket) => server.#accept(socket)));
  }

  /** Listens for peers of other nodes; none of them is heard before it has proven itself. Throws `AddressUnusable`. */
  static async listenTls(
    options: DoorOptions,
    methods: Readonly<Record<string, Method>>,
    limits: ServerLimits = REMOTE_LIMITS,
  ): Promise<RpcServer> {
    const server = new RpcServer(methods, limits);
    return server.#behind(() => TlsDoor.open(options, (socket) => server.#accept(socket)));
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

  #accept(socket: Socket): void {
    if (this.#connections.size >= this.#limits.maxConnections && !this.#makeRoom()) {
      socket.destroy();
      return;
    }
    const connection: Connection = {
      socket,
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
        // What still comes is thrown away until the time is up: the peer gets to read why.
        const message = `a request is longer than ${MAX_REQUEST_BYTES} bytes`;
        socket.end(formatError(null, new RpcError(RPC_ERRORS.invalidRequest, message)));
      }
    }
    if (connection.underWay >= this.#limits.maxUnderWay) socket.pause();
    // The time of a line that ended in this chunk is over; one that begins after it has its own.
    if (chunk.includes(0x0a)) this.#stopLineTimer(connection);
    if (reader.pending > 0 && !socket.isPaused()) this.#startLineTimer(connection);
  }

  /** A line has its time from its first byte, however many bytes trickle in after it. */
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
      const method = Object.hasOwn(this.#methods, request.method) ? this.#methods[request.method] : undefined;
      if (!method) throw new RpcError(RPC_ERRORS.methodNotFound, `there is no method "${request.method}"`);
      const result = await method(request.params, this.#peer(connection));
      this.#send(connection, formatResult(id, result ?? null));
    } catch (error) {
      const told =
        error instanceof RpcError
          ? error
          : new RpcError(RPC_ERRORS.internal, error instanceof Error ? error.message : String(error));
      this.#send(connection, formatError(id, told));
    } finally {
      connection.underWay -= 1;
      connection.idleSince = performance.now();
      this.#readOn(connection);
    }
  }

  #readOn(connection: Connection): void {
    const { socket, reader, underWay } = connection;
    if (!socket.isPaused() || underWay >= this.#limits.maxUnderWay) return;
    if (reader.pending > 0) this.#startLineTimer(connection);
    socket.resume();
  }

  #peer(connection: Connection): Peer {
    return {
      signal: connection.gone.signal,
      tell: (method, params) => this.#send(connection, formatCall(method, params)),
      subscribe: () => {
        connection.isSubscribed = true;
      },
    };
  }

  #send({ socket }: Connection, text: string): void {
    if (socket.destroyed || !socket.writable) return;
    // Judged before this answer is added: one of any length goes to a peer that reads.
    if (socket.writableLength > this.#limits.maxUnreadBytes) socket.destroy();
    else socket.write(text);
  }

  #idle(): Connection[] {
    return [...this.#connections].filter(({ underWay, isSubscribed }) => underWay === 0 && !isSubscribed);
  }

  /** Closes the connection that has been idle longest, else the longest quiet watcher: it can ask again. */
  #makeRoom(): boolean {
    const idle = this.#idle();
    const candidates = idle.length > 0 ? idle : [...this.#connections].filter(({ underWay }) => underWay === 0);
    const [longest] = candidates.sort((a, b) => a.idleSince - b.idleSince);
    if (!longest) return false;
    this.#connections.delete(longest);
    longest.socket.destroy();
    return true;
  }

  #closeIdle(): void {
    const limit = performance.now() - this.#limits.idleTimeoutMs;
    for (const { socket, idleSince } of this.#idle()) if (idleSince < limit) socket.destroy();
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
  // A connection that could not be accepted (EMFILE) is the peer's loss, never the engine's end.
  server.on('error', () => {});
  chmodSync(path, 0o660);
  return {
    async close() {
      await new Promise((resolve) => server.close(resolve));
      rmSync(path, { force: true });
    },
  };
}
