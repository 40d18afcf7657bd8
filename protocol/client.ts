/** Asks an engine over its unix socket. */
import { connect, type Socket } from 'node:net';
import { formatCall, RpcError } from './json-rpc.ts';
import { LineReader } from './lines.ts';

/** The longest answer that is read. */
const MAX_ANSWER_BYTES = 64 * 1024 * 1024;
const CONNECT_TIMEOUT_MS = 5_000;

const CONNECT_FAILURES: Readonly<Record<string, string>> = {
  ENOENT: 'no engine runs there',
  ECONNREFUSED: 'no engine runs there',
  EACCES: 'you may not use its socket',
  // Its queue is full: it hangs, or is stopped.
  EAGAIN: 'the engine takes no connections',
};

/** No engine answers there. */
export class NoEngine extends Error {
  override readonly name = 'NoEngine';
}

export interface RpcClientOptions {
  readonly answerTimeoutMs?: number;
  /** Told of messages that are no answers. */
  readonly onTold?: (method: string, params: unknown) => void;
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
  /** Resolves when the engine hung up. */
  readonly closed: Promise<void>;
  #nextId = 1;
  /** Why no answer comes any more. */
  #over: NoEngine | undefined;

  /** Throws `NoEngine` when nobody listens. */
  static async connect(path: string, options: RpcClientOptions = {}): Promise<RpcClient> {
    const socket = connect({ path });
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => {
        socket.destroy();
        reject(new NoEngine(`the engine at ${path} does not answer`));
      }, CONNECT_TIMEOUT_MS);
      socket.once('connect', () => {
        clearTimeout(timer);
        resolve();
      });
      socket.once('error', (error: NodeJS.ErrnoException) => {
        clearTimeout(timer);
        const reason = CONNECT_FAILURES[error.code ?? ''] ?? "the engine's socket cannot be used";
        reject(new NoEngine(`${reason}: ${path} (${error.code ?? error.message})`, { cause: error }));
      });
    });
    return new RpcClient(socket, options);
  }

  private constructor(socket: Socket, { answerTimeoutMs = 30_000, onTold }: RpcClientOptions) {
    this.#socket = socket;
    this.#timeoutMs = answerTimeoutMs;
    const reader = new LineReader(MAX_ANSWER_BYTES);
    socket.on('data', (chunk: Buffer) => {
      for (const event of reader.take(chunk)) {
        const message = 'line' in event ? parseMessage(event.line) : undefined;
        if (!message) {
          this.#over = new NoEngine('what answers there does not speak as an engine does');
          socket.destroy();
          return;
        }
        this.#read(message, onTold);
      }
    });
    socket.on('error', () => socket.destroy());
    this.closed = new Promise((resolve) => {
      socket.on('close', () => {
        const over = this.#over ?? new NoEngine('the engine hung up before it answered');
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

  /** Throws `RpcError` with the engine's words, or `NoEngine` when the answer did not come. */
  async call(method: string, params: unknown = {}): Promise<unknown> {
    if (this.#over) throw this.#over;
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#waiting.delete(id);
        reject(new NoEngine(`the engine did not answer "${method}" in ${this.#timeoutMs / 1000} s`));
      }, this.#timeoutMs);
      this.#waiting.set(id, { resolve, reject, timer });
      this.#socket.write(formatCall(method, params, id));
    });
  }

  [Symbol.dispose](): void {
    this.#socket.destroy();
  }

  #read(message: Message, onTold: RpcClientOptions['onTold']): void {
    if (message.method !== undefined) {
      onTold?.(message.method, message.params);
      return;
    }
    // An answer without an id is about a line that the server could not read: the oldest one.
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
