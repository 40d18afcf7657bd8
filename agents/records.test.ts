import { readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { NotificationView, RecoveryView, StatusView } from '#protocol/views.ts';
import { EngineWorld, type Finished } from '#test/world/engine-world.ts';

const DOWN = ['--event', 'STOPPED', '--cluster-status', 'OFFLINE', '--host-status', 'NORMAL'];

/** Reports `c1`, which is recovered, and `c2`, which is ignored. Returns their uuids. */
async function report(here: EngineWorld): Promise<readonly [finished: string, ignored: string]> {
  here.world.kill('c1');
  const { code, stderr } = await here.run(['notify', '--hostname', 'c1', ...DOWN, '--wait']);
  if (code !== 0) throw new Error(stderr);
  await here.run(['notify', '--hostname', 'c2', '--event', 'STOPPED']);
  const [second, first] = await here.json<NotificationView[]>('list');
  return [first?.notification_uuid ?? '', second?.notification_uuid ?? ''];
}

function rowsOf({ stdout }: Finished): string[][] {
  const lines = stdout.split('\n').filter((line) => line.startsWith('|'));
  return lines.map((line) =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
}

describe('what is on record', { timeout: 60_000 }, () => {
  it('is the same from the engine and, when none runs, from the journal', async () => {
    await using here = await EngineWorld.start();
    const engine = await here.engine();
    const [finished, ignored] = await report(here);
    const commands = [
      ['list'],
      ['list', '--status', 'ignored'],
      ['list', '--limit', '1'],
      ['show', finished],
      ['audit'],
    ];
    const all = [...commands, ...commands.map((command) => [...command, '--json'])];
    const fromEngine: Finished[] = [];
    for (const argv of all) fromEngine.push(await here.run(argv));
    await engine.kill('SIGTERM');
    for (const [index, argv] of all.entries()) expect(await here.run(argv)).toEqual(fromEngine[index]);

    expect(rowsOf(fromEngine[0] ?? (await here.run(['list']))).map(([uuid]) => uuid)).toEqual([
      'Notification',
      ignored,
      finished,
    ]);
    const onlyIgnored = await here.json<NotificationView[]>('list', '--status', 'ignored');
    expect(onlyIgnored.map((one) => one.notification_uuid)).toEqual([ignored]);
    const newest = await here.json<NotificationView[]>('list', '--limit', '1');
    expect(newest.map((one) => one.notification_uuid)).toEqual([ignored]);
  });

  it('has the tables of the tasks, of the progress and of the instances', async () => {
    await using here = await EngineWorld.start();
    await here.engine();
    const [finished] = await report(here);
    const rows = rowsOf(await here.run(['show', finished.toUpperCase()]));
    expect(rows.slice(0, 4).map(([phase, task, state]) => [phase, task, state])).toEqual([
      ['Phase', 'Task', 'State'],
      ['pre', 'disable_compute_service_task', 'SUCCESS'],
      ['main', 'prepare_HA_enabled_instances_task', 'SUCCESS'],
      ['post', 'evacuate_instances_task', 'SUCCESS'],
    ]);
    const [head, first, ...others] = rows.slice(4);
    expect(head).toEqual(['Request ID', 'Action', 'Start Time', 'Message']);
    expect(first).toEqual([
      expect.stringMatching(/^req-[0-9a-f-]{36}$/),
      'DisableComputeServiceTask',
      expect.stringMatching(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}$/),
      "Disabling compute service on host: 'c1'",
    ]);
    const audit = others.findIndex(([word]) => word === 'Time');
    const instances = others.slice(
      others.findIndex(([word]) => word === 'Instance'),
      audit,
    );
    expect(instances[0]).toEqual(['Instance', 'Name', 'From', 'To', 'State', 'Was', 'Duration', 'Reason']);
    const moved = (was: string): unknown[] => {
      const duration = expect.stringMatching(/^\d+(\.\d)? s$/);
      return [
        expect.any(String),
        expect.any(String),
        'c1',
        expect.stringMatching(/^c[23]$/),
        'moved',
        was,
        duration,
        '-',
      ];
    };
    expect(instances.slice(1).sort(([, a = ''], [, b = '']) => (a < b ? -1 : 1))).toEqual([
      moved('active'),
      moved('active'),
      moved('active'),
      moved('stopped'),
    ]);
    expect(others.slice(audit).map(([, action, , outcome]) => [action, outcome])).toEqual([
      ['Action', 'Outcome'],
      ['notify', 'accepted'],
    ]);
    const { flows } = await here.json<RecoveryView>('show', finished);
    expect(flows.map(({ name, state }) => [name, state])).toEqual([['instance_evacuate_engine', 'SUCCESS']]);
    expect(flows[0]?.instances.map(({ state }) => state)).toEqual(Array(4).fill('moved'));
  });

  it.each([
    ['show', 2, 'the UUID of a notification is missing'],
    ['show c1', 2, '"c1" is not the UUID of a notification'],
    ['show 00000000-0000-4000-8000-000000000000', 1, 'there is no notification 00000000-'],
    ['list --limit 0', 2, '--limit must be a whole number from 1 to 10000'],
    ['list --status done', 2, '--status must be one of new, running,'],
    ['list all', 2, 'unexpected argument "all"'],
  ])('is not found with a wrong request: %s', async (command, exitCode, message) => {
    await using here = await EngineWorld.start();
    const query = async (): Promise<unknown> => {
      const { code, stdout, stderr } = await here.run(command.split(' '));
      return [code, stdout, stderr];
    };
    const answer = [exitCode, '', expect.stringContaining(message)];
    const engine = await here.engine();
    expect(await query()).toEqual(answer);
    await engine.kill('SIGTERM');
    expect(await query()).toEqual(answer);
  });

  it('cannot steer the terminal', async () => {
    await using here = await EngineWorld.start();
    const engine = await here.engine();
    const name = 'evil\u001b]0;title\u0007\n| forged\u009b31m\u202e';
    const sent = await here.run([
      'notify',
      '--type',
      'PROCESS',
      '--hostname',
      'c2',
      '--event',
      'STOPPED',
      '--process-name',
      name,
    ]);
    const shown = await here.run(['show', sent.stdout.slice(0, 36)]);
    for (const { code, stdout } of [sent, shown, await here.run(['list'])]) {
      expect([code, stdout]).toEqual([0, expect.stringContaining('evil ]0;title  | forged 31m')]);
      expect(stdout.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\p{Cf}]/u);
    }
    const { payload } = (await here.json<RecoveryView>('show', sent.stdout.slice(0, 36))).notification;
    expect(payload.process_name).toBe(name);
    const { stderr } = await engine.kill('SIGTERM');
    expect(stderr.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\p{Cf}]/u);
  });
});

