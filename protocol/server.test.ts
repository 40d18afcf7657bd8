import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { RawPeer } from '#test/world/raw-peer.ts';
import { RpcClient } from './client.ts';
import { MAX_REQUEST_BYTES, RPC_ERRORS } from './json-rpc.ts';
import { DEFAULT_LIMITS, type Method, RpcServer, type ServerLimits } from './server.ts';

/** A server in this process, on a socket of its own. */
class Served implements AsyncDisposable {
  readonly directory = mkdtempSync(join(tmpdir(), 'recovery-agent-server-'));
  readonly path = join(this.directory, 's.sock');
  /** Requests of method `wait` that are held until `release`. */
  readonly held: (() => void)[] = [];
  readonly #peers: RawPeer[] = [];
  #server: RpcServer | undefined;

  static async start(limits: Partial<ServerLimits> = {}): Promise<Served> {
    const here = new Served();
    const methods: Record<string, Method> = {
      ping: async () => 'pong',
      echo: async (params) => params,
      fail: async () => Promise.reject(new Error('out of luck')),
      wait: () => new Promise((resolve) => here.held.push(() => resolve('released'))),
      long: async () => 'x'.repeat(64 * 1024),
      watch: async (_, peer) => peer.subscribe(),
    };
    here.#server = await RpcServer.listen(here.path, methods, { ...DEFAULT_LIMITS, ...limits });
    return here;
  }

  get connections(): number {
    return this.#server?.connections ?? 0;
  }

  async peer(): Promise<RawPeer> {
    const peer = await RawPeer.connect(this.path);
    this.#peers.push(peer);
    return peer;
  }

  async isWell(): Promise<boolean> {
    using client = await RpcClient.connect(this.path);
    return (await client.call('ping')) === 'pong';
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const peer of this.#peers) peer[Symbol.dispose]();
    await this.#server?.close();
    rmSync(this.directory, { recursive: true, force: true });
  }
}

describe('a request that cannot be', () => {
  it.each([
    ['longer than the limit', `${'x'.repeat(MAX_REQUEST_BYTES + 1)}\n`],
    ['without an end and longer than the limit', 'x'.repeat(MAX_REQUEST_BYTES + 1)],
    ['megabytes long', 'x'.repeat(8 * 1024 * 1024)],
  ])('is refused and the connection closed: %s', async (_, text) => {
    await using here = await Served.start({ lineTimeoutMs: 500 });
    const peer = (await here.peer()).listen();
    peer.send(text);
    expect(await peer.answer()).toMatchObject({ id: null, error: { code: RPC_ERRORS.invalidRequest } });
    await peer.closed;
    expect(await here.isWell()).toBe(true);
  });

  it('gets an error and does not affect later ones', async () => {
    await using here = await Served.start();
    const peer = (await here.peer()).listen();
    const bad: [string | Buffer, number][] = [
      ['hello\n', RPC_ERRORS.parse],
      [Buffer.from([0, 1, 2, 255, 254, 10]), RPC_ERRORS.parse],
      [Buffer.from([0x22, 0xc3, 0x28, 0x22, 10]), RPC_ERRORS.parse],
      ['[]\n', RPC_ERRORS.invalidRequest],
      ['[{"jsonrpc":"2.0","id":1,"method":"ping"}]\n', RPC_ERRORS.invalidRequest],
      ['{"jsonrpc":"1.0","id":1,"method":"ping"}\n', RPC_ERRORS.invalidRequest],
      ['{"jsonrpc":"2.0","method":"ping"}\n', RPC_ERRORS.invalidRequest],
      ['{"jsonrpc":"2.0","id":1,"method":"pong"}\n', RPC_ERRORS.methodNotFound],
      ['{"jsonrpc":"2.0","id":1,"method":"__proto__"}\n', RPC_ERRORS.methodNotFound],
      ['{"jsonrpc":"2.0","id":1,"method":"constructor"}\n', RPC_ERRORS.methodNotFound],
      ['{"jsonrpc":"2.0","id":1,"method":"fail"}\n', RPC_ERRORS.internal],
    ];
    for (const [bytes, code] of bad) {
      peer.send(bytes);
      expect((await peer.answer()).error?.code).toBe(code);
    }
    peer.send('\n  \r\n\n');
    peer.request('echo', { __proto__: null, a: 1 }, 'last');
    expect(await peer.answer()).toEqual({ jsonrpc: '2.0', id: 'last', result: { a: 1 } });
  });

  it('has its timeout from its first byte on, for any pace of its bytes', { timeout: 15_000 }, async () => {
    await using here = await Served.start({ lineTimeoutMs: 300 });
    const silent = await here.peer();
    silent.send('{"jsonrpc"');
    const trickling = await here.peer();
    const trickle = setInterval(() => trickling.send('x'), 20);
    await Promise.all([silent.closed, trickling.closed]).finally(() => clearInterval(trickle));
    expect(await here.isWell()).toBe(true);
  });

  it('does not end the connection of a peer that ends each line and has always started another', async () => {
    await using here = await Served.start({ lineTimeoutMs: 200 });
    const peer = (await here.peer()).listen();
    const line = `${JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'ping' })}\n`;
    peer.send(line.slice(0, 5));
    const end = performance.now() + 700;
    // Each chunk ends one line and begins the next; pacing is the point here.
    while (performance.now() < end) {
      peer.send(line.slice(5) + line.slice(0, 5));
      expect((await peer.answer()).result).toBe('pong');
      await new Promise((resolve) => setTimeout(resolve, 30));
    }
    expect(peer.isClosed).toBe(false);
  });
});

