/** Engine and host over TLS, with real sockets: which peers are admitted, and the messages on each side. */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer, type TLSSocket, connect as tlsConnect } from 'node:tls';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it, onTestFinished } from 'vitest';
import type { EngineAddress } from './address.ts';
import { RpcClient } from './client.ts';
import { formatHostKey } from './identity/host-key.ts';
import { issue, type KeyRing, newKeyRing, retirePrevious, revoke, rotate } from './identity/key-ring.ts';
import { MAX_REQUEST_BYTES, RPC_ERRORS } from './json-rpc.ts';
import type { Log } from './log.ts';
import { readPreSharedKey } from './pre-shared-key.ts';
import { type Method, REMOTE_LIMITS, RpcServer, type ServerLimits } from './server.ts';
import { type Admission, clientOptions, readIdentity, type TlsIdentity } from './tls-identity.ts';
import { DEFAULT_DOOR_LIMITS, type DoorLimits } from './tls-server.ts';

const directory = mkdtempSync(join(tmpdir(), 'recovery-agent-tls-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const pem = (name: string) => fileURLToPath(new URL(`../test/fixtures/tls/${name}`, import.meta.url));

function keyFile(name: string, bytes: string | Buffer = randomBytes(64).toString('base64'), mode = 0o600): string {
  const path = join(directory, name);
  writeFileSync(path, bytes);
  chmodSync(path, mode);
  return path;
}

const NO_FILES = {
  keyFile: '',
  sharedKey: 'refuse',
  caFile: '',
  certificateFile: '',
  certificateKeyFile: '',
} as const;
const byCertificate = (name: string, authority = name): Certificates => ({
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

type Certificates = Extract<TlsIdentity, { kind: 'certificates' }>;

const NOW = '2026-11-29T00:00:00Z';

/** The key ring of an engine, which may change while it listens, and the keys that it issued. */
class Ring {
  #ring = newKeyRing(NOW);

  readonly admission: Admission = { kind: 'keys', ring: () => this.#ring };

  /** As the host reads it from its file. */
  issue(host: string): TlsIdentity {
    const { ring, key } = issue(this.#ring, host, { watcher: false, now: NOW });
    this.#ring = ring;
    const path = join(directory, `${host}.key`);
    writeFileSync(path, formatHostKey(key), { mode: 0o600 });
    return readIdentity({ ...NO_FILES, keyFile: path });
  }

  change(change: (ring: KeyRing) => KeyRing): void {
    this.#ring = change(this.#ring);
  }
}

const RING = new Ring();
const KEY = RING.issue('compute-1');
const OTHER_KEY = new Ring().issue('compute-1');

const WAIT = { timeout: 20_000 };

class Door implements AsyncDisposable {
  readonly lines: string[] = [];
  readonly held: (() => void)[] = [];
  readonly #sockets: Socket[] = [];
  #server: RpcServer | undefined;

  static async open(
    identity: Admission,
    limits: Partial<ServerLimits> = {},
    door: Partial<DoorLimits> = {},
  ): Promise<Door> {
    const here = new Door();
    const methods: Record<string, Method> = {
      ping: async () => 'pong',
      who: async (_, { caller }) => caller,
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
  it('gets a response, over TLS 1.3 with an ephemeral exchange of keys', async () => {
    await using here = await Door.open(RING.admission);
    expect(await here.isWell(KEY)).toBe(true);
    const socket = await here.insider();
    expect(socket.getProtocol()).toBe('TLSv1.3');
    expect(socket.getEphemeralKeyInfo()).toHaveProperty('type');
    expect(Object.keys(socket.getPeerCertificate())).toEqual([]);
    expect(here.lines).toEqual([]);
  });

  it('gets the reason if its key is another one, and the engine logs it once', async () => {
    await using here = await Door.open(RING.admission);
    for (let index = 0; index < 5; index += 1) {
      await expect(RpcClient.connect(here.address(OTHER_KEY))).rejects.toThrow(
        /^no agreement with the engine: it does not accept our key, .*: 127\.0\.0\.1:\d+ \(ERR_SSL_/,
      );
    }
    await expect
      .poll(() => here.lines, WAIT)
      .toEqual(['warning a peer was turned away: it has another key (as host compute-1) {"address":"127.0.0.1"}']);
    expect(here.connections).toBe(0);
    expect(await here.isWell(KEY)).toBe(true);
  });

  it('does not accept a peer as an engine that shows a certificate instead, of any authority', async () => {
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

describe('a key of one host', () => {
  it('names that host, with the role that every host has', async () => {
    await using here = await Door.open(RING.admission);
    using client = await RpcClient.connect(here.address(RING.issue('Compute-7')));
    const expected = { identity: 'Compute-7', host: 'Compute-7', roles: ['host'], address: '127.0.0.1' };
    expect(await client.call('who')).toEqual(expected);
  });

  it('has one identity, and so one share of the limits, for any spelling of its name', async () => {
    await using here = await Door.open(RING.admission, { maxConnectionsOfIdentity: 2 });
    const key = RING.issue('Compute-8');
    if (key.kind !== 'host key') throw new Error('a key was issued');
    for (const host of ['compute-8', 'COMPUTE-8', 'cOMPUTE-8', 'compute-8.']) {
      const client = await RpcClient.connect(here.address({ ...key, host }));
      onTestFinished(() => client[Symbol.dispose]());
      expect(await client.call('who')).toMatchObject({ identity: 'Compute-8', host: 'Compute-8' });
    }
    await expect.poll(() => here.connections, WAIT).toBe(2);
  });

  it('proves no other name, and does not make its owner an engine for another host', async () => {
    await using here = await Door.open(RING.admission);
    const evil = RING.issue('evil-5');
    if (evil.kind !== 'host key') throw new Error('a key was issued');
    await expect(RpcClient.connect(here.address({ ...evil, host: 'compute-1' }))).rejects.toThrow(/does not accept/);
    await expect(RpcClient.connect(here.address({ ...evil, serial: 2 }))).rejects.toThrow(/does not accept/);
    // All that it holds is its own key; it would have to know the one of compute-1.
    const impostor = createServer({
      minVersion: 'TLSv1.3',
      ciphers: 'TLS_AES_128_GCM_SHA256',
      pskCallback: () => evil.key,
    });
    impostor.on('tlsClientError', () => {});
    await new Promise<void>((resolve) => impostor.listen(0, '127.0.0.1', resolve));
    const bound = impostor.address();
    const port = typeof bound === 'object' && bound ? bound.port : 0;
    try {
      await expect(RpcClient.connect({ kind: 'tls', host: '127.0.0.1', port, identity: KEY })).rejects.toThrow(
        /no agreement with the engine/,
      );
    } finally {
      await new Promise((resolve) => impostor.close(resolve));
    }
  });

  it('stays valid through one rotation, and the next one ends it', async () => {
    const ring = new Ring();
    await using here = await Door.open(ring.admission);
    const first = ring.issue('compute-1');
    ring.change((before) => rotate(before, NOW));
    const second = ring.issue('compute-1');
    expect(await here.isWell(second)).toBe(true);
    expect(here.lines).toEqual([]);
    for (let index = 0; index < 2; index += 1) expect(await here.isWell(first)).toBe(true);
    expect(here.lines).toEqual([
      'warning host uses an old key although a newer one was issued to it; put that on the host {"host":"compute-1","generation":1}',
    ]);
    ring.change((before) => rotate(before, NOW));
    await expect(RpcClient.connect(here.address(first))).rejects.toThrow(/does not accept our key/);
    expect(await here.isWell(second)).toBe(true);
    ring.change(retirePrevious);
    await expect(RpcClient.connect(here.address(second))).rejects.toThrow(/does not accept our key/);
    await expect
      .poll(() => here.lines.join(), WAIT)
      .toContain('(as host compute-1: its key is of a generation that is not valid any more)');
  });

  it('ends at once when it is revoked, on the connection that is open as well, and a new one is valid', async () => {
    const ring = new Ring();
    await using here = await Door.open(ring.admission);
    const lost = ring.issue('compute-3');
    const other = ring.issue('compute-4');
    using client = await RpcClient.connect(here.address(lost));
    expect(await client.call('ping')).toBe('pong');
    ring.change((before) => revoke(before, 'compute-3', NOW));
    await expect(client.call('ping')).rejects.toMatchObject({ name: 'NoEngine' });
    await expect(RpcClient.connect(here.address(lost))).rejects.toThrow(/does not accept our key/);
    await expect(RpcClient.connect(here.address({ ...lost, host: 'Compute-3' } as TlsIdentity))).rejects.toThrow(
      /does not accept our key/,
    );
    expect(await here.isWell(ring.issue('compute-3'))).toBe(true);
    expect(await here.isWell(other)).toBe(true);
    await expect(RpcClient.connect(here.address(lost))).rejects.toThrow(/does not accept our key/);
  });

  it('is not admitted by a resumed session', async () => {
    await using here = await Door.open(RING.admission);
    const first = await here.insider();
    const ticket = new Promise<Buffer | undefined>((resolve) => first.once('session', resolve));
    first.write('{"jsonrpc":"2.0","id":1,"method":"ping"}\n');
    const session = await ticket;
    const options = { ...clientOptions(KEY, '127.0.0.1'), host: '127.0.0.1', port: here.port };
    const again = tlsConnect({ ...options, pskCallback: () => null, session });
    again.on('error', () => again.destroy());
    again.write('{"jsonrpc":"2.0","id":1,"method":"ping"}\n');
    const received: Buffer[] = [];
    again.on('data', (chunk: Buffer) => received.push(chunk));
    await closed(again);
    expect(Buffer.concat(received).toString()).toBe('');
  });

  it('that all nodes share is refused, unless the engine accepts it: then it names no host', async () => {
    const path = keyFile('shared');
    expect(() => readIdentity({ ...NO_FILES, keyFile: path })).toThrow(/contains no key of this host alone; issue one/);
    const shared = readIdentity({ ...NO_FILES, sharedKey: 'accept', keyFile: path });
    await using strict = await Door.open(RING.admission);
    await expect(RpcClient.connect(strict.address(shared))).rejects.toThrow(/does not accept our key/);
    await expect.poll(() => strict.lines.join(), WAIT).toContain('a key that all nodes share, which is not accepted');
    await using open = await Door.open({ ...RING.admission, sharedKey: readPreSharedKey(path) } as Admission);
    using client = await RpcClient.connect(open.address(shared));
    expect(await client.call('who')).toMatchObject({ identity: 'shared key', host: null });
    expect(await open.isWell(KEY)).toBe(true);
  });
});

describe('a host with a certificate', () => {
  const engine = byCertificate('good');
  const host = byCertificate('compute-1', 'good');

  it('gets a response if both sides trust the same authority, by the name in its certificate', async () => {
    await using here = await Door.open(engine);
    using client = await RpcClient.connect(here.address(host));
    expect(await client.call('who')).toMatchObject({ identity: 'compute-1.example.org', roles: ['host'] });
  });

  it.each(['no-host', 'two-hosts'])('is not admitted with a certificate of %s', async (name) => {
    await using here = await Door.open(engine);
    using client = await RpcClient.connect(here.address(byCertificate(name, 'good')));
    await expect(client.call('ping')).rejects.toMatchObject({ name: 'NoEngine' });
    await expect.poll(() => here.lines.join(), WAIT).toContain('its certificate names no host, or several');
    expect(here.connections).toBe(0);
  });

  it('is no engine, although its certificate has the right address', async () => {
    await using here = await Door.open(byCertificate('compute-1', 'good'));
    await expect(RpcClient.connect(here.address(host))).rejects.toThrow(/is not made for this use/);
  });

  it('is turned away with a certificate of another authority, and both sides log it', async () => {
    await using here = await Door.open(engine);
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
    await expect(RpcClient.connect(here.address(host))).rejects.toThrow(
      /no agreement with the engine: its certificate is of an authority that is not in ca_file/,
    );
  });

  it('does not talk to an engine whose certificate is made for another name', async () => {
    await using here = await Door.open(engine);
    await expect(RpcClient.connect(here.address(host, 'localhost'))).rejects.toThrow(
      /its certificate is made for another name/,
    );
  });

  it('is not admitted without one, nor with a key', async () => {
    await using here = await Door.open(engine);
    await expect(RpcClient.connect(here.address(KEY))).rejects.toThrow(/no agreement with the engine/);
    const bare = tlsConnect({ host: '127.0.0.1', port: here.port, rejectUnauthorized: false });
    bare.on('error', () => bare.destroy());
    await closed(bare);
    await expect.poll(() => here.lines.join(), WAIT).toContain('it shows no');
    expect(here.connections).toBe(0);
    expect(await here.isWell(host)).toBe(true);
  });
});

describe('a peer that is not authenticated', () => {
  it.each([
    ['garbage', randomBytes(4096)],
    ['a line of ours', '{"jsonrpc":"2.0","id":1,"method":"ping"}\n'],
    ['HTTP', 'GET / HTTP/1.1\r\nHost: x\r\n\r\n'],
    ['megabytes', Buffer.alloc(4 * 1024 * 1024, 0x16)],
    ['nothing, and a disconnect', ''],
  ])('gets nothing and has no effect: %s', async (_, bytes) => {
    await using here = await Door.open(RING.admission);
    const socket = await here.stranger();
    const received: Buffer[] = [];
    socket.on('data', (chunk: Buffer) => received.push(chunk));
    if (bytes === '') socket.end();
    else socket.write(bytes);
    await closed(socket);
    // No more than an alert of TLS: 7 bytes.
    expect(Buffer.concat(received).length).toBeLessThanOrEqual(7);
    expect(await here.isWell(KEY)).toBe(true);
    expect(here.lines.length).toBeLessThanOrEqual(1);
  });

  it('is disconnected if the handshake takes too long', async () => {
    await using here = await Door.open(RING.admission, {}, { handshakeTimeoutMs: 2_000 });
    const silent = await here.stranger();
    const slow = await here.stranger();
    slow.write(Buffer.from([0x16, 0x03]));
    await Promise.all([closed(silent), closed(slow)]);
    await expect.poll(() => here.lines[0], WAIT).toContain('it did not finish the handshake in time');
    expect(await here.isWell(KEY)).toBe(true);
  });

  it('does not lock others out in any number: the address with the most loses its oldest', async () => {
    await using here = await Door.open(RING.admission, {}, { maxHandshakes: 8, handshakeTimeoutMs: 60_000 });
    const strangers: Socket[] = [];
    for (let index = 0; index < 100; index += 1) strangers.push(await here.stranger());
    expect(await here.isWell(KEY)).toBe(true);
    await expect.poll(() => strangers.filter(({ destroyed }) => !destroyed).length, WAIT).toBeLessThanOrEqual(8);
  });
});

describe('an admitted peer', () => {
  it('is refused if its line is too long, and nothing more is read', async () => {
    await using here = await Door.open(RING.admission, { lineTimeoutMs: 500 });
    const socket = await here.insider();
    const received: Buffer[] = [];
    socket.on('data', (chunk: Buffer) => received.push(chunk));
    socket.write('x'.repeat(MAX_REQUEST_BYTES + 1));
    await closed(socket);
    expect(JSON.parse(Buffer.concat(received).toString())).toMatchObject({
      error: { code: RPC_ERRORS.invalidRequest },
    });
    expect(await here.isWell(KEY)).toBe(true);
  });

  it('has a timeout for a line', async () => {
    await using here = await Door.open(RING.admission, { lineTimeoutMs: 200 });
    const socket = await here.insider();
    socket.write('{"jsonrpc"');
    await closed(socket);
    expect(await here.isWell(KEY)).toBe(true);
  });

  it('does not prevent the server from closing, nor does one during its handshake', async () => {
    const here = await Door.open(RING.admission);
    const [inside, outside] = [await here.insider(), await here.stranger()];
    await here[Symbol.asyncDispose]();
    await Promise.all([closed(inside), closed(outside)]);
  });
});

describe('a key', () => {
  it.each([
    ['open to its group', keyFile('group', undefined, 0o640), /is open to others \(mode 0640\); chmod 600/],
    ['open to all', keyFile('all', undefined, 0o604), /is open to others \(mode 0604\)/],
    ['too short', keyFile('short', `${'k'.repeat(31)}\n\n\n`), /has 31 bytes, less than 32/],
    ['empty', keyFile('empty', ''), /has 0 bytes/],
    ['too long', keyFile('long', Buffer.alloc(4097)), /longer than 4096 bytes/],
    ['missing', join(directory, 'missing'), /missing cannot be read \(ENOENT\)/],
    ['a directory', directory, /is no regular file/],
    ['a device', '/dev/null', /is no regular file/],
  ])('is refused with its name and a remedy if it is %s', (_, path, message) => {
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
