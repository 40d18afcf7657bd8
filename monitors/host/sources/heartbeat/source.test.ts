import { createSocket } from 'node:dgram';
import { chmodSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { DEFAULT_OPTIONS, type EngineOptions } from '#config/options.ts';
import type { Log } from '#protocol/log.ts';
import type { Fact } from '../fact.ts';
import { HeartbeatKeys } from './keys.ts';
import { formatPacket, parsePacket } from './packet.ts';
import { nextSequence, sendHeartbeats } from './sender.ts';
import { createHeartbeatSource } from './source.ts';

const PATIENCE = { timeout: 20_000, interval: 20 };
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
  const keyFile = join(folder, 'key');
  writeFileSync(keyFile, `${'a1'.repeat(32)}\n`, { mode: 0o600 });
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

/** What a source tells, and a log; both end with the test. */
async function watched(options: EngineOptions, node = 'watcher') {
  const source = await createHeartbeatSource(options, node);
  const facts: Fact[] = [];
  const lines: string[] = [];
  const end = new AbortController();
  const done = source.follow?.(
    (told) => facts.push(...told),
    (level, message, fields) => lines.push(`${level} ${message} ${JSON.stringify(fields ?? {})}`),
    end.signal,
  );
  const stop = async () => {
    end.abort();
    await done;
  };
  onTestFinished(stop);
  await source.look(AbortSignal.timeout(20_000));
  const newest = (host: string) => facts.findLast((fact) => fact.host === host)?.says;
  return { source, facts, lines, newest, stop };
}

function sending(options: EngineOptions, host: string) {
  const end = new AbortController();
  const done = sendHeartbeats(options, host, quiet, end.signal);
  const stop = async () => {
    end.abort();
    await done;
  };
  onTestFinished(stop);
  return { stop };
}

/** One datagram from somebody else. */
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
    new HeartbeatKeys(options.heartbeat.keyFile, '').current,
  );

