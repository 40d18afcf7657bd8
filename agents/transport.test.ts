/** A real engine that accepts other nodes over TLS, and the outbox of a host that reports to it. */
import { randomInt, randomUUID } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Delivery } from '#monitors/outbox/delivery.ts';
import { Outbox } from '#monitors/outbox/outbox.ts';
import { EngineTarget } from '#monitors/outbox/targets/engine/target.ts';
import type { EngineAddress } from '#protocol/address.ts';
import { RpcClient } from '#protocol/client.ts';
import { revoke, rotate } from '#protocol/identity/key-ring.ts';
import { RPC_ERRORS } from '#protocol/json-rpc.ts';
import type { NotificationBody } from '#protocol/notification.ts';
import { readIdentity } from '#protocol/tls-identity.ts';
import type { NotificationView } from '#protocol/views.ts';
import { EngineWorld, Program } from '#test/world/engine-world.ts';
import { KeyFiles } from '#test/world/key-files.ts';

let directory = '';
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'recovery-agent-transport-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

/** All of 127.0.0.0/8 is this machine: an address of our own, on which no other process has a port. */
function ownAddress(): string {
  return `127.${[0, 0, 0].map(() => randomInt(1, 255)).join('.')}`;
}

const NO_FILES = { sharedKey: 'refuse', caFile: '', certificateFile: '', certificateKeyFile: '' } as const;

interface Scene {
  readonly world: EngineWorld;
  readonly host: string;
  readonly keys: KeyFiles;
  /** Where the engine is, for a host with the key that was issued to it. */
  readonly addressFor: (name: string) => EngineAddress;
}

/** An engine for which the controllers are watchers, and controller-3 is an operator as well. */
async function scene(more = ''): Promise<Scene> {
  const keys = new KeyFiles(directory);
  const host = ownAddress();
  const engine = `[transport]
listen = ${host}
key_ring_file = ${keys.ringFile}
watchers = controller-2, controller-3
operators = controller-3
${more}`;
  const world = await EngineWorld.start({ engine });
  const addressFor = (name: string): EngineAddress => {
    const identity = readIdentity({ ...NO_FILES, keyFile: keys.issue(name) });
    return { kind: 'tls', host, port: 7420, identity };
  };
  return { world, host, keys, addressFor };
}

function down(hostname: string): NotificationBody {
  const generated_time = new Date().toISOString();
  return { notification: { type: 'COMPUTE_HOST', hostname, generated_time, payload: { event: 'STOPPED' } } };
}

function ended(hostname: string): NotificationBody {
  const generated_time = new Date().toISOString();
  const payload = { event: 'STOPPED', process_name: 'nova-compute' } as const;
  return { notification: { type: 'PROCESS', hostname, generated_time, payload } };
}

const COMMANDS = [
  'introduce',
  'audit',
  'status',
  'list',
  'show',
  'retry',
  'turn',
  'host',
  'watch',
  'set_log_level',
  'health',
];

