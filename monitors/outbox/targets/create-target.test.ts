/** A host that reports over TLS as its options require: with a key that is first missing, then wrong, then right. */
import { mkdtempSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { loadConfiguration } from '#config/load.ts';
import { KeyRingFile } from '#protocol/identity/key-ring-file.ts';
import { RpcServer } from '#protocol/server.ts';
import { KeyFiles } from '#test/world/key-files.ts';
import { Delivery } from '../delivery.ts';
import { Outbox } from '../outbox.ts';
import { createTarget } from './create-target.ts';

const WAIT = { timeout: 20_000 };

it('keeps reports and logs the reason, once, until its key is that of the engine', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'recovery-agent-target-'));
  const lines: string[] = [];
  const received: string[] = [];
  const keys = new KeyFiles(directory);
  const hostKey = join(directory, 'host-key');
  const ring = new KeyRingFile(keys.ringFile, () => {});
  const server = await RpcServer.listenTls(
    {
      host: '127.0.0.1',
      port: 0,
      identity: { kind: 'keys', ring: () => ring.current },
      log: (_, message) => received.push(message),
    },
    { notify: async () => ({ notification_uuid: 'u', status: 'new', duplicate: false }) },
  );
  const conf = [
    '[transport]',
    `engines = 127.0.0.1:${server.port}`,
    `key_file = ${hostKey}`,
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
    expect(waits()[0]).toMatch(/host-key cannot be read \(ENOENT\); put it there/);
    const elsewhere = mkdtempSync(join(directory, 'other-'));
    renameSync(new KeyFiles(elsewhere).issue('c1'), hostKey);
    await expect.poll(() => waits().length, WAIT).toBe(2);
    expect(waits()[1]).toMatch(/no agreement with the engine: it does not accept our key, .*: 127\.0\.0\.1/);
    await expect.poll(() => received, WAIT).toEqual(['a peer was turned away: it has another key (as host c1)']);
    renameSync(keys.issue('c1'), hostKey);
    await expect.poll(() => lines, WAIT).toContain('info notification delivered: u new');
    await expect.poll(() => readdirSync(outbox.folder).filter((name) => name.endsWith('.report')), WAIT).toEqual([]);
    expect([waits().length, received.length]).toEqual([2, 1]);
    const { key } = JSON.parse(readFileSync(hostKey, 'utf8'));
    expect(lines.join()).not.toContain(key);
  } finally {
    stop.abort();
    await running;
    await target.close();
    await server.close();
    rmSync(directory, { recursive: true, force: true });
  }
});
