import { createSocket } from 'node:dgram';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { DEFAULT_OPTIONS, type EngineOptions } from '#config/options/options.ts';
import { retirePrevious, rotate } from '#protocol/identity/key-ring.ts';
import type { Log } from '#protocol/log.ts';
import { KeyFiles } from '#test/world/key-files.ts';
import type { Fact } from '../source.ts';
import { HeartbeatKeys } from './keys.ts';
import { formatPacket, parsePacket } from './packet.ts';
import { nextSequence, sendHeartbeats } from './sender.ts';
import { createHeartbeatSource } from './source.ts';

const TIMEOUT = { timeout: 20_000, interval: 20 };
const quiet: Log = () => undefined;

async function freePort(): Promise<number> {
  const socket = createSocket('udp4');
  const { promise, resolve } = Promise.withResolvers<void>();
  socket.bind(0, '127.0.0.1', resolve);
  await promise;
  const { port } = socket.address();
  const closed = Promise.withResolvers<void>();
  socket.close(() => closed.resolve());
  await closed.promise;
  return port;
}

async function place(change: Partial<EngineOptions['heartbeat']> = {}): Promise<EngineOptions> {
  const folder = mkdtempSync(join(tmpdir(), 'heartbeat-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const keyFile = new KeyFiles(folder).issue('watcher', true);
  const port = await freePort();
  return {
    ...DEFAULT_OPTIONS,
    hostSources: { ...DEFAULT_OPTIONS.hostSources, inventory: join(folder, 'hosts.yaml') },
    heartbeat: {
      ...DEFAULT_OPTIONS.heartbeat,
      listen: '127.0.0.1',
      port,
      sendTo: '127.0.0.1',
      intervalMs: 50,
      timeoutMs: 2_000,
      keyFile,
      ...change,
    },
  };
}

/** The facts of a source, and a log; both end with the test. */
async function watched(options: EngineOptions, node = 'watcher') {
  const source = await createHeartbeatSource(options, node);
  const facts: Fact[] = [];
  const lines: string[] = [];
  const end = new AbortController();
  const done = source.follow?.(
    (received) => facts.push(...received),
    (level, message, fields) => lines.push(`${level} ${message} ${JSON.stringify(fields ?? {})}`),
    end.signal,
  );
  const stop = async () => {
    end.abort();
    await done;
  };
  onTestFinished(stop);
  // Resolves when the socket listens; blind until the first heartbeat.
  await source.poll(AbortSignal.timeout(20_000)).catch(() => undefined);
  const newest = (host: string) => facts.findLast((fact) => fact.host === host)?.state;
  return { source, facts, lines, newest, stop };
}

/** The options of another host, with the key that was issued to it. */
function ofHost(options: EngineOptions, host: string): EngineOptions {
  const keyFile = new KeyFiles(dirname(options.heartbeat.keyFile)).issue(host);
  return { ...options, heartbeat: { ...options.heartbeat, keyFile } };
}

function sending(options: EngineOptions, host: string) {
  const end = new AbortController();
  const done = sendHeartbeats(ofHost(options, host), host, quiet, end.signal);
  const stop = async () => {
    end.abort();
    await done;
  };
  onTestFinished(stop);
  return { stop };
}

/** One datagram of another sender. */
async function send(port: number, bytes: Uint8Array): Promise<void> {
  const socket = createSocket('udp4');
  const { promise, resolve } = Promise.withResolvers<unknown>();
  socket.send(bytes, port, '127.0.0.1', resolve);
  await promise;
  socket.close();
}

const beat = (options: EngineOptions, host: string) =>
  formatPacket(
    { kind: 'beat', time: Date.now(), bootId: 'ab'.repeat(16), sequence: nextSequence(0n), host },
    new HeartbeatKeys(ofHost(options, host)).signing(host),
  );

describe('heartbeats over a real socket', () => {
  test('a host that sends is up, one that stops in order is leaving', async () => {
    const options = await place();
    const { newest, facts, source } = await watched(options);
    const sender = sending(options, 'compute-1');
    await vi.waitFor(() => expect(newest('compute-1')).toBe('up'), TIMEOUT);
    expect(await source.poll(AbortSignal.timeout(20_000))).toMatchObject([{ host: 'compute-1', state: 'up' }]);
    await sender.stop();
    await vi.waitFor(() => expect(newest('compute-1')).toBe('leaving'), TIMEOUT);
    expect(await source.poll(AbortSignal.timeout(20_000))).toMatchObject([{ host: 'compute-1', state: 'leaving' }]);
    expect(facts.every((fact) => fact.proof === undefined && fact.source === 'heartbeat')).toBe(true);
  });

  test('a sender that is restarted on the same boot is up at once', async () => {
    const options = await place();
    const { newest, lines } = await watched(options);
    const first = sending(options, 'compute-1');
    await vi.waitFor(() => expect(newest('compute-1')).toBe('up'), TIMEOUT);
    await first.stop();
    await vi.waitFor(() => expect(newest('compute-1')).toBe('leaving'), TIMEOUT);
    sending(options, 'compute-1');
    await vi.waitFor(() => expect(newest('compute-1')).toBe('up'), TIMEOUT);
    expect(lines).toEqual([]);
  });

  test('a host that falls silent is down, without proof; others stay up', async () => {
    const options = await place({ timeoutMs: 1_000 });
    const { newest, facts } = await watched(options);
    sending(options, 'compute-1');
    sending(options, 'compute-2');
    await vi.waitFor(() => expect(newest('compute-1')).toBe('up'), TIMEOUT);
    await send(options.heartbeat.port, beat(options, 'dead'));
    await vi.waitFor(() => expect(newest('dead')).toBe('down'), TIMEOUT);
    expect(facts.findLast((fact) => fact.host === 'dead')).not.toHaveProperty('proof');
    await vi.waitFor(() => expect(newest('compute-1')).toBe('up'), TIMEOUT);
  });

  test('a replayed packet does not make a host up, and is logged', async () => {
    const options = await place({ timeoutMs: 1_000 });
    const { newest, lines, facts } = await watched(options);
    sending(options, 'compute-1');
    sending(options, 'compute-2');
    const [older, newer] = [beat(options, 'dead'), beat(options, 'dead')];
    await send(options.heartbeat.port, newer);
    await vi.waitFor(() => expect(newest('dead')).toBe('down'), TIMEOUT);
    const before = facts.filter((fact) => fact.host === 'dead' && fact.state === 'up').length;
    await send(options.heartbeat.port, newer);
    await send(options.heartbeat.port, older);
    await vi.waitFor(() => expect(lines.join()).toContain('heartbeats refused, replayed'), TIMEOUT);
    expect(facts.filter((fact) => fact.host === 'dead' && fact.state === 'up')).toHaveLength(before);
  });

  test('foreign datagrams are refused, and do not fill the log', async () => {
    const options = await place();
    const { newest, lines, stop } = await watched(options);
    const packet = { kind: 'beat', time: Date.now(), bootId: 'ab'.repeat(16), sequence: 1n, host: 'evil' } as const;
    for (let n = 0; n < 50; n += 1) {
      await send(options.heartbeat.port, formatPacket(packet, Buffer.alloc(32, 'x')));
      await send(options.heartbeat.port, Buffer.alloc(n * 100));
    }
    sending(options, 'compute-1');
    await vi.waitFor(() => expect(newest('compute-1')).toBe('up'), TIMEOUT);
    expect(newest('evil')).toBeUndefined();
    await stop();
    expect(lines.filter((line) => line.includes('wrong key')).length).toBeLessThanOrEqual(2);
    expect(lines.length).toBeLessThanOrEqual(4);
  });

  test('heartbeats of the watcher itself are ignored', async () => {
    const options = await place();
    const { newest, facts } = await watched(options, 'compute-1');
    sending(options, 'compute-1');
    sending(options, 'compute-2');
    await vi.waitFor(() => expect(newest('compute-2')).toBe('up'), TIMEOUT);
    expect(facts.filter((fact) => fact.host === 'compute-1')).toEqual([]);
  });

  test('hosts of the inventory are expected', async () => {
    const options = await place({ timeoutMs: 1_000 });
    writeFileSync(options.hostSources.inventory, 'hosts: { compute-1: {}, compute-2: {}, compute-3: {}, watcher: {} }');
    const { newest } = await watched(options);
    sending(options, 'compute-1');
    sending(options, 'compute-2');
    await vi.waitFor(() => expect(newest('compute-3')).toBe('down'), TIMEOUT);
    await vi.waitFor(() => expect(newest('compute-1')).toBe('up'), TIMEOUT);
    expect(newest('watcher')).toBeUndefined();
  });

  test('a port in use is logged, and opened when it is free', { timeout: 60_000 }, async () => {
    const options = await place();
    const other = createSocket('udp4');
    const bound = Promise.withResolvers<void>();
    other.bind(options.heartbeat.port, '127.0.0.1', bound.resolve);
    await bound.promise;
    const source = await createHeartbeatSource(options, 'watcher');
    const lines: string[] = [];
    const end = new AbortController();
    const done = source.follow?.(
      () => undefined,
      (_, message) => lines.push(message),
      end.signal,
    );
    await expect(source.poll(AbortSignal.timeout(20_000))).rejects.toThrow('EADDRINUSE');
    expect(lines).toEqual(['heartbeats cannot be received; retrying']);
    other.close();
    await vi.waitFor(async () => {
      await expect(source.poll(AbortSignal.timeout(20_000))).rejects.toThrow('no heartbeat was received so far');
    }, TIMEOUT);
    end.abort();
    await done;
  });

  test('one poll without following listens until the state is known', async () => {
    const options = await place({ timeoutMs: 700 });
    writeFileSync(options.hostSources.inventory, 'hosts: { compute-1: {}, compute-2: {}, compute-3: {} }');
    sending(options, 'compute-1');
    sending(options, 'compute-2');
    const source = await createHeartbeatSource(options, 'watcher');
    const state = async () =>
      Object.fromEntries((await source.poll(AbortSignal.timeout(20_000))).map(({ host, state }) => [host, state]));
    const expected = { 'compute-1': 'up', 'compute-2': 'up', 'compute-3': 'down' };
    expect(await state()).toEqual(expected);
    expect(await state()).toEqual(expected);
  });
});

describe('keys', () => {
  test('of a watcher check each host by its own key: no other host can send in its name', async () => {
    const options = await place();
    const keys = new HeartbeatKeys(options);
    const evil = new HeartbeatKeys(ofHost(options, 'evil')).signing('evil');
    const packet = { kind: 'beat', time: Date.now(), bootId: 'ab'.repeat(16), sequence: 1n } as const;
    expect(parsePacket(formatPacket({ ...packet, host: 'evil' }, evil), (host) => keys.of(host))).toMatchObject({
      host: 'evil',
    });
    expect(parsePacket(formatPacket({ ...packet, host: 'h' }, evil), (host) => keys.of(host))).toBe('wrong key');
    expect(() => new HeartbeatKeys(ofHost(options, 'evil')).signing('h')).toThrow(
      /evil\.key was issued to host evil, and this host is h/,
    );
    await expect(createHeartbeatSource(ofHost(options, 'evil'), 'evil')).rejects.toThrow(
      /checks no heartbeats of other hosts; issue it with "recovery-agent key issue HOST --watcher"/,
    );
  });

  test('are renewed while everything runs: a watcher with the new ones accepts both generations', async () => {
    const options = await place();
    const ring = new KeyFiles(dirname(options.heartbeat.keyFile));
    const keys = new HeartbeatKeys(options);
    const of = (host: string) => keys.of(host);
    const first = beat(options, 'h');
    ring.change((before) => rotate(before, new Date().toISOString()));
    const second = beat(options, 'h');
    expect(parsePacket(first, of)).toMatchObject({ host: 'h' });
    expect(parsePacket(second, of)).toBe('wrong key');
    ring.issue('watcher', true);
    keys.refresh();
    expect(parsePacket(first, of)).toMatchObject({ host: 'h' });
    expect(parsePacket(second, of)).toMatchObject({ host: 'h' });
    ring.change(retirePrevious);
    ring.issue('watcher', true);
    keys.refresh();
    expect(parsePacket(first, of)).toBe('wrong key');
    expect(parsePacket(second, of)).toMatchObject({ host: 'h' });
  });

  test('that all hosts share are refused, unless the configuration accepts them', async () => {
    const options = await place();
    const { keyFile } = options.heartbeat;
    writeFileSync(keyFile, 'a1'.repeat(32), { mode: 0o600 });
    await expect(createHeartbeatSource(options, 'w')).rejects.toThrow(/is not of this host alone: issue one with/);
    const heartbeat = { ...options.heartbeat, sharedKey: 'accept' } as const;
    const keys = new HeartbeatKeys({ ...options, heartbeat });
    expect(keys.of('h')).toEqual([keys.signing('h')]);
  });

  test('that become unusable leave the previous ones in use', async () => {
    const options = await place();
    const keys = new HeartbeatKeys(options);
    const before = keys.of('h');
    const { keyFile } = options.heartbeat;
    writeFileSync(keyFile, readFileSync(keyFile, 'utf8').replace('"watched"', '"other"'));
    keys.refresh();
    expect(keys.fault).toContain('holds no complete "recovery-agent host key"');
    expect(keys.of('h')).toEqual(before);
  });

  test('that are missing, readable by every user or too short are refused with a remedy', async () => {
    const options = await place();
    const { keyFile } = options.heartbeat;
    const create = () => createHeartbeatSource(options, 'watcher');
    const { key } = JSON.parse(readFileSync(keyFile, 'utf8'));
    chmodSync(keyFile, 0o644);
    await expect(create()).rejects.toThrow(`chmod 640 ${keyFile}`);
    await expect(create()).rejects.not.toThrow(key);
    chmodSync(keyFile, 0o600);
    writeFileSync(keyFile, 'k'.repeat(31));
    await expect(create()).rejects.toThrow('must have 32 to 4096 bytes, not 31');
    rmSync(keyFile);
    await expect(create()).rejects.toThrow('recovery-agent key issue HOST');
    await expect(sendHeartbeats(options, 'h', quiet, AbortSignal.timeout(1))).rejects.toThrow('key issue HOST');
  });
});

describe('the sender', () => {
  test('does nothing if no address is configured', async () => {
    await sendHeartbeats(await place({ sendTo: '' }), 'h', quiet, new AbortController().signal);
  });

  test('sends to all that it can reach, and logs once which it cannot', async () => {
    const options = await place();
    const { newest } = await watched(options);
    const lines: string[] = [];
    const end = new AbortController();
    // A socket may send to the broadcast address only after setting an option: the kernel refuses (EACCES).
    const both = { ...options, heartbeat: { ...options.heartbeat, sendTo: '255.255.255.255, 127.0.0.1' } };
    const done = sendHeartbeats(
      ofHost(both, 'compute-1'),
      'compute-1',
      (_, message) => lines.push(message),
      end.signal,
    );
    await vi.waitFor(() => expect(newest('compute-1')).toBe('up'), TIMEOUT);
    end.abort();
    await done;
    expect(lines).toEqual(['heartbeats are not sent; retrying']);
  });

  test('accepts no names, which would need a name server', async () => {
    const options = await place({ sendTo: 'controller-1' });
    await expect(sendHeartbeats(options, 'h', quiet, AbortSignal.timeout(1))).rejects.toThrow('is no IP address');
  });

  test('continues the sequence, also if the clock does not advance', () => {
    const first = nextSequence(0n);
    expect(nextSequence(first)).toBeGreaterThan(first);
    expect(nextSequence(2n ** 62n)).toBe(2n ** 62n + 1n);
  });
});
