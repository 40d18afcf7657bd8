/**
 * Answers JSON-RPC lines on a unix socket.
 *
 * Invariants: what a peer sends is bounded in length and in time; connections are bounded in number, and when they run out
 * the one that has been idle longest goes; an answer nobody reads does not pile up.
 */
import { chmodSync, lstatSync, rmSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
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

export interface ServerLimits {
  readonly maxConnections: number;
  /** A line that was begun must end within this time. */
  readonly lineTimeoutMs: number;
  /** A connection without a request for so long is closed. */
  readonly idleTimeoutMs: number;
  /** Bytes of answers that a peer may leave unread before it is cut off. */
  readonly maxUnreadBytes: number;
}

export const DEFAULT_LIMITS: ServerLimits = {
  maxConnections: 256,
  lineTimeoutMs: 10_000,
  idleTimeoutMs: 60_000,
  maxUnreadBytes: 16 * 1024 * 1024,
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
  idleSince: number;
  isBusy: number;
  isSubscribed: boolean;
  lineTimer: NodeJS.Timeout | undefined;
}

export class SocketInUse extends Error {
  override readonly name = 'SocketInUse';
}

export class RpcServer {
  readonly #methods: Readonly<Record<string, Method>>;
  readonly #limits: ServerLimits;
  readonly #connections = new Set<Connection>();
  readonly #server: Server;
  readonly #sweep: NodeJS.Timeout;
  #path = '';

  /** Listens on `path` with mode 0660. A socket that nobody answers on is replaced; one that answers is left alone. */
  static async listen(
    path: string,
    methods: Readonly<Record<string, Method>>,
    limits: ServerLimits = DEFAULT_LIMITS,
  ): Promise<RpcServer> {
    await removeDead(path);
    const server = new RpcServer(methods, limits);
    server.#path = path;
    const mask = process.umask(0o117);
    try {
      await new Promise<void>((resolve, reject) => {
        server.#server.once('error', reject);
        server.#server.listen(path, resolve);
      });
    } finally {
      process.umask(mask);
    }
    chmodSync(path, 0o660);
    return server;
  }

  private constructor(methods: Readonly<Record<string, Method>>, limits: ServerLimits) {
    this.#methods = methods;
    this.#limits = limits;
    this.#server = createServer((socket) => this.#accept(socket));
    this.#sweep = setInterval(() => this.#closeIdle(), Math.max(50, limits.idleTimeoutMs / 4));
    this.#sweep.unref();
  }

  get connections(): number {
    return this.#connections.size;
  }

  async close(): Promise<void> {
    clearInterval(this.#sweep);
    const closed = new Promise((resolve) => this.#server.close(resolve));
    for (const { socket } of this.#connections) socket.destroy();
    await closed;
    rmSync(this.#path, { force: true });
  }

  #accept(socket: Socket): void {
    if (this.#connections.size >= this.#limits.maxConnections) this.#closeLongestIdle();
    const connection: Connection = {
      socket,
      gone: new AbortController(),
      idleSince: performance.now(),
      isBusy: 0,
      isSubscribed: false,
      lineTimer: undefined,
    };
    this.#connections.add(connection);
    const reader = new LineReader(MAX_REQUEST_BYTES);
    socket.on('error', () => socket.destroy());
    socket.on('close', () => {
      clearTimeout(connection.lineTimer);
      this.#connections.delete(connection);
      connection.gone.abort();
    });
    socket.on('data', (chunk: Buffer) => {
      for (const event of reader.take(chunk)) {
        if ('tooLong' in event) {
          const message = `a request is longer than ${MAX_REQUEST_BYTES} bytes`;
          socket.end(formatError(null, new RpcError(RPC_ERRORS.invalidRequest, message)));
          socket.pause();
          return;
        }
        void this.#answer(connection, event.line);
      }
      this.#boundLine(connection, reader.pending);
    });
  }

  /** A line has its time from its first byte, however many bytes trickle in after it. */
  #boundLine(connection: Connection, pending: number): void {
    if (pending === 0) {
      clearTimeout(connection.lineTimer);
      connection.lineTimer = undefined;
    } else {
      connection.lineTimer ??= setTimeout(() => connection.socket.destroy(), this.#limits.lineTimeoutMs);
    }
  }

  async #answer(connection: Connection, line: string): Promise<void> {
    connection.isBusy += 1;
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
      connection.isBusy -= 1;
      connection.idleSince = performance.now();
    }
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
    socket.write(text);
    if (socket.writableLength > this.#limits.maxUnreadBytes) socket.destroy();
  }

  #idle(): Connection[] {
    return [...this.#connections].filter(({ isBusy, isSubscribed }) => isBusy === 0 && !isSubscribed);
  }

  #closeLongestIdle(): void {
    const [longest] = this.#idle().sort((a, b) => a.idleSince - b.idleSince);
    // With nobody idle the newcomer waits in the kernel's queue no longer than a request takes.
    (longest ?? [...this.#connections][0])?.socket.destroy();
    if (longest) this.#connections.delete(longest);
  }

  #closeIdle(): void {
    const limit = performance.now() - this.#limits.idleTimeoutMs;
    for (const { socket, idleSince } of this.#idle()) if (idleSince < limit) socket.destroy();
  }
}

/** A socket file is in the way: is somebody behind it? */
async function removeDead(path: string): Promise<void> {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (!found) return;
  if (!found.isSocket())
    throw new SocketInUse(`${path} is there and no socket; remove it or choose another [engine] socket`);
  const isAlive = await new Promise<boolean>((resolve) => {
    const probe = connect(path);
    probe.once('connect', () => {
      probe.destroy();
      resolve(true);
    });
    probe.once('error', () => resolve(false));
  });
  if (isAlive) throw new SocketInUse(`an engine answers on ${path} already`);
  rmSync(path, { force: true });
}