describe('an engine that accepts other nodes', { timeout: 60_000 }, () => {
  it('lets a watcher report deaths, and command nothing', async () => {
    const { world, host, addressFor } = await scene();
    await using here = world;
    const engine = await here.engine();
    expect(engine.stderr).toContain(`engine listens for other nodes address=${host} port=7420 proof=keys`);
    using client = await RpcClient.connect(addressFor('controller-2'));
    expect(await client.call('ping')).toBe('pong');
    const body = { ...down('c2'), delivery: { age_seconds: 7200, attempts: 3, more: 'of a later version' } };
    expect(await client.call('notify', body)).toMatchObject({ status: 'ignored', duplicate: false });
    expect(await client.call('notify', body)).toMatchObject({ duplicate: true });
    await engine.untilLogged(/notification accepted.*age_seconds=7200 attempts=3/);
    // Other clients send Masakari's body and nothing else; what is wrong in the facts costs no report.
    expect(await client.call('notify', down('c3'))).toMatchObject({ duplicate: false });
    expect(await client.call('notify', { ...down('c1'), delivery: 'late', proof: 'witnessed' })).toMatchObject({
      duplicate: false,
    });
    await expect(client.call('notify', ended('c1'))).rejects.toMatchObject({ code: RPC_ERRORS.forbidden });
    for (const method of [...COMMANDS, '__proto__', 'constructor']) {
      const code = COMMANDS.includes(method) ? RPC_ERRORS.forbidden : RPC_ERRORS.methodNotFound;
      await expect(client.call(method)).rejects.toMatchObject({ code });
    }
    await engine.untilLogged(/audit: status refused identity=controller-2 roles="host,watcher" address=127/);
    expect((await engine.kill('SIGTERM')).code).toBe(0);
  });

  it('lets a host report itself alone: a compromised one can have no other recovered', async () => {
    const { world, addressFor } = await scene();
    await using here = world;
    const engine = await here.engine();
    using client = await RpcClient.connect(addressFor('c1'));
    expect(await client.call('notify', ended('c1'))).toMatchObject({ duplicate: false });
    const own = await client.call('blind', { host: 'c1', seeing: ['process'], blind: [] });
    expect(own).toBeNull();
    const refusals = [
      ['notify', { ...down('c2'), proof: 'fencing' }, /host c1 may not report the death of host c2: .* role watcher/],
      ['notify', down('c1'), /may not report the death of host c1/],
      ['notify', ended('c2'), /host c1 may not report failures of host c2/],
      ['blind', { host: 'c2', seeing: ['instance'], blind: [] }, /may not report the monitors of host c2/],
      ['retry', { uuid: '00000000-0000-4000-8000-000000000000' }, /may not use "retry": that needs the role operator/],
    ] as const;
    for (const [method, params, message] of refusals) {
      await expect(client.call(method, params)).rejects.toMatchObject({ code: RPC_ERRORS.forbidden, message });
    }
    expect((await here.json<NotificationView[]>('list')).map(({ hostname }) => hostname)).toEqual(['c1']);
    await engine.untilLogged(/audit: notify refused identity=c1 roles=host address=127.* object=c2 /);
  });

  it('reports to a host about an instance on another host only that it is elsewhere', async () => {
    const { world, addressFor } = await scene();
    await using here = world;
    await here.engine();
    const [uuid = ''] = here.world.instances.keys();
    const found = { status: 'found', host: 'c1', vm_state: 'active', task_state: null };
    using own = await RpcClient.connect(addressFor('c1'));
    expect(await own.call('instance', { uuid })).toEqual(found);
    using other = await RpcClient.connect(addressFor('c2'));
    const nothing = { host: null, vm_state: null, task_state: null };
    expect(await other.call('instance', { uuid })).toEqual({ status: 'found', ...nothing });
    const unknown = { uuid: '00000000-0000-4000-8000-000000000000' };
    expect(await other.call('instance', unknown)).toEqual({ status: 'not found', ...nothing });
    await expect(other.call('instance', { uuid: 'c1' })).rejects.toMatchObject({ code: RPC_ERRORS.invalidParams });
  });

  it('obeys an operator on another node, where the configuration names it', async () => {
    const { world, host, keys } = await scene();
    await using here = world;
    const engine = await here.engine();
    const from = async (name: string, ...words: readonly string[]) => {
      const config = join(directory, `${name}.conf`);
      writeFileSync(config, `[transport]\nkey_file = ${keys.issue(name)}\n`, { mode: 0o600 });
      return await new Program([...words, '--config', config]).ended;
    };
    const keyFile = keys.issue('controller-2');
    const identity = readIdentity({ ...NO_FILES, keyFile });
    using watcher = await RpcClient.connect({ kind: 'tls', host, port: 7420, identity });
    const { notification_uuid: uuid } = (await watcher.call('notify', down('c2'))) as NotificationView;
    const status = await from('controller-3', 'status', '--json', '--engine', host);
    expect(JSON.parse(status.stdout)).toMatchObject({ source: 'engine', engine: { node: 'controller-1' } });
    const retried = await from(
      'controller-3',
      'retry',
      uuid,
      '--host-is-down',
      '--reason',
      'seen by me',
      '--engine',
      host,
    );
    expect([retried.code, retried.stderr]).toEqual([0, '']);
    await engine.untilLogged(
      /audit: retry accepted identity=controller-3 .*overridden=host-is-down reason="seen by me"/,
    );
    const refused = await from('controller-2', 'retry', uuid, '--host-is-down', '--engine', host);
    expect([refused.code, refused.stderr]).toEqual([1, expect.stringContaining('needs the role operator')]);
    const noUser = await from('controller-3', 'list', '--engine', `${host}:1`);
    expect([noUser.code, noUser.stderr]).toEqual([3, expect.stringContaining('no engine runs there')]);
    const both = await from('controller-3', 'list', '--socket', '/x', '--engine', host);
    expect([both.code, both.stderr]).toEqual([2, expect.stringContaining('exclude each other')]);
  });

  it('takes a rotation and a revocation at once, and loses no report by them', async () => {
    const { world, host, keys } = await scene();
    await using here = world;
    await here.engine();
    const outbox = await Outbox.open({ folder: join(directory, 'outbox'), log: () => {} });
    const keyFile = keys.issue('c1');
    const addresses = (): EngineAddress[] => [
      { kind: 'tls', host, port: 7420, identity: readIdentity({ ...NO_FILES, keyFile }) },
    ];
    const target = new EngineTarget({ description: 'e', addresses, answerTimeoutMs: 15_000 });
    const stop = new AbortController();
    const parts = { outbox, target, log: () => {}, staleAfterMs: 3_600_000, retryIntervalMs: 200 };
    const running = new Delivery({ ...parts, recheck: async () => 'unknown' }).run(stop.signal);
    const waiting = (): number => readdirSync(outbox.folder).filter((name) => name.endsWith('.report')).length;
    const report = (name: string): NotificationBody => {
      const payload = { event: 'STOPPED', process_name: name } as const;
      return { notification: { type: 'PROCESS', hostname: 'c1', generated_time: new Date().toISOString(), payload } };
    };
    const now = new Date().toISOString();
    try {
      keys.change((ring) => rotate(ring, now));
      await outbox.put(report('before-renewal'));
      await expect.poll(waiting, { timeout: 20_000 }).toBe(0);
      keys.issue('c1');
      await outbox.put(report('after-renewal'));
      await expect.poll(waiting, { timeout: 20_000 }).toBe(0);
      keys.change((ring) => revoke(ring, 'c1', now));
      await expect
        .poll(async () => (await target.reach()) ?? (await target.queryInstance(randomUUID())), { timeout: 20_000 })
        .toMatch(/does not accept our key/);
      await outbox.put(report('while-revoked'));
      expect(waiting()).toBe(1);
      keys.issue('c1');
      await expect.poll(waiting, { timeout: 20_000 }).toBe(0);
      const list = await here.json<NotificationView[]>('list');
      expect(list.map(({ payload }) => payload.process_name).toSorted()).toEqual([
        'after-renewal',
        'before-renewal',
        'while-revoked',
      ]);
    } finally {
      stop.abort();
      await running;
      await target.close();
    }
  });

  it('accepts no revoked key when it starts on a node with an older copy of the ring', async () => {
    const { world, keys, addressFor } = await scene();
    await using here = world;
    const lost = addressFor('c1');
    const other = addressFor('c2');
    const old = readFileSync(keys.ringFile);
    keys.change((ring) => revoke(ring, 'c1', new Date().toISOString()));
    const first = await here.engine();
    await expect(RpcClient.connect(lost)).rejects.toThrow(/does not accept our key/);
    expect((await first.kill('SIGTERM')).code).toBe(0);
    writeFileSync(keys.ringFile, old);
    const second = await here.engine();
    expect(second.stderr).toContain('key ring: this copy is older than one that an engine has used');
    await expect(RpcClient.connect(lost)).rejects.toThrow(/does not accept our key/);
    using client = await RpcClient.connect(other);
    expect(await client.call('ping')).toBe('pong');
    // The old copy issues again what is revoked: a key is to be issued from the newest copy.
    await expect(RpcClient.connect(addressFor('c1'))).rejects.toThrow(/does not accept our key/);
  });

  it('lets no host flood it: reports over the share of one host wait there, and others are accepted', async () => {
    const { world, addressFor } = await scene('reports_per_minute = 20');
    await using here = world;
    const engine = await here.engine();
    using flood = await RpcClient.connect(addressFor('c1'));
    const send = async (index: number): Promise<string> => {
      const body = ended('c1');
      const notification = { ...body.notification, payload: { event: 'STOPPED', process_name: `p${index}` } };
      return await flood.call('notify', { notification }).then(
        () => 'accepted',
        (error: { readonly code?: number }) => (error.code === RPC_ERRORS.tooMany ? 'later' : `${error}`),
      );
    };
    const sent = await Promise.all(Array.from({ length: 200 }, (_, index) => send(index)));
    expect(new Set(sent)).toEqual(new Set(['accepted', 'later']));
    expect(sent.filter((one) => one === 'accepted').length).toBeLessThan(100);
    using other = await RpcClient.connect(addressFor('c2'));
    expect(await other.call('notify', ended('c2'))).toMatchObject({ duplicate: false });
    await engine.untilLogged(
      /audit: notify refused identity=c1 .*more reports than 20 a minute; the next one is accepted later/,
    );
  });

  it('is killed, and taken over by another: what a host reports meanwhile is there once', async () => {
    const { world, addressFor } = await scene();
    const address = addressFor('controller-2');
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
    ['its key ring is damaged', '{"kind":1', 2, /key-ring cannot be used: it is no key ring: it holds no JSON/],
    ['its key ring is missing', null, 2, /key-ring cannot be read \(ENOENT\)/],
    ['its address is taken', undefined, 1, /cannot listen on 127[\d.]+, port 7420 \(EADDRINUSE\)/],
  ])('does not start when %s, and logs that', async (_, ring, exitCode, message) => {
    const { world, host, keys } = await scene();
    if (typeof ring === 'string') writeFileSync(keys.ringFile, ring);
    if (ring === null) rmSync(keys.ringFile);
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

  it('with the key that all nodes share accepts no node and logs why, unless it accepts that key, which it warns of', async () => {
    const keyFile = join(directory, 'authkey');
    writeFileSync(keyFile, 'k'.repeat(64), { mode: 0o600 });
    const host = ownAddress();
    const identity = readIdentity({ ...NO_FILES, sharedKey: 'accept', keyFile });
    const address: EngineAddress = { kind: 'tls', host, port: 7420, identity };
    const engine = `[transport]\nlisten = ${host}\nkey_file = ${keyFile}\n`;
    await using strict = await EngineWorld.start({ engine });
    const refusing = await strict.engine();
    expect(refusing.stderr).toContain('"listen" accepts no other node: it needs "key_ring_file"');
    await expect(RpcClient.connect(address)).rejects.toThrow(/does not accept our key/);
    await refusing.kill('SIGTERM');
    await using open = await EngineWorld.start({ engine: `${engine}shared_key = accept\n` });
    const accepting = await open.engine();
    expect(accepting.stderr).toContain(
      '"shared_key" lets every node that has the shared key report the death of every',
    );
    using client = await RpcClient.connect(address);
    expect(await client.call('notify', down('c2'))).toMatchObject({ duplicate: false });
    await expect(client.call('status')).rejects.toMatchObject({ code: RPC_ERRORS.forbidden });
  });
});
