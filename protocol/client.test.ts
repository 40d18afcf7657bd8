import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { RpcClient, type RpcClientOptions } from './client.ts';

/** A listener that responds to each line as the test sets it. */
class Counterpart implements AsyncDisposable {
  readonly #directory = mkdtempSync(join(tmpdir(), 'recovery-agent-client-'));
  readonly path = join(this.#directory, 's.sock');
  readonly #sockets = new Set<Socket>();
  readonly #server: Server;

  static async start(onData: (socket: Socket, text: string) => void): Promise<Counterpart> {
    const here = new Counterpart(onData);
    await new Promise<void>((resolve) => here.#server.listen({ path: here.path }, resolve));
    return here;
  }

  private constructor(onData: (socket: Socket, text: string) => void) {
    this.#server = createServer((socket) => {
      this.#sockets.add(socket);
      socket.on('error', () => socket.destroy());
      socket.setEncoding('utf8').on('data', (text: string) => onData(socket, text));
    });
  }

  hangUp(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  connect(options: RpcClientOptions = {}): Promise<RpcClient> {
    return RpcClient.connect(this.path, options);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.hangUp();
    await new Promise((resolve) => this.#server.close(resolve));
    rmSync(this.#directory, { recursive: true, force: true });
  }
}

const noEngine = (message: RegExp): unknown =>
  expect.objectContaining({ name: 'NoEngine', message: expect.stringMatching(message) });

describe('a client', () => {
  it('reports that no engine runs if there is nothing, or only a file', async () => {
    await expect(RpcClient.connect('/nowhere/engine.sock')).rejects.toEqual(noEngine(/no engine runs there: .*ENOENT/));
    await expect(RpcClient.connect(import.meta.filename)).rejects.toEqual(noEngine(/no engine runs there/));
    await expect(RpcClient.connect('1')).rejects.toEqual(noEngine(/no engine runs there: 1 /));
  });

  it('matches each response to its request, in any order', async () => {
    await using here = await Counterpart.start((socket, text) => {
      const requested = text.trim().split('\n');
      for (const line of requested.reverse()) {
        const { id, params } = JSON.parse(line);
        socket.write(`${JSON.stringify({ jsonrpc: '2.0', id, result: params })}\n`);
      }
    });
    using client = await here.connect();
    const answers = await Promise.all([1, 2, 3, 4].map((n) => client.call('echo', { n })));
    expect(answers).toEqual([1, 2, 3, 4].map((n) => ({ n })));
  });

  it('throws the error of the engine with code and field', async () => {
    await using here = await Counterpart.start((socket) => {
      const error = { code: -32602, message: 'uuid is missing', data: { field: 'uuid' } };
      socket.write(`${JSON.stringify({ jsonrpc: '2.0', id: 1, error })}\n`);
    });
    using client = await here.connect();
    await expect(client.call('show')).rejects.toMatchObject({ name: 'RpcError', code: -32602, field: 'uuid' });
  });

  it('waits no longer for a response than its timeout', async () => {
    await using here = await Counterpart.start(() => {});
    using client = await here.connect({ answerTimeoutMs: 50 });
    await expect(client.call('status')).rejects.toEqual(noEngine(/did not respond to "status" within 0.05 s/));
  });

  it('reports the closed connection to open requests and to later ones', async () => {
    await using here = await Counterpart.start((socket) => socket.destroy());
    using client = await here.connect();
    await expect(client.call('status')).rejects.toEqual(noEngine(/closed the connection/));
    await client.closed;
    await expect(client.call('status')).rejects.toEqual(noEngine(/closed the connection/));
  });

  it.each([
    ['garbage', 'SSH-2.0-OpenSSH_9.2\n'],
    ['null', 'null\n'],
    ['a number', '42\n'],
    ['bytes that are no text', Buffer.from([0xff, 0xfe, 0x0a])],
  ])('ends in order if the service is no engine: %s', async (_, bytes) => {
    await using here = await Counterpart.start((socket) => socket.write(bytes));
    using client = await here.connect();
    await expect(client.call('status')).rejects.toEqual(noEngine(/does not respond like an engine/));
    await client.closed;
  });

  it('passes on messages without an id, and does not take a stray response for its own', async () => {
    await using here = await Counterpart.start((socket) => {
      socket.write('{"jsonrpc":"2.0","method":"progress","params":{"moved":1}}\n');
      socket.write('{"jsonrpc":"2.0","id":99,"result":"stray"}\n');
      socket.write('{"jsonrpc":"2.0","id":1,"result":"mine"}\n');
    });
    const received: unknown[] = [];
    using client = await here.connect({ onNotification: (method, params) => received.push([method, params]) });
    expect(await client.call('watch')).toBe('mine');
    expect(received).toEqual([['progress', { moved: 1 }]]);
  });
});