describe('heartbeats over a real socket', () => {
  test('a host that sends is up, one that stops in order is leaving', async () => {
    const options = await place();
    const { newest, facts, source } = await watched(options);
    const sender = sending(options, 'compute-1');
    await vi.waitFor(() => expect(newest('compute-1')).toBe('up'), PATIENCE);
    expect(await source.look(AbortSignal.timeout(20_000))).toMatchObject([{ host: 'compute-1', says: 'up' }]);
    await sender.stop();
    await vi.waitFor(() => expect(newest('compute-1')).toBe('leaving'), PATIENCE);
    expect(await source.look(AbortSignal.timeout(20_000))).toMatchObject([{ host: 'compute-1', says: 'leaving' }]);
    expect(facts.every((fact) => fact.proof === undefined && fact.source === 'heartbeat')).toBe(true);
  });

  test('a sender that is started anew on the same boot is heard at once', async () => {
    const options = await place();
    const { newest, lines } = await watched(options);
    const first = sending(options, 'compute-1');
    await vi.waitFor(() => expect(newest('compute-1')).toBe('up'), PATIENCE);
    await first.stop();
    await vi.waitFor(() => expect(newest('compute-1')).toBe('leaving'), PATIENCE);
    sending(options, 'compute-1');
    await vi.waitFor(() => expect(newest('compute-1')).toBe('up'), PATIENCE);
    expect(lines).toEqual([]);
  });

  test('a host that falls silent is down, without proof; others stay up', async () => {
    const options = await place({ timeoutMs: 1_000 });
    const { newest, facts } = await watched(options);
    sending(options, 'compute-1');
    sending(options, 'compute-2');
    await vi.waitFor(() => expect(newest('compute-1')).toBe('up'), PATIENCE);
    await send(options.heartbeat.port, beat(options, 'dead'));
    await vi.waitFor(() => expect(newest('dead')).toBe('down'), PATIENCE);
    expect(facts.findLast((fact) => fact.host === 'dead')).not.toHaveProperty('proof');
    await vi.waitFor(() => expect(newest('compute-1')).toBe('up'), PATIENCE);
  });

  test('a replayed packet does not bring a host back, and is told to the log', async () => {
    const options = await place({ timeoutMs: 1_000 });
    const { newest, lines, facts } = await watched(options);
    sending(options, 'compute-1');
    sending(options, 'compute-2');
    const [older, newer] = [beat(options, 'dead'), beat(options, 'dead')];
    await send(options.heartbeat.port, newer);
    await vi.waitFor(() => expect(newest('dead')).toBe('down'), PATIENCE);
    const before = facts.filter((fact) => fact.host === 'dead' && fact.says === 'up').length;
    await send(options.heartbeat.port, newer);
    await send(options.heartbeat.port, older);
    await vi.waitFor(() => expect(lines.join()).toContain('heartbeats refused, replayed'), PATIENCE);
    expect(facts.filter((fact) => fact.host === 'dead' && fact.says === 'up')).toHaveLength(before);
  });

  test('strangers are refused, and do not fill the log', async () => {
    const options = await place();
    const { newest, lines, stop } = await watched(options);
    const packet = { kind: 'beat', time: Date.now(), bootId: 'ab'.repeat(16), sequence: 1n, host: 'evil' } as const;
    for (let n = 0; n < 50; n += 1) {
      await send(options.heartbeat.port, formatPacket(packet, Buffer.alloc(32, 'x')));
      await send(options.heartbeat.port, Buffer.alloc(n * 100));
    }
    sending(options, 'compute-1');
    await vi.waitFor(() => expect(newest('compute-1')).toBe('up'), PATIENCE);
    expect(newest('evil')).toBeUndefined();
    await stop();
    expect(lines.filter((line) => line.includes('wrong key')).length).toBeLessThanOrEqual(2);
    expect(lines.length).toBeLessThanOrEqual(4);
  });

  test('what a host says of the watcher itself is not its concern', async () => {
    const options = await place();
    const { newest, facts } = await watched(options, 'compute-1');
    sending(options, 'compute-1');
    sending(options, 'compute-2');
    await vi.waitFor(() => expect(newest('compute-2')).toBe('up'), PATIENCE);
    expect(facts.filter((fact) => fact.host === 'compute-1')).toEqual([]);
  });

  test('hosts of the inventory are missed', async () => {
    const options = await place({ timeoutMs: 1_000 });
    writeFileSync(options.hostSources.inventory, 'hosts: { compute-1: {}, compute-2: {}, compute-3: {}, watcher: {} }');
    const { newest } = await watched(options);
    sending(options, 'compute-1');
    sending(options, 'compute-2');
    await vi.waitFor(() => expect(newest('compute-3')).toBe('down'), PATIENCE);
    await vi.waitFor(() => expect(newest('compute-1')).toBe('up'), PATIENCE);
    expect(newest('watcher')).toBeUndefined();
  });

  test('a port that is taken is told, and taken over when it is free', { timeout: 60_000 }, async () => {
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
    await expect(source.look(AbortSignal.timeout(20_000))).rejects.toThrow('EADDRINUSE');
    expect(lines).toEqual(['heartbeats cannot be heard; tried again']);
    other.close();
    await vi.waitFor(() => source.look(AbortSignal.timeout(20_000)), PATIENCE);
    end.abort();
    await done;
  });

  test('one look without following listens for as long as it takes to tell', async () => {
    const options = await place({ timeoutMs: 700 });
    writeFileSync(options.hostSources.inventory, 'hosts: { compute-1: {}, compute-2: {}, compute-3: {} }');
    sending(options, 'compute-1');
    sending(options, 'compute-2');
    const source = await createHeartbeatSource(options, 'watcher');
    const says = async () =>
      Object.fromEntries((await source.look(AbortSignal.timeout(20_000))).map(({ host, says }) => [host, says]));
    const expected = { 'compute-1': 'up', 'compute-2': 'up', 'compute-3': 'down' };
    expect(await says()).toEqual(expected);
    expect(await says()).toEqual(expected);
  });
});

