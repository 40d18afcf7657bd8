/** Sends requests to an engine: over its unix socket, or from another node over TLS. */
import { connect, type Socket } from 'node:net';
import { describeAddress, type EngineAddress } from './address.ts';
import { faultOfEngine } from './handshake-failure.ts';
import { formatCall, RpcError } from './json-rpc.ts';
import { LineReader } from './line-reader.ts';
import { clientOptions } from './tls-identity.ts';

/** The longest response that is read. */
const MAX_ANSWER_BYTES = 64 * 1024 * 1024;
const CONNECT_TIMEOUT_MS = 5_000;

/** A host that lost its power does not close the connection. */
const KEEP_ALIVE_MS = 10_000;

const CONNECT_FAILURES: Readonly<Record<string, string>> = {
  ENOENT: 'no engine runs there',
  ECONNREFUSED: 'no engine runs there',
  EACCES: 'you may not use its socket',
  // Its queue is full: it hangs, or is stopped.
  EAGAIN: 'the engine takes no connections',
  ENOTFOUND: 'that name is not known',
  EAI_AGAIN: 'that name cannot be looked up now',
  EHOSTUNREACH: 'that host cannot be reached',
  ENETUNREACH: 'that host cannot be reached',
};

/** No engine responds there. */
export class NoEngine extends Error {
  override readonly name = 'NoEngine';
}

export interface RpcClientOptions {
  readonly answerTimeoutMs?: number;
  /** Called for messages that are no responses. */
  readonly onNotification?: (method: string, params: unknown) => void;
}

interface Waiting {
  resolve(value: unknown): void;
  reject(error: Error): void;
  readonly timer: NodeJS.Timeout;
}

interface Message {
  readonly id?: unknown;
  readonly result?: unknown;
  readonly error?: { readonly code: number; readonly message: string; readonly data?: { readonly field?: string } };
  readonly method?: string;
  readonly params?: unknown;
}

function parseMessage(line: string): Message | undefined {
  try {
    const message: unknown = JSON.parse(line);
    return typeof message === 'object' && message !== null ? message : undefined;
  } catch {
    return undefined;
  }
}

export class RpcClient implements Disposable {
  readonly #socket: Socket;
  readonly #waiting = new Map<number, Waiting>();
  readonly #timeoutMs: number;
  /** Resolves when the engine has closed the connection. */
  readonly closed: Promise<void>;
  #nextId = 1;
  /** Why there are no more responses. */
  #over: NoEngine | undefined;

  /** @param address a path is that of a unix socket. Throws `NoEngine` if no process listens, or the engine does not accept us. */
  static async connect(address: string | EngineAddress, options: RpcClientOptions = {}): Promise<RpcClient> {
    const to: EngineAddress = typeof address === 'string' ? { kind: 'unix', path: address } : address;
    const where = describeAddress(to);
    const socket = open(to);
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => {
        socket.destroy();
        reject(new NoEngine(`the engine at ${where} does not respond`));
      }, CONNECT_TIMEOUT_MS);
      socket.once(to.kind === 'unix' ? 'connect' : 'secureConnect', () => {
        clearTimeout(timer);
        resolve();
      });
      socket.once('error', (error: NodeJS.ErrnoException) => {
        clearTimeout(timer);
        socket.destroy();
        const fault = faultOfEngine(error);
        const reason =
          fault === undefined ? CONNECT_FAILURES[error.code ?? ''] : `no agreement with the engine: ${fault}`;
        const text = reason ?? "the engine's socket cannot be used";
        reject(new NoEngine(`${text}: ${where} (${error.code ?? error.message})`, { cause: error }));
      });
    });
    return new RpcClient(socket, options);
  }

  private constructor(socket: Socket, { answerTimeoutMs = 30_000, onNotification }: RpcClientOptions) {
    this.#socket = socket;
    this.#timeoutMs = answerTimeoutMs;
    const reader = new LineReader(MAX_ANSWER_BYTES);
    socket.on('data', (chunk: Buffer) => {
      for (const event of reader.take(chunk)) {
        const message = 'line' in event ? parseMessage(event.line) : undefined;
        if (!message) {
          this.#over = new NoEngine('the service there does not respond like an engine');
          socket.destroy();
          return;
        }
        this.#read(message, onNotification);
      }
    });
    socket.on('error', (error) => {
      // With certificates the engine's alert about ours arrives only now (RFC 8446, 4.6.2).
      const fault = faultOfEngine(error);
      if (fault !== undefined) this.#over ??= new NoEngine(`no agreement with the engine: ${fault}`, { cause: error });
      socket.destroy();
    });
    this.closed = new Promise((resolve) => {
      socket.on('close', () => {
        const over = this.#over ?? new NoEngine('the engine closed the connection before it responded');
        this.#over = over;
        for (const { reject, timer } of this.#waiting.values()) {
          clearTimeout(timer);
          reject(over);
        }
        this.#waiting.clear();
        resolve();
      });
    });
  }

  /** Throws `RpcError` with the engine's error, or `NoEngine` if there was no response. */
  async call(method: string, params: unknown = {}): Promise<unknown> {
    if (this.#over) throw this.#over;
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#waiting.delete(id);
        reject(new NoEngine(`the engine did not respond to "${method}" within ${this.#timeoutMs / 1000} s`));
      }, this.#timeoutMs);
      this.#waiting.set(id, { resolve, reject, timer });
      this.#socket.write(formatCall(method, params, id));
    });
  }

  [Symbol.dispose](): void {
    this.#socket.destroy();
  }

  #read(message: Message, onNotification: RpcClientOptions['onNotification']): void {
    if (message.method !== undefined) {
      onNotification?.(message.method, message.params);
      return;
    }
    // A response without an id belongs to a line that the server could not read: the oldest one.
    const id = typeof message.id === 'number' ? message.id : [...this.#waiting.keys()][0];
    const waiting = id === undefined ? undefined : this.#waiting.get(id);
    if (id === undefined || !waiting) return;
    this.#waiting.delete(id);
    clearTimeout(waiting.timer);
    if (message.error) {
      const { code, message: text, data } = message.error;
      waiting.reject(new RpcError(code, text, data?.field));
    } else {
      waiting.resolve(message.result);
    }
  }
}

function open(to: EngineAddress): Socket {
  if (to.kind === 'unix') return connect({ path: to.path });
  const { host, port, identity } = to;
  // Loaded here, because it takes a tenth of the time of a command on the engine's own node, which has no use for it.
  const tls = process.getBuiltinModule('node:tls');
  return tls.connect({ ...clientOptions(identity, host), host, port }).setKeepAlive(true, KEEP_ALIVE_MS);
}
