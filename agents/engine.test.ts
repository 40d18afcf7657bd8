import { chmodSync, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { describe, expect, it } from 'vitest';
import { JournalReader } from '#engine/journal/reader.ts';
import type { NotificationView, RecoveryView, StatusView } from '#protocol/views.ts';
import { EngineWorld } from '#test/world/engine-world.ts';
import { RawPeer } from '#test/world/raw-peer.ts';
import { catches } from '#test/world/signals.ts';

const DOWN = ['--hostname', 'c1', '--event', 'STOPPED', '--host-status', 'NORMAL'];

function inJournal(here: EngineWorld, uuid: string): string | undefined {
  const reader = new JournalReader(here.journal);
  try {
    return reader.query('logbook', uuid)?.status;
  } finally {
    reader.close();
  }
}

describe('the engine process', { timeout: 60_000 }, () => {
  it('has journaled what it acknowledged, though it is killed the instant after', async () => {
    await using here = await EngineWorld.start();
    for (const host of ['h1', 'h2', 'h3']) {
      const engine = await here.engine();
      using peer = (await RawPeer.connect(here.socket)).listen();
      const generated_time = new Date().toISOString();
      peer.request('notify', {
        notification: { type: 'COMPUTE_HOST', hostname: host, generated_time, payload: { event: 'STOPPED' } },
      });
      const answer = await peer.answer();
      process.kill(engine.pid, 'SIGKILL');
      await engine.ended;
      expect(inJournal(here, (answer.result as NotificationView).notification_uuid)).toBe('ignored');
    }
  });

  it('stops in order on SIGTERM and leaves the recovery to the next one', async () => {
    await using here = await EngineWorld.start({ behaviour: { rebuildMs: [2_000, 2_000] } });
    const first = await here.engine();
    here.world.kill('c1');
    const waiting = here.begin(['notify', ...DOWN, '--wait']);
    await waiting.untilLogged('Evacuation of instance started');
    const { code, stderr } = await first.kill('SIGTERM');
    expect([code, stderr]).toEqual([0, expect.stringContaining('engine stopped; open recoveries stay in the journal')]);
    expect((await waiting.ended).code).toBe(3);
    expect(existsSync(here.socket)).toBe(false);
    const [open] = await here.json<NotificationView[]>('list');
    expect(open?.status).toBe('running');

    const second = await here.engine(['--node', 'controller-2']);
    expect(second.stderr).toMatch(/lease taken node=controller-2 epoch=2.*reason="released by controller-1"/);
    await second.untilLogged('recovery ends finished');
    const { notification, flows } = await here.json<RecoveryView>('show', open?.notification_uuid ?? '');
    expect([notification.status, flows.map(({ resumes }) => resumes)]).toEqual(['finished', [1]]);
    expect(Object.values(here.world.counts.accepted)).toEqual([1, 1, 1, 1]);
  });

  it('has no memory in its core dumps', async () => {
    await using here = await EngineWorld.start();
    const { pid } = await here.engine();
    expect(readFileSync(`/proc/${pid}/coredump_filter`, 'utf8').trim()).toBe('00000000');
  });

  it('opens no inspector at SIGUSR1, and continues', async () => {
    await using here = await EngineWorld.start();
    const engine = await here.engine();
    expect([catches(engine.pid, 'SIGTERM'), catches(engine.pid, 'SIGUSR1')]).toEqual([true, false]);
    process.kill(engine.pid, 'SIGUSR1');
    expect((await here.json<StatusView>('status')).engine?.pid).toBe(engine.pid);
    expect(engine.stderr).not.toContain('Debugger');
  });

  it('continues at SIGHUP, and logs how a configuration is applied', async () => {
    await using here = await EngineWorld.start();
    const engine = await here.engine();
    process.kill(engine.pid, 'SIGHUP');
    await engine.untilLogged(/warning +SIGHUP changes nothing.*restart the resource/);
    expect((await here.run(['status'])).code).toBe(0);
    expect((await engine.kill('SIGTERM')).code).toBe(0);
  });

  it('refuses to be the second one on a journal or on a socket: exit code 12', async () => {
    await using here = await EngineWorld.start();
    const engine = await here.engine();
    const elsewhere = ['--socket', join(here.directory, '2.sock'), '--node', 'controller-2'];
    const second = await here.begin(['engine', ...elsewhere]).ended;
    expect([second.code, second.stderr]).toEqual([
      12,
      expect.stringMatching(/an engine runs here already \(controller-1, pid \d+, epoch 1\)\n$/),
    ]);
    const sameSocket = await here.begin(['engine']).ended;
    expect([sameSocket.code, sameSocket.stderr]).toEqual([
      12,
      `recovery-agent: an engine already listens on ${here.socket}\n`,
    ]);
    expect(await here.run(['status'])).toMatchObject({ code: 0 });
    await engine.kill('SIGKILL');
    const third = await here.engine(elsewhere);
    expect(third.stderr).toContain('epoch=2');
  });

  it('also stops while it waits whether the engine of another node lives', async () => {
    await using here = await EngineWorld.start();
    await (await here.engine()).kill('SIGKILL');
    const journal = new Database(here.journal);
    journal.exec("UPDATE lease SET boot_id = 'of another machine', node = 'controller-9'");
    journal.close();
    const waiting = here.begin(['engine']);
    await waiting.untilLogged('journal is being opened');
    // Meanwhile it responds with the reason of its wait; the other data come from the journal.
    const status = await here.run(['status']);
    expect([status.code, status.stdout]).toEqual([
      3,
      expect.stringMatching(
        /taking over: the engine on controller-1 \(pid \d+\) has waited for the journal \S+ since 2/,
      ),
    ]);
    expect(await here.json<StatusView>('status')).toMatchObject({
      source: 'journal',
      engine: { node: 'controller-9' },
      taking_over: expect.stringContaining(`pid ${waiting.pid}`),
    });
    expect(await here.run(['notify', ...DOWN])).toMatchObject({
      code: 3,
      stderr: expect.stringContaining('has waited'),
    });
    const { code, stderr } = await waiting.kill('SIGTERM');
    expect([code, stderr]).toEqual([0, expect.stringContaining('stop requested before the journal was open')]);
    expect(existsSync(here.socket)).toBe(false);
  });

  it('loses its lease to one that the cluster started: exit code 10, and the other one owns the socket', async () => {
    await using here = await EngineWorld.start({ engine: 'beat_interval = 0.2\nlease_timeout = 1' });
    const old = await here.engine(['--socket', join(here.directory, 'old.sock')]);
    const next = await here.engine(['--take-over']);
    const { code, stderr } = await old.ended;
    expect([code, stderr]).toEqual([10, expect.stringMatching(/lease of epoch 1 is lost.*kind=lease_lost/)]);
    expect(await here.run(['status'])).toMatchObject({ code: 0, stdout: expect.stringContaining(`pid ${next.pid}`) });
  });

  it('is unharmed by a thousand idle connections and by garbage', async () => {
    await using here = await EngineWorld.start();
    const engine = await here.engine();
    const peers: RawPeer[] = [];
    for (let index = 0; index < 1_000; index += 1) peers.push(await RawPeer.connect(here.socket));
    for (const peer of peers.slice(-50)) peer.send(Buffer.from([0x80, 0x0a, 0x7b, 0x0a, 0xff, 0xff]));
    const { code, stdout } = await here.run(['notify', '--hostname', 'c2', '--event', 'STOPPED']);
    expect([code, stdout]).toEqual([0, expect.stringContaining('ignored')]);
    for (const peer of peers) peer[Symbol.dispose]();
    expect((await engine.kill('SIGTERM')).code).toBe(0);
  });

  it('loses no notice between the answer to watch and the end', async () => {
    await using here = await EngineWorld.start();
    await here.engine();
    here.world.kill('c1');
    const { notification_uuid: uuid } = await here.json<NotificationView>('notify', ...DOWN);
    const ends = await Promise.all(
      Array.from({ length: 20 }, async () => {
        using peer = (await RawPeer.connect(here.socket)).listen();
        peer.request('watch', { uuid });
        for (;;) {
          const { result, params } = await peer.answer();
          const status =
            (result as RecoveryView | undefined)?.notification.status ?? (params as { status?: string }).status;
          if (status === 'finished') return status;
        }
      }),
    );
    expect(new Set(ends)).toEqual(new Set(['finished']));
  });

  it('refuses to watch what is not there, and keeps no such connection', async () => {
    await using here = await EngineWorld.start();
    await here.engine();
    using peer = (await RawPeer.connect(here.socket)).listen();
    for (const uuid of ['00000000-0000-4000-8000-000000000000', 'c1', 7, undefined]) {
      peer.request('watch', { uuid });
      const { error } = await peer.answer();
      expect(error?.message).toMatch(/there is no notification|uuid is not a UUID|uuid must be a text|uuid is missing/);
    }
    peer.request('list', { limit: 1e9 });
    expect((await peer.answer()).error).toMatchObject({ code: -32602, data: { field: 'limit' } });
    peer.request('list', { colour: 'red' });
    expect((await peer.answer()).error?.message).toBe('colour is not a known field');
    peer.request('list', 'all');
    expect((await peer.answer()).error?.message).toBe('params must be an object');
  });

  it('listens on a socket for its user and group only, and keeps its journal from others', async () => {
    await using here = await EngineWorld.start();
    await here.engine();
    expect(statSync(here.socket).mode & 0o777).toBe(0o660);
    expect(statSync(here.journal).mode & 0o007).toBe(0);
  });
});

describe('an engine that cannot work', { timeout: 60_000 }, () => {
  it.each([
    [
      'the journal has no directory',
      ['--journal', '/nowhere/journal.db'],
      5,
      /directory \/nowhere does not exist; mount/,
    ],
    ['the socket has no directory', ['--socket', '/nowhere/e.sock'], 5, /directory \/nowhere of the socket.*ENOENT/],
    ['the socket would be in a file', ['--socket', '/etc/passwd'], 5, /\/etc\/passwd is there and no socket/],
    ['the journal is no journal', ['--journal', '/etc/passwd'], 5, /journal \/etc\/passwd cannot be opened/],
    ['an argument is too many', ['now'], 2, /unexpected argument "now"/],
  ])('logs the reason and changes nothing: %s', async (_, argv, exitCode, message) => {
    await using here = await EngineWorld.start();
    const { code, stderr } = await here.run(['engine', ...argv]);
    expect([code, stderr]).toEqual([exitCode, expect.stringMatching(message)]);
    expect(stderr).not.toContain('    at ');
    expect(existsSync(here.journal)).toBe(false);
  });

  it.each([
    ['nowhere', () => {}, /no usable credentials of the cloud: .*clouds\.yaml/],
    ['a directory', (file: string) => mkdirSync(file), /cannot read .*clouds\.yaml/],
    [
      'readable for every user',
      (file: string) => writeFileSync(file, CLOUDS),
      /every user of this machine has access; chmod 640/,
    ],
    [
      'no YAML',
      (file: string) => writeFileSync(file, 'clouds: [', { mode: 0o600 }),
      /line 1, column \d+: this is not YAML/,
    ],
  ])('reports the fault of credentials that are %s: exit code 2', async (_, prepare, message) => {
    await using here = await EngineWorld.start({ cloud: 'driver = openstack' });
    const file = join(here.directory, 'clouds.yaml');
    prepare(file);
    if (existsSync(file) && statSync(file).isFile() && message.source.includes('every')) chmodSync(file, 0o644);
    const environment = { HOME: here.directory };
    const { code, stdout, stderr } = await here.run(['engine'], { cwd: here.directory, environment });
    expect([code, stdout, stderr]).toEqual([2, '', expect.stringMatching(message)]);
    expect(stderr).not.toContain('tops3cret');
    expect(existsSync(here.journal)).toBe(false);
  });
});

const CLOUDS = `clouds:
  lab:
    auth: {auth_url: "https://cloud.example:5000/v3", username: nova, password: tops3cret, project_name: service}
`;
