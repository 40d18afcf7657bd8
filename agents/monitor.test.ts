import { type ChildProcess, spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { appendFileSync, chmodSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { Outbox } from '#monitors/outbox/outbox.ts';
import type { NotificationView, StatusView } from '#protocol/views.ts';
import { EngineWorld } from '#test/world/engine-world.ts';
import { KeyFiles } from '#test/world/key-files.ts';
import { makerOf } from './monitor-process.ts';

/** A text that only the command line of the watched process contains. */
const mark = (): string => `watched-${process.pid}-${Math.random().toString(36).slice(2)}`;

/** A world whose process monitor watches a process with `name` in its command line and cannot restart it. */
async function watching(name: string, ofHost = ''): Promise<EngineWorld> {
  const here = await EngineWorld.start();
  const list = join(here.directory, 'process_list.yaml');
  const entry = { process_name: name, start_command: '/bin/false', restart_command: '/bin/false', run_as_root: true };
  writeFileSync(list, JSON.stringify([{ ...entry, report_as: 'nova-compute' }]));
  chmodSync(list, 0o600);
  appendFileSync(
    here.configFile,
    `[transport]
retry_interval = 0.2
[monitors]
run = process
host_name = c2
outbox = ${join(here.directory, 'outbox')}
[process]
process_list_path = ${list}
state_file = ${join(here.directory, 'process.json')}
watch_interval = 0.1
restart_delay = 0
restart_retries = 0
restart_interval = 0.2
[host]
state_file = ${join(here.directory, 'host.json')}
${ofHost}`,
  );
  return here;
}

function sleeper(name: string): ChildProcess {
  const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1e6)', name]);
  onTestFinished(() => void child.kill('SIGKILL'));
  return child;
}

const reportsIn = (here: EngineWorld): string[] =>
  readdirSync(join(here.directory, 'outbox')).filter((name) => name.endsWith('.report'));

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  await expect.poll(condition, { timeout: 30_000, interval: 50 }).toBe(true);
}

