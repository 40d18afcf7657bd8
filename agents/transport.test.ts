/** A real engine that hears other nodes over TLS, and the outbox of a host that reports to it. */
import { randomInt } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Delivery } from '#monitors/outbox/delivery.ts';
import { EngineTarget } from '#monitors/outbox/engine-target.ts';
import { Outbox } from '#monitors/outbox/outbox.ts';
import type { EngineAddress } from '#protocol/address.ts';
import { RpcClient } from '#protocol/client.ts';
import { RPC_ERRORS } from '#protocol/json-rpc.ts';
import type { NotificationBody } from '#protocol/notification.ts';
import { readIdentity } from '#protocol/tls-identity.ts';
import type { NotificationView } from '#protocol/views.ts';
import { EngineWorld } from '#test/world/engine-world.ts';

let directory = '';
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'recovery-agent-transport-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

/** All of 127.0.0.0/8 is this machine: an address of our own, on which nobody else has a port. */
function ownAddress(): string {
  return `127.${[0, 0, 0].map(() => randomInt(1, 255)).join('.')}`;
}

const KEY = 'k'.repeat(64);

async function scene(): Promise<{ world: EngineWorld; host: string; address: EngineAddress }> {
  const keyFile = join(directory, 'authkey');
  writeFileSync(keyFile, KEY, { mode: 0o600 });
  const host = ownAddress();
  const engine = `[transport]\nlisten = ${host}\nkey_file = ${keyFile}`;
  const world = await EngineWorld.start({ engine });
  const identity = readIdentity({ keyFile, caFile: '', certificateFile: '', certificateKeyFile: '' });
  return { world, host, address: { kind: 'tls', host, port: 7420, identity } };
}

function down(hostname: string): NotificationBody {
  const generated_time = new Date().toISOString();
  return { notification: { type: 'COMPUTE_HOST', hostname, generated_time, payload: { event: 'STOPPED' } } };
}

describe('an engine that hears other nodes', { timeout: 60_000 }, () => {
  it('lets a host with the key report and ask, and steer nothing', async () => {
    const { world, host, address } = await scene();
    await using here = world;
    const engine = await here.engine();
    expect(engine.stderr).toContain(`engine hears other nodes address=${host} port=7420 proof=key`);
    using client = await RpcClient.connect(address);
    expect(await client.call('ping')).toBe('pong');
    const body = { ...down('c2'), delivery: { age_seconds: 7200, attempts: 3, more: 'of a later version' } };
    expect(await client.call('notify', body)).toMatchObject({ status: 'ignored', duplicate: false });
    expect(await client.call('notify', body)).toMatchObject({ duplicate: true });
    await engine.says(/notification accepted.*age_seconds=7200 attempts=3/);
    // Other clients send Masakari's body and nothing else; what is wrong in the facts costs no report.
    expect(await client.call('notify', down('c3'))).toMatchObject({ duplicate: false });
    expect(await client.call('notify', { ...down('c1'), delivery: 'late', proof: 'witnessed' })).toMatchObject({
      duplicate: false,
    });
    for (const method of ['status', 'list', 'show', 'retry', 'host', 'watch', 'set_log_level', 'health']) {
      await expect(client.call(method)).rejects.toMatchObject({ code: RPC_ERRORS.methodNotFound });
    }
    const [uuid = ''] = here.world.instances.keys();
    expect(await client.call('instance', { uuid })).toEqual({
      status: 'found',
      host: 'c1',
      vm_state: 'active',
      task_state: null,
    });
    expect(await client.call('instance', { uuid: '00000000-0000-4000-8000-000000000000' })).toEqual({
      status: 'not found',
      host: null,
      vm_state: null,
      task_state: null,
    });
    await expect(client.call('instance', { uuid: 'c1' })).rejects.toMatchObject({ code: RPC_ERRORS.invalidParams });
    expect((await engine.kill('SIGTERM')).code).toBe(0);
  });

  it('is killed, and taken over by another: what a host reports meanwhile is there once', async () => {
    const { world, address } = await scene();
    await using here = world;
    const outbox = await Outbox.open({ folder: join(directory, 'outbox'), log: () => {} });
    const target = new EngineTarget({ description: 'e', addresses: () => [address], answerTimeoutMs: 15_000 });
    const stop = new AbortController();
    const parts = { outbox, target, log: () => {}, staleAfterMs: 3_600_000, retryIntervalMs: 200 };
    const running = new Delivery({ ...parts, recheck: async () => 'unknown' }).run(stop.signal);
    try {
      const first = await here.engine();
      await outbox.put(down('h1'));
      await outbox.put(down('h2'));
      await first.kill('SIGKILL');
      await outbox.put(down('h3'));
      await outbox.put(down('h4'));
      await here.engine(['--take-over', '--node', 'controller-2']);
      const reports = (): string[] => readdirSync(outbox.folder).filter((name) => name.endsWith('.report'));
      await expect.poll(reports, { timeout: 20_000 }).toEqual([]);
      const list = await here.json<NotificationView[]>('list');
      expect(list.map(({ hostname }) => hostname).toSorted()).toEqual(['h1', 'h2', 'h3', 'h4']);
    } finally {
      stop.abort();
      await running;
      await target.close();
    }
  });

  it.each([
    ['its key is too short', 'short', 2, /the key in .*authkey has 5 bytes, less than 32; make one with/],
    ['its address is taken', KEY, 1, /cannot listen on 127[\d.]+, port 7420 \(EADDRINUSE\)/],
  ])('does not begin when %s, and says so', async (_, key, exitCode, message) => {
    const { world, host } = await scene();
    writeFileSync(join(directory, 'authkey'), key);
    await using here = world;
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(7420, host, resolve));
    try {
      const { code, stderr } = await here.begin(['engine']).ended;
      expect([code, stderr]).toEqual([exitCode, expect.stringMatching(message)]);
      expect(stderr).not.toContain('    at ');
      expect(existsSync(here.journal)).toBe(false);
    } finally {
      await new Promise((resolve) => other.close(resolve));
    }
  });
});