describe('keys', () => {
  test('are replaced while everything runs: both are accepted until the new one is everywhere', async () => {
    const options = await place();
    const { keyFile } = options.heartbeat;
    const previous = `${keyFile}.previous`;
    const keys = new HeartbeatKeys(keyFile, previous);
    const sent = beat(options, 'h');
    renameSync(keyFile, previous);
    writeFileSync(keyFile, 'n'.repeat(64), { mode: 0o600 });
    expect(parsePacket(sent, keys.all)).toMatchObject({ host: 'h' });
    expect(parsePacket(beat(options, 'h'), keys.all)).toBe('wrong key');
    keys.refresh();
    expect(parsePacket(sent, keys.all)).toMatchObject({ host: 'h' });
    expect(parsePacket(beat(options, 'h'), keys.all)).toMatchObject({ host: 'h' });
    rmSync(previous);
    keys.refresh();
    expect(parsePacket(sent, keys.all)).toBe('wrong key');
  });

  test('that become unusable leave those from before in use', async () => {
    const { keyFile } = (await place()).heartbeat;
    const keys = new HeartbeatKeys(keyFile, '');
    const before = keys.all;
    writeFileSync(keyFile, 'short');
    keys.refresh();
    expect(keys.fault).toContain('32 to 4096 bytes, not 5');
    expect(keys.all).toEqual(before);
  });

  test('that are missing, open to everybody or too short are refused with what to do', async () => {
    const options = await place();
    const { keyFile } = options.heartbeat;
    const create = () => createHeartbeatSource(options, 'watcher');
    const content = readFileSync(keyFile, 'utf8').trim();
    chmodSync(keyFile, 0o644);
    await expect(create()).rejects.toThrow(`chmod 640 ${keyFile}`);
    await expect(create()).rejects.not.toThrow(content);
    chmodSync(keyFile, 0o600);
    writeFileSync(keyFile, 'k'.repeat(31));
    await expect(create()).rejects.toThrow('must have 32 to 4096 bytes, not 31');
    rmSync(keyFile);
    await expect(create()).rejects.toThrow('openssl rand -hex 32');
    await expect(sendHeartbeats(options, 'h', quiet, AbortSignal.timeout(1))).rejects.toThrow('openssl rand -hex 32');
  });
});

describe('the sender', () => {
  test('has nothing to do where no address is named', async () => {
    await sendHeartbeats(await place({ sendTo: '' }), 'h', quiet, new AbortController().signal);
  });

  test('sends to all that it can reach, and tells once whom it cannot', async () => {
    const options = await place();
    const { newest } = await watched(options);
    const lines: string[] = [];
    const end = new AbortController();
    // Nobody may send to the broadcast address without asking for it: the kernel refuses (EACCES).
    const both = { ...options, heartbeat: { ...options.heartbeat, sendTo: '255.255.255.255, 127.0.0.1' } };
    const done = sendHeartbeats(both, 'compute-1', (_, message) => lines.push(message), end.signal);
    await vi.waitFor(() => expect(newest('compute-1')).toBe('up'), PATIENCE);
    end.abort();
    await done;
    expect(lines).toEqual(['heartbeats do not leave; tried again']);
  });

  test('takes no names, which would need a name server', async () => {
    const options = await place({ sendTo: 'controller-1' });
    await expect(sendHeartbeats(options, 'h', quiet, AbortSignal.timeout(1))).rejects.toThrow('is no IP address');
  });

  test('counts on from wherever it was, also when the clock stands still', () => {
    const first = nextSequence(0n);
    expect(nextSequence(first)).toBeGreaterThan(first);
    expect(nextSequence(2n ** 62n)).toBe(2n ** 62n + 1n);
  });
});