describe('many requests', () => {
  it('of one peer may be sent at once and all get a response', async () => {
    await using here = await Served.start();
    const peer = (await here.peer()).listen();
    for (let id = 0; id < 5_000; id += 1) peer.request('echo', { id }, id);
    const answers = await peer.answers(5_000);
    expect(new Set(answers.map(({ id }) => id)).size).toBe(5_000);
    expect(answers.every(({ id, result }) => (result as { id: unknown }).id === id)).toBe(true);
  });

  it('of one peer do not pile up while none has a response', async () => {
    await using here = await Served.start({ maxUnderWay: 4, lineTimeoutMs: 300 });
    const peer = (await here.peer()).listen();
    const total = 20_000;
    for (let id = 0; id < total; id += 1) peer.request('wait', {}, id);
    await expect.poll(() => here.held.length).toBeGreaterThan(0);
    expect(await here.isWell()).toBe(true);
    // The requests of one read of the socket are started, and no more.
    expect(here.held.length).toBeLessThan(total / 4);
    let answered = 0;
    while (answered < total) {
      const ready = here.held.splice(0);
      for (const release of ready) release();
      answered += (await peer.answers(ready.length)).length;
      await expect.poll(() => answered === total || here.held.length > 0).toBe(true);
    }
    expect(peer.isClosed).toBe(false);
  });

  it('whose responses are never read end the connection', async () => {
    await using here = await Served.start({ maxUnreadBytes: 1024 * 1024 });
    const peer = await here.peer();
    for (let id = 0; id < 200; id += 1) peer.request('long', {}, id);
    await expect.poll(() => here.connections).toBe(0);
    expect(await here.isWell()).toBe(true);
  });

  it('get a response longer than the unread limit, if it is read', async () => {
    await using here = await Served.start({ maxUnreadBytes: 1024 });
    const peer = (await here.peer()).listen();
    peer.request('long');
    expect((await peer.answer()).result).toHaveLength(64 * 1024);
  });
});

describe('connections', () => {
  it('a thousand idle ones delay no response; the longest idle are closed first', async () => {
    await using here = await Served.start();
    const first = await here.peer();
    const idle: RawPeer[] = [];
    for (let index = 0; index < 1_000; index += 1) idle.push(await here.peer());
    expect(await here.isWell()).toBe(true);
    await first.closed;
    await expect.poll(() => idle.filter(({ isClosed }) => !isClosed).length).toBe(DEFAULT_LIMITS.maxConnections - 1);
    expect(idle.findIndex(({ isClosed }) => !isClosed)).toBe(1_000 - DEFAULT_LIMITS.maxConnections + 1);
    expect(here.connections).toBeLessThanOrEqual(DEFAULT_LIMITS.maxConnections);
  });

  it('with a running request are not closed for new ones', async () => {
    await using here = await Served.start({ maxConnections: 2 });
    const busy = (await here.peer()).listen();
    busy.request('wait');
    await expect.poll(() => here.held.length).toBe(1);
    const watcher = (await here.peer()).listen();
    watcher.request('watch');
    await watcher.answer();
    expect(await here.isWell()).toBe(true);
    await watcher.closed;
    const second = (await here.peer()).listen();
    second.request('wait');
    await expect.poll(() => here.held.length).toBe(2);
    await (await here.peer()).closed;
    for (const release of here.held) release();
    expect((await busy.answer()).result).toBe('released');
    expect((await second.answer()).result).toBe('released');
  });

  it('without requests for a while are closed, subscribed ones are not', async () => {
    await using here = await Served.start({ idleTimeoutMs: 150 });
    const watcher = (await here.peer()).listen();
    watcher.request('watch');
    await watcher.answer();
    const silent = await here.peer();
    await silent.closed;
    await (await here.peer()).closed;
    expect(watcher.isClosed).toBe(false);
    watcher.request('ping');
    expect((await watcher.answer()).result).toBe('pong');
  });
});