describe('recovery-agent monitor', { timeout: 90_000 }, () => {
  it('reports a death to the engine once, though the engine is away when it happens and the monitor is killed', async () => {
    const name = mark();
    const victim = sleeper(name);
    await using here = await watching(name);
    const first = here.begin(['monitor']);
    await first.untilLogged('monitors run');
    await until(async () => (await here.run(['monitor', '--once'])).stdout.includes('up'));
    victim.kill('SIGKILL');
    await until(() => reportsIn(here).length === 1);
    await first.untilLogged('notifications wait');
    await first.kill('SIGKILL');

    const second = here.begin(['monitor']);
    await second.untilLogged('monitors run');
    await here.engine();
    await second.untilLogged('notification delivered');
    await until(() => reportsIn(here).length === 0);
    const seen = await here.json<NotificationView[]>('list');
    expect(seen.map(({ type, hostname, payload }) => [type, hostname, payload.process_name])).toEqual([
      ['PROCESS', 'c2', 'nova-compute'],
    ]);
    const { code, stderr } = await second.kill('SIGTERM');
    expect([code, stderr]).toEqual([0, expect.stringContaining('monitors stopped')]);
  });

  it('prints the states of each monitor, as a table or as JSON; exit code 1 if one is blind', async () => {
    const name = mark();
    sleeper(name);
    await using here = await watching(name);
    await until(async () => (await here.run(['monitor', '--once'])).stdout.includes('up'));
    expect(await here.run(['monitor', '--once'])).toMatchObject({ code: 0, stdout: expect.stringContaining(name) });
    const both = await here.run(['monitor', 'process', 'instance', '--once', '--json']);
    expect(both.code).toBe(1);
    expect(JSON.parse(both.stdout)).toEqual([
      { monitor: 'process', sights: [expect.objectContaining({ subject: name, state: 'up' })] },
      { monitor: 'instance', error: expect.stringContaining('libvirt') },
    ]);
  });

  it('reports a blind monitor to the engine, and status shows it', async () => {
    const name = mark();
    await using here = await watching(name, 'pacemaker_timeout = 1\nmonitoring_interval = 0.2\n');
    await here.engine();
    const monitors = here.begin(['monitor', 'host']);
    await monitors.untilLogged('monitor is blind');
    await until(async () => (await here.json<StatusView>('status')).blind_monitors.length === 1);
    expect((await here.json<StatusView>('status')).blind_monitors).toEqual([
      { host: 'c2', monitor: 'host', reason: expect.stringContaining('crm_mon'), since: expect.any(String) },
    ]);
    expect((await here.run(['status'])).stdout).toContain('blind: the host monitor of c2 since');
  });

  it('keeps the previous configuration if the new one is invalid at SIGHUP, and logs the problems', async () => {
    const name = mark();
    await using here = await watching(name);
    const monitors = here.begin(['monitor']);
    await monitors.untilLogged('monitors run');
    appendFileSync(here.configFile, '\n[libvirt]\nconection_uri = x\n');
    process.kill(monitors.pid, 'SIGHUP');
    await monitors.untilLogged('did you mean');
    expect(monitors.stderr).toContain('the configuration is invalid; the previous one stays in effect');
    expect((await monitors.kill('SIGTERM')).code).toBe(0);
  });

  it('names the options without effect', async () => {
    const name = mark();
    sleeper(name);
    await using here = await watching(name, 'stonith_wait = 30\n');
    const monitors = here.begin(['monitor']);
    await monitors.untilLogged('monitors run');
    expect(monitors.stderr).toContain('"stonith_wait" has no effect here');
    expect((await monitors.kill('SIGTERM')).code).toBe(0);
  });

  it('names at SIGHUP the changed options that take effect after a restart only', async () => {
    const name = mark();
    await using here = await watching(name);
    const monitors = here.begin(['monitor']);
    await monitors.untilLogged('monitors run');
    writeFileSync(here.configFile, readFileSync(here.configFile, 'utf8').replace('host_name = c2', 'host_name = c3'));
    process.kill(monitors.pid, 'SIGHUP');
    await monitors.untilLogged('changed options take effect after a restart only');
    expect(monitors.stderr).toContain('[monitors] host_name');
    expect(monitors.stderr).not.toContain('[transport]');
    expect((await monitors.kill('SIGTERM')).code).toBe(0);
  });

  it('names with --once the expected hosts that are not watched, and ends with 1 until all are', async () => {
    let names = ['c1'];
    const consul = createServer((_, answer) => answer.end(JSON.stringify(names.map((Name) => ({ Name, Status: 1 })))));
    consul.listen(0, '127.0.0.1');
    await once(consul, 'listening');
    onTestFinished(() => void consul.close());
    const address = consul.address();
    const agent = `127.0.0.1:${typeof address === 'object' && address ? address.port : 0}`;
    await using here = await watching(mark(), 'sources = consul\n');
    appendFileSync(here.configFile, `inventory = ${join(here.directory, 'hosts.yaml')}\n`);
    appendFileSync(
      here.configFile,
      `[consul]\nagent_manage = ${agent}\nagent_tenant = ${agent}\nagent_storage = ${agent}\n[failover_segment s]\nhosts = c4\n`,
    );
    writeFileSync(join(here.directory, 'hosts.yaml'), 'hosts: { c1: {}, c3: {} }');
    const pollOnce = () => here.run(['monitor', 'host', '--once', '--json']);
    const polled = await pollOnce();
    expect(polled.code).toBe(1);
    const why = 'but no source has it on a network of the matrix';
    expect(JSON.parse(polled.stdout)).toMatchObject([
      {
        monitor: 'host',
        sights: [
          { subject: 'c1', state: 'up' },
          { subject: 'c3', state: 'unwatched', detail: `in the inventory, ${why}` },
          { subject: 'c4', state: 'unwatched', detail: `in a failover segment, ${why}` },
        ],
      },
    ]);
    expect(await here.run(['monitor', 'host', '--once'])).toMatchObject({
      code: 1,
      stdout: expect.stringMatching(/c3 +\| unwatched +\| in the inventory/),
    });
    names = [];
    const blind = await pollOnce();
    expect(blind).toMatchObject({ code: 1, stdout: expect.stringContaining('the agent lists no host but this one') });
    names = ['c1', 'c3', 'c4'];
    expect((await pollOnce()).code).toBe(0);
  });

  it('checks old reports of another process of the host again before it delivers them', async () => {
    const consul = createServer((_, answer) => answer.end(JSON.stringify([{ Name: 'c1', Status: 1 }])));
    consul.listen(0, '127.0.0.1');
    await once(consul, 'listening');
    onTestFinished(() => void consul.close());
    const address = consul.address();
    const agent = `127.0.0.1:${typeof address === 'object' && address ? address.port : 0}`;
    const name = mark();
    sleeper(name);
    await using here = await watching(name, 'sources = consul\n');
    appendFileSync(
      here.configFile,
      `[consul]\nagent_manage = ${agent}\nagent_tenant = ${agent}\nagent_storage = ${agent}\n`,
    );
    const now = () => ({ wallMs: Date.now(), bootId: 'the one before', uptimeMs: 1_000 });
    const outbox = await Outbox.open({ folder: join(here.directory, 'outbox'), log: () => {}, now });
    const payload = { event: 'STOPPED', cluster_status: 'OFFLINE', host_status: 'NORMAL' } as const;
    await outbox.put({
      notification: { type: 'COMPUTE_HOST', hostname: 'c1', generated_time: '2026-11-21T08:05:44', payload },
    });
    await here.engine();
    const monitors = here.begin(['monitor', 'process']);
    await monitors.untilLogged('an old report was rechecked: over');
    await until(() => reportsIn(here).length === 0);
    expect(await here.json<NotificationView[]>('list')).toEqual([]);
  });

  it('sends heartbeats as soon as there is a key, though there was none when it began', async () => {
    const socket = createSocket('udp4').bind(0, '127.0.0.1');
    onTestFinished(() => void socket.close());
    await once(socket, 'listening');
    const name = mark();
    sleeper(name);
    await using here = await watching(name);
    const key = join(here.directory, 'heartbeat.key');
    appendFileSync(here.configFile, `\n[heartbeat]\nsend_to = 127.0.0.1:${socket.address().port}\nkey_file = ${key}\n`);
    const monitors = here.begin(['monitor']);
    await monitors.untilLogged('no heartbeats are sent; retrying');
    const received = once(socket, 'message');
    renameSync(new KeyFiles(here.directory).issue('c2'), key);
    const [bytes]: Buffer[] = await received;
    expect(bytes?.subarray(0, 4).toString()).toBe('RAHB');
    expect((await monitors.kill('SIGTERM')).code).toBe(0);
  });

  it('refuses names of monitors that there are not, and to run none', async () => {
    await using here = await EngineWorld.start();
    expect(await here.run(['monitor', 'hots'])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('did you mean "host"'),
    });
    expect(await here.run(['monitor'])).toMatchObject({ code: 2, stderr: expect.stringContaining('[monitors] run') });
    expect(await here.run(['monitor', 'host', '--json'])).toMatchObject({ code: 2 });
  });
});

it('an old report is checked again by the monitor that sends such reports', () => {
  const common = { hostname: 'c1', generated_time: '2026-11-21T08:05:44' };
  const vm = { instance_uuid: '00000000-0000-0000-0000-000000000000', vir_domain_event: 'STOPPED_FAILED' };
  const makers = [
    makerOf({ notification: { type: 'COMPUTE_HOST', ...common, payload: { event: 'STOPPED' } } }),
    makerOf({ notification: { type: 'PROCESS', ...common, payload: { event: 'STOPPED', process_name: 'x' } } }),
    makerOf({ notification: { type: 'VM', ...common, payload: { event: 'LIFECYCLE', ...vm } } }),
    makerOf({ notification: { type: 'VM', ...common, payload: { event: 'QEMU_GUEST_AGENT_ERROR', ...vm } } }),
  ];
  expect(makers).toEqual(['host', 'process', 'instance', 'guest']);
});
