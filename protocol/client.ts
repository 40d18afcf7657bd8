/** Asks an engine over its unix socket. */
import { connect, type Socket } from 'node:net';
import { formatCall, RpcError } from './json-rpc.ts';
import { LineReader } from './lines.ts';

/** The longest answer that is read. */
const MAX_ANSWER_BYTES = 64 * 1024 * 1024;
const CONNECT_TIMEOUT_MS = 5_000;

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

export class RpcClient implements Disposable {
  readonly #socket: Socket;
  readonly #waiting = new Map<number, Waiting>();
  readonly #timeoutMs: number;
  /** Resolves when the engine hung up. */
  readonly closed: Promise<void>;
  #nextId = 1;

  /** Throws `NoEngine` when nobody listens. */
  static async connect(path: string, options: RpcClientOptions = {}): Promise<RpcClient> {
    const socket = connect(path);
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
        const reason = error.code === 'EACCES' ? 'you may not use its socket' : 'no engine runs there';
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
        if ('tooLong' in event) {
          socket.destroy();
          return;
        }
        this.#read(event.line, onTold);
      }
    });
    socket.on('error', () => socket.destroy());
    this.closed = new Promise((resolve) => {
      socket.on('close', () => {
        for (const { reject, timer } of this.#waiting.values()) {
          clearTimeout(timer);
          reject(new NoEngine('the engine hung up before it answered'));
        }
        this.#waiting.clear();
        resolve();
      });
    });
  }

  /** Throws `RpcError` with the engine's words, or `NoEngine` when the answer did not come. */
  call(method: string, params: unknown = {}): Promise<unknown> {
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

  #read(line: string, onTold: RpcClientOptions['onTold']): void {
    const message = JSON.parse(line) as {
      id?: number;
      result?: unknown;
      error?: { code: number; message: string; data?: { field?: string } };
      method?: string;
      params?: unknown;
    };
    if (message.method !== undefined) {
      onTold?.(message.method, message.params);
      return;
    }
    const waiting = typeof message.id === 'number' ? this.#waiting.get(message.id) : [...this.#waiting.values()][0];
    if (!waiting) return;
    if (typeof message.id === 'number') this.#waiting.delete(message.id);
    clearTimeout(waiting.timer);
    if (message.error) {
      const { code, message: text, data } = message.error;
      waiting.reject(new RpcError(code, text, data?.field));
    } else {
      waiting.resolve(message.result);
    }
  }
}
