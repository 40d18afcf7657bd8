/** A host that reports over TLS as its options say: with a key that is missing at first, then wrong, then right. */
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { loadConfiguration } from '#config/load.ts';
import { RpcServer } from '#protocol/server.ts';
import { readIdentity } from '#protocol/tls-identity.ts';
import { createTarget } from './create-target.ts';
import { Delivery } from './delivery.ts';
import { Outbox } from './outbox.ts';

const WAIT = { timeout: 20_000 };

it('keeps reports and says why, once, until its key is that of the engine', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'recovery-agent-target-'));
  const lines: string[] = [];
  const heard: string[] = [];
  const write = (name: string, key: string): string => {
    const path = join(directory, name);
    writeFileSync(path, key, { mode: 0o600 });
    return path;
  };
  const [right, wrong] = ['r'.repeat(40), 'w'.repeat(40)];
  const identity = readIdentity({
    keyFile: write('engine-key', right),
    caFile: '',
    certificateFile: '',
    certificateKeyFile: '',
  });
  const server = await RpcServer.listenTls(
    { host: '127.0.0.1', port: 0, identity, log: (_, message) => heard.push(message) },
    { notify: async () => ({ notification_uuid: 'u', status: 'new', duplicate: false }) },
  );
  const conf = [
    '[transport]',
    `engines = 127.0.0.1:${server.port}`,
    `key_file = ${join(directory, 'host-key')}`,
    'retry_interval = 0.2',
  ].join('\n');
  const content = { bytes: new TextEncoder().encode(conf), mode: 0o640 };
  const { options } = loadConfiguration({ mainFile: 'f', readFile: (path) => (path === 'f' ? content : undefined) });
  const log = (level: string, message: string): number => lines.push(`${level} ${message}`);
  const outbox = await Outbox.open({ folder: join(directory, 'outbox'), log });
  const target = createTarget(options);
  const stop = new AbortController();
  const running = new Delivery({
    outbox,
    target,
    log,
    recheck: async () => 'unknown',
    staleAfterMs: 3_600_000,
    retryIntervalMs: options.transport.retryIntervalMs,
  }).run(stop.signal);
  try {
    expect(target.description).toBe(`the engine (127.0.0.1:${server.port})`);
    await outbox.put({
      notification: {
        type: 'COMPUTE_HOST',
        hostname: 'c1',
        generated_time: new Date().toISOString(),
        payload: { event: 'STOPPED' },
      },
    });
    const waits = (): string[] => lines.filter((line) => line.includes('notifications wait'));
    await expect.poll(() => waits().length, WAIT).toBe(1);
    expect(waits()[0]).toMatch(/host-key cannot be read \(ENOENT\); copy it there from an engine/);
    write('host-key', wrong);
    await expect.poll(() => waits().length, WAIT).toBe(2);
    expect(waits()[1]).toMatch(/no agreement with the engine: it has another key: 127\.0\.0\.1/);
    await expect.poll(() => heard, WAIT).toEqual(['a peer was turned away: it has another key']);
    write('host-key', right);
    await expect.poll(() => lines, WAIT).toContain('info notification delivered: u new');
    await expect.poll(() => readdirSync(outbox.folder).filter((name) => name.endsWith('.report')), WAIT).toEqual([]);
    expect([waits().length, heard.length]).toEqual([2, 1]);
    expect(lines.join()).not.toContain(right);
  } finally {
    stop.abort();
    await running;
    await target.close();
    await server.close();
    rmSync(directory, { recursive: true, force: true });
  }
});
