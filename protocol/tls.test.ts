/** Engine and host over TLS, with real sockets: who gets in, who does not, and what each side is told. */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer, type TLSSocket, connect as tlsConnect } from 'node:tls';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import type { EngineAddress } from './address.ts';
import { RpcClient } from './client.ts';
import { MAX_REQUEST_BYTES, RPC_ERRORS } from './json-rpc.ts';
import type { Log } from './log.ts';
import { readPreSharedKey } from './pre-shared-key.ts';
import { type Method, REMOTE_LIMITS, RpcServer, type ServerLimits } from './server.ts';
import { DEFAULT_DOOR_LIMITS, type DoorLimits } from './tls-door.ts';
import { clientOptions, readIdentity, type TlsIdentity } from './tls-identity.ts';

const directory = mkdtempSync(join(tmpdir(), 'recovery-agent-tls-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const pem = (name: string) => fileURLToPath(new URL(`../test/fixtures/tls/${name}`, import.meta.url));

function keyFile(name: string, bytes: string | Buffer = randomBytes(64).toString('base64'), mode = 0o600): string {
  const path = join(directory, name);
  writeFileSync(path, bytes);
  chmodSync(path, mode);
  return path;
}

const NO_FILES = { keyFile: '', caFile: '', certificateFile: '', certificateKeyFile: '' };
const byKey = (path: string): TlsIdentity => readIdentity({ ...NO_FILES, keyFile: path });
const byCertificate = (name: string, authority = name): TlsIdentity => ({
  ...certificateFiles(name, authority),
  kind: 'certificates',
});

function certificateFiles(name: string, authority: string) {
  return {
    authority: readFileSync(pem(`${authority}.pem`)),
    certificate: readFileSync(pem(`${name}.pem`)),
    key: readFileSync(pem(`${name}.key`)),
  };
}

const KEY = byKey(keyFile('key'));
const OTHER_KEY = byKey(keyFile('other-key'));

const WAIT = { timeout: 20_000 };

class Door implements AsyncDisposable {
  readonly lines: string[] = [];
  readonly held: (() => void)[] = [];
  readonly #sockets: Socket[] = [];
  #server: RpcServer | undefined;

  static async open(
    identity: TlsIdentity,
    limits: Partial<ServerLimits> = {},
    door: Partial<DoorLimits> = {},
  ): Promise<Door> {
    const here = new Door();
    const methods: Record<string, Method> = {
      ping: async () => 'pong',
      echo: async (params) => params,
      wait: () => new Promise((resolve) => here.held.push(() => resolve('released'))),
    };
    const log: Log = (level, message, fields) => here.lines.push(`${level} ${message} ${JSON.stringify(fields)}`);
    here.#server = await RpcServer.listenTls(
      { host: '127.0.0.1', port: 0, identity, log, limits: { ...DEFAULT_DOOR_LIMITS, ...door } },
      methods,
      { ...REMOTE_LIMITS, ...limits },
    );
    return here;
  }

  get port(): number {
    return this.#server?.port ?? 0;
  }

  get connections(): number {
    return this.#server?.connections ?? 0;
  }

  address(identity: TlsIdentity, host = '127.0.0.1'): EngineAddress {
    return { kind: 'tls', host, port: this.port, identity };
  }

  async isWell(identity: TlsIdentity): Promise<boolean> {
    using client = await RpcClient.connect(this.address(identity));
    return (await client.call('ping')) === 'pong';
  }

  /** A peer that has TCP and nothing else. */
  async stranger(): Promise<Socket> {
    const socket = connect({ host: '127.0.0.1', port: this.port });
    this.#sockets.push(socket);
    socket.on('error', () => socket.destroy());
    await once(socket, 'connect');
    return socket;
  }

  /** A peer with the key, whose bytes are its own. */
  async insider(): Promise<TLSSocket> {
    const socket = tlsConnect({ ...clientOptions(KEY, '127.0.0.1'), host: '127.0.0.1', port: this.port });
    this.#sockets.push(socket);
    socket.on('error', () => socket.destroy());
    await once(socket, 'secureConnect');
    return socket;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await this.#server?.close();
  }
}

function closed(socket: Socket): Promise<unknown> {
  // Not `once`: a connection that was reset is closed as well.
  return new Promise((resolve) => (socket.closed ? resolve(null) : socket.resume().once('close', resolve)));
}

describe('a host with the key', () => {
  it('is answered, over TLS 1.3 with an ephemeral exchange of keys', async () => {
    await using here = await Door.open(KEY);
    expect(await here.isWell(KEY)).toBe(true);
    const socket = await here.insider();
    expect(socket.getProtocol()).toBe('TLSv1.3');
    expect(socket.getEphemeralKeyInfo()).toHaveProperty('type');
    expect(Object.keys(socket.getPeerCertificate())).toEqual([]);
    expect(here.lines).toEqual([]);
  });

  it('is told that its key is another one, and so is the engine, once', async () => {
    await using here = await Door.open(KEY);
    for (let index = 0; index < 5; index += 1) {
      await expect(RpcClient.connect(here.address(OTHER_KEY))).rejects.toThrow(
        /^no agreement with the engine: it has another key: 127\.0\.0\.1:\d+ \(ERR_SSL_/,
      );
    }
    await expect
      .poll(() => here.lines, WAIT)
      .toEqual(['warning a peer was turned away: it has another key {"address":"127.0.0.1"}']);
    expect(here.connections).toBe(0);
    expect(await here.isWell(KEY)).toBe(true);
  });

  it('takes nobody for an engine who shows a certificate instead, whoever signed it', async () => {
    const { certificate, key } = certificateFiles('good', 'good');
    const impostor = createServer({ cert: certificate, key, minVersion: 'TLSv1.3' });
    await new Promise<void>((resolve) => impostor.listen(0, '127.0.0.1', resolve));
    const address = impostor.address();
    const port = typeof address === 'object' && address ? address.port : 0;
    try {
      await expect(RpcClient.connect({ kind: 'tls', host: '127.0.0.1', port, identity: KEY })).rejects.toThrow(
        /no agreement with the engine/,
      );
    } finally {
      await new Promise((resolve) => impostor.close(resolve));
    }
  });
});

describe('a host with a certificate', () => {
  const good = byCertificate('good');

  it('is answered when both sides trust the same authority', async () => {
    await using here = await Door.open(good);
    expect(await here.isWell(good)).toBe(true);
  });

  it('is turned away with a certificate of another authority, and both sides say so', async () => {
    await using here = await Door.open(good);
    using client = await RpcClient.connect(here.address(byCertificate('other', 'good'))).catch((error) => error);
    const fault = client instanceof Error ? client : await client.call('ping').catch((error: unknown) => error);
    expect(fault).toMatchObject({ name: 'NoEngine' });
    await expect
      .poll(() => here.lines, WAIT)
      .toEqual([
        'warning a peer was turned away: its certificate is of an authority that is not in ca_file {"address":"127.0.0.1"}',
      ]);
    expect(here.connections).toBe(0);
  });

  it('does not talk to an engine of another authority', async () => {
    await using here = await Door.open(byCertificate('other'));
    await expect(RpcClient.connect(here.address(good))).rejects.toThrow(
      /no agreement with the engine: its certificate is of an authority that is not in ca_file/,
    );
  });

  it('does not talk to an engine whose certificate is made for another name', async () => {
    await using here = await Door.open(good);
    await expect(RpcClient.connect(here.address(good, 'localhost'))).rejects.toThrow(
      /its certificate is made for another name/,
    );
  });

  it('is not let in without one, nor with a key', async () => {
    await using here = await Door.open(good);
    await expect(RpcClient.connect(here.address(KEY))).rejects.toThrow(/no agreement with the engine/);
    const bare = tlsConnect({ host: '127.0.0.1', port: here.port, rejectUnauthorized: false });
    bare.on('error', () => bare.destroy());
    await closed(bare);
    await expect.poll(() => here.lines.join(), WAIT).toContain('it shows no');
    expect(here.connections).toBe(0);
    expect(await here.isWell(good)).toBe(true);
  });
});

describe('who has not proven itself', () => {
  it.each([
    ['garbage', randomBytes(4096)],
    ['a line of ours', '{"jsonrpc":"2.0","id":1,"method":"ping"}\n'],
    ['HTTP', 'GET / HTTP/1.1\r\nHost: x\r\n\r\n'],
    ['megabytes', Buffer.alloc(4 * 1024 * 1024, 0x16)],
    ['nothing, and hangs up', ''],
  ])('learns nothing and harms nothing: %s', async (_, bytes) => {
    await using here = await Door.open(KEY);
    const socket = await here.stranger();
    const heard: Buffer[] = [];
    socket.on('data', (chunk: Buffer) => heard.push(chunk));
    if (bytes === '') socket.end();
    else socket.write(bytes);
    await closed(socket);
    // No more than an alert of TLS: 7 bytes.
    expect(Buffer.concat(heard).length).toBeLessThanOrEqual(7);
    expect(await here.isWell(KEY)).toBe(true);
    expect(here.lines.length).toBeLessThanOrEqual(1);
  });

  it('is sent away when the handshake takes too long', async () => {
    await using here = await Door.open(KEY, {}, { handshakeTimeoutMs: 2_000 });
    const silent = await here.stranger();
    const slow = await here.stranger();
    slow.write(Buffer.from([0x16, 0x03]));
    await Promise.all([closed(silent), closed(slow)]);
    await expect.poll(() => here.lines[0], WAIT).toContain('it did not finish the handshake in time');
    expect(await here.isWell(KEY)).toBe(true);
  });

  it('keeps nobody out however many they are: the address with the most loses its oldest', async () => {
    await using here = await Door.open(KEY, {}, { maxHandshakes: 8, handshakeTimeoutMs: 60_000 });
    const strangers: Socket[] = [];
    for (let index = 0; index < 100; index += 1) strangers.push(await here.stranger());
    expect(await here.isWell(KEY)).toBe(true);
    await expect.poll(() => strangers.filter(({ destroyed }) => !destroyed).length, WAIT).toBeLessThanOrEqual(8);
  });
});

describe('a peer that was let in', () => {
  it('is refused what is too long, and is not heard any more', async () => {
    await using here = await Door.open(KEY, { lineTimeoutMs: 500 });
    const socket = await here.insider();
    const heard: Buffer[] = [];
    socket.on('data', (chunk: Buffer) => heard.push(chunk));
    socket.write('x'.repeat(MAX_REQUEST_BYTES + 1));
    await closed(socket);
    expect(JSON.parse(Buffer.concat(heard).toString())).toMatchObject({ error: { code: RPC_ERRORS.invalidRequest } });
    expect(await here.isWell(KEY)).toBe(true);
  });

  it('has a bounded time for a line', async () => {
    await using here = await Door.open(KEY, { lineTimeoutMs: 200 });
    const socket = await here.insider();
    socket.write('{"jsonrpc"');
    await closed(socket);
    expect(await here.isWell(KEY)).toBe(true);
  });

  it('does not keep the server from closing, nor does one in the middle of its handshake', async () => {
    const here = await Door.open(KEY);
    const [inside, outside] = [await here.insider(), await here.stranger()];
    await here[Symbol.asyncDispose]();
    await Promise.all([closed(inside), closed(outside)]);
  });
});

describe('a key', () => {
  it.each([
    ['open to its group', keyFile('group', undefined, 0o640), /is open to others \(mode 0640\); chmod 600/],
    ['open to all', keyFile('all', undefined, 0o604), /is open to others \(mode 0604\)/],
    ['too short', keyFile('short', `${'k'.repeat(31)}\n\n\n`), /has 31 bytes, less than 32; make one with "recovery-/],
    ['empty', keyFile('empty', ''), /has 0 bytes/],
    ['too long', keyFile('long', Buffer.alloc(4097)), /longer than 4096 bytes/],
    ['missing', join(directory, 'missing'), /missing cannot be read \(ENOENT\); copy it there from an engine/],
    ['a directory', directory, /is no regular file/],
    ['a device', '/dev/null', /is no regular file/],
  ])('is refused with its name and what to do when it is %s', (_, path, message) => {
    expect(() => readPreSharedKey(path)).toThrow(message);
  });

  it('may have any bytes, and the line end that an editor adds is none of them', () => {
    const bytes = Buffer.concat([randomBytes(4000), Buffer.from('x')]);
    const plain = readPreSharedKey(keyFile('plain', bytes));
    expect(plain).toEqual(readPreSharedKey(keyFile('edited', Buffer.concat([bytes, Buffer.from('\r\n')]))));
    expect(plain).not.toEqual(readPreSharedKey(keyFile('changed', Buffer.concat([bytes, Buffer.from('y')]))));
    expect(plain).toHaveLength(32);
  });
});