describe('status', { timeout: 60_000 }, () => {
  it('shows the active engine and the open recoveries, exit code 0', async () => {
    await using here = await EngineWorld.start({ behaviour: { rebuildMs: [600_000, 600_000] } });
    const engine = await here.engine();
    here.world.kill('c1');
    const { notification_uuid } = await here.json<NotificationView>('notify', '--hostname', 'c1', ...DOWN);
    await engine.untilLogged('flow begins');
    const { code, stdout } = await here.run(['status']);
    expect([code, stdout]).toEqual([0, expect.stringContaining(`running on controller-1, pid ${engine.pid}, epoch 1`)]);
    expect(stdout).toMatch(new RegExp(`\\| ${notification_uuid} \\| COMPUTE_HOST \\| c1 +\\| running`));
    const status = await here.json<StatusView>('status');
    expect(status).toMatchObject({ source: 'engine', engine: { pid: engine.pid }, counts: { running: 1 } });
  });

  it('without an engine exits 3 and reports that, from the journal, which it does not change', async () => {
    await using here = await EngineWorld.start();
    const engine = await here.engine();
    await report(here);
    await engine.kill('SIGTERM');
    const before = statSync(here.journal, { bigint: true });
    const stopped = await here.run(['status']);
    expect([stopped.code, stopped.stdout]).toEqual([
      3,
      expect.stringMatching(/none runs; the last one stopped on controller-1/),
    ]);
    expect(stopped.stdout).toMatch(/this comes from journal[\s\S]*1 finished, 1 ignored/);
    expect(statSync(here.journal, { bigint: true })).toMatchObject({ mtimeNs: before.mtimeNs, size: before.size });
    const killed = await here.engine();
    await killed.kill('SIGKILL');
    const { code, stdout } = await here.run(['status']);
    expect([code, stdout]).toEqual([
      3,
      expect.stringMatching(/cannot be reached from here; last lease renewal by controller-1/),
    ]);
    expect(await here.json<StatusView>('status')).toMatchObject({ source: 'journal', engine: { state: 'running' } });
  });

  it('comes from status.json when the journal cannot be read', async () => {
    await using here = await EngineWorld.start();
    const engine = await here.engine();
    await report(here);
    await engine.kill('SIGTERM');
    const damages = [
      () => truncateSync(here.journal, 5_000),
      () => writeFileSync(here.journal, 'no database at all'),
      () => rmSync(here.journal),
    ];
    for (const damage of damages) {
      damage();
      const { code, stdout } = await here.run(['status']);
      expect([code, stdout]).toEqual([3, expect.stringContaining('this comes from status.json')]);
      expect(stdout).toContain('1 finished, 1 ignored');
    }
    expect(await here.json<StatusView>('status')).toMatchObject({ source: 'status.json', counts: { finished: 1 } });
    const file = join(here.directory, 'status.json');
    for (const content of ['', '{}', '{"source":"status.json"}', '[]', readFileSync(file, 'utf8').slice(0, 100)]) {
      writeFileSync(file, content);
      const { code, stdout, stderr } = await here.run(['status']);
      const nothing = expect.stringMatching(/^recovery-agent: no engine runs there: .*; there is no journal at /);
      expect({ code, stdout, stderr }).toEqual({ code: 3, stdout: '', stderr: nothing });
    }
  });
});
