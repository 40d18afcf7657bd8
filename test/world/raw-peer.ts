/** A peer on a unix socket that sends any bytes and reads only on request: for tests of servers and clients. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';

const LIMIT_MS = 10_000;

export interface Answer {
  readonly id?: number | string | null;
  readonly result?: unknown;
  readonly error?: { readonly code: number; readonly message: string; readonly data?: unknown };
  readonly method?: string;
  readonly params?: unknown;
}

export class RawPeer implements Disposable {
  readonly socket: Socket;
  readonly closed: Promise<void>;
  readonly #answers: Answer[] = [];
  #text = '';
  #arrived = Promise.withResolvers<void>();

  /** While the queue of connections that the server has not accepted yet is full (EAGAIN), the next one has to wait for the server. */
  static async connect(path: string): Promise<RawPeer> {
    const signal = AbortSignal.timeout(LIMIT_MS);
    for (;;) {
      const peer = new RawPeer(connect({ path }));
      try {
        await once(peer.socket, 'connect', { signal });
        return peer;
      } catch (error) {
        if (!(error instanceof Error && 'code' in error && error.code === 'EAGAIN')) throw error;
        await turn();
      }
    }
  }

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on('error', () => socket.destroy());
    this.closed = new Promise((resolve) => socket.once('close', () => resolve()));
    void this.closed.then(() => this.#arrived.resolve());
  }

  get isClosed(): boolean {
    return this.socket.destroyed;
  }

  /** Begins to read. */
  listen(): this {
    this.socket.setEncoding('utf8').on('data', (text: string) => {
      const lines = (this.#text + text).split('\n');
      this.#text = lines.pop() ?? '';
      this.#answers.push(...lines.map((line): Answer => JSON.parse(line)));
      this.#arrived.resolve();
    });
    return this;
  }

  send(bytes: string | Uint8Array): void {
    this.socket.write(bytes);
  }

  request(method: string, params: unknown = {}, id: unknown = 1): void {
    this.send(`${JSON.stringify({ jsonrpc: '2.0', id, method, params })}\n`);
  }

  /** The next `count` responses. Throws when the peer hangs up or takes too long. */
  async answers(count: number): Promise<Answer[]> {
    const end = AbortSignal.timeout(LIMIT_MS);
    while (this.#answers.length < count) {
      if (this.isClosed) throw new Error(`hung up after ${this.#answers.length} of ${count} responses`);
      if (end.aborted) throw new Error(`${this.#answers.length} of ${count} responses in time`);
      this.#arrived = Promise.withResolvers();
      const timer = setTimeout(() => this.#arrived.resolve(), 1_000);
      await this.#arrived.promise;
      clearTimeout(timer);
    }
    return this.#answers.splice(0, count);
  }

  async answer(): Promise<Answer> {
    const [first] = await this.answers(1);
    if (!first) throw new Error('no response');
    return first;
  }

  [Symbol.dispose](): void {
    this.socket.destroy();
  }
}
