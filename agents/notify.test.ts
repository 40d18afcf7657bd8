import { execFile } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { NotificationView, RecoveryView } from '#protocol/views.ts';
import { EngineWorld, LAUNCHER } from '#test/world/engine-world.ts';

const FAILED = ['--hostname', 'c1', '--event', 'STOPPED', '--cluster-status', 'OFFLINE', '--host-status', 'NORMAL'];

function body(change: Record<string, unknown> = {}): string {
  const payload = { event: 'STOPPED', cluster_status: 'OFFLINE', host_status: 'NORMAL' };
  const generated_time = '2026-11-21T08:05:44.646000';
  return JSON.stringify({ notification: { type: 'COMPUTE_HOST', hostname: 'c1', generated_time, payload, ...change } });
}

describe('notify --wait', { timeout: 60_000 }, () => {
  it('shows the progress, then the tables, and exits 0 when the recovery finished', async () => {
    await using here = await EngineWorld.start();
    await here.engine();
    here.world.kill('c1');
    const { code, stdout, stderr } = await here.run(['notify', ...FAILED, '--wait']);
    expect({ code, stderr }).toMatchObject({
      code: 0,
      stderr: expect.stringContaining('Evacuation process completed!'),
    });
    expect(stderr).toMatch(/\n {14}finished\n$/);
    expect(stdout).toMatch(/^Status: +finished$/m);
    expect(stdout).toMatch(/^\| Instance +\| Name +\| From +\| To +\| State +\| Was +\| Duration +\| Reason +\|$/m);
    expect(stdout).not.toContain('\u001b');
    const again = await here.run(['notify', ...FAILED, '--wait', '--json']);
    const { notification } = JSON.parse(again.stdout) as RecoveryView;
    expect(stdout).toContain(notification.notification_uuid);
    expect([again.code, again.stderr, notification.status]).toEqual([0, '', 'finished']);
  });

  it('exits 4 when the recovery failed, and when the notification was ignored', async () => {
    const configuration = 'process_unfinished_notifications_interval = 1';
    await using here = await EngineWorld.start({ behaviour: { failedEvacuations: 1 }, configuration });
    await here.engine();
    here.world.kill('c1');
    const failed = await here.run(['notify', ...FAILED, '--wait']);
    expect([failed.code, failed.stdout]).toEqual([4, expect.stringMatching(/^Status: +failed$/m)]);
    const ignored = await here.run(['notify', '--hostname', 'c2', '--event', 'STOPPED', '--wait']);
    expect([ignored.code, ignored.stdout]).toEqual([4, expect.stringContaining('not proven dead')]);
  });

  it('exits 3 and prints where the recovery is when the engine ends meanwhile', async () => {
    await using here = await EngineWorld.start({ behaviour: { rebuildMs: [600_000, 600_000] } });
    const engine = await here.engine();
    here.world.kill('c1');
    const waiting = here.begin(['notify', ...FAILED, '--wait']);
    await waiting.untilLogged('Evacuation of instance started');
    await engine.kill('SIGKILL');
    const { code, stderr } = await waiting.ended;
    expect(code).toBe(3);
    expect(stderr).toMatch(
      /the engine closed the connection.*recovery [0-9a-f-]{36} is in the journal and the next engine continues it/,
    );
  });
});

describe('a notification', { timeout: 60_000 }, () => {
  it('comes from options, a file, standard input or a pipe; the same one twice is one', async () => {
    await using here = await EngineWorld.start();
    await here.engine();
    const file = join(here.directory, 'notification.json');
    writeFileSync(file, body());
    const first = await here.json<NotificationView>('notify', '--file', file);
    expect(first).toMatchObject({ hostname: 'c1', status: 'new', duplicate: false });
    const uuid = first.notification_uuid;
    const fromInput = await here.run(['notify', '--file', '-', '--json'], { input: body() });
    expect(JSON.parse(fromInput.stdout)).toMatchObject({ notification_uuid: uuid, duplicate: true });
    const fromPipe = await new Promise<string>((resolve) => {
      const script = `printf %s "$BODY" | "$0" notify --config "$1" -f - `;
      const environment = { ...process.env, BODY: body() };
      execFile('sh', ['-c', script, LAUNCHER, here.configFile], { env: environment }, (_, out) => resolve(out));
    });
    expect(fromPipe).toMatch(new RegExp(`^Duplicate of ${uuid}, which is [a-z]+\\.\n$`));
    const options = [
      '--hostname',
      'c1',
      '--event',
      'STOPPED',
      '--cluster-status',
      'OFFLINE',
      '--host-status',
      'NORMAL',
    ];
    const byOptions = await here.run(['notify', ...options, '--generated-time', '2026-11-21T08:05:44.646Z']);
    expect([byOptions.code, byOptions.stdout]).toEqual([0, expect.stringContaining(`Duplicate of ${uuid}`)]);
    const instance = ['--type', 'VM', '--event', 'LIFECYCLE', '--vir-domain-event', 'STOPPED_FAILED'];
    const ids = ['--hostname', 'c2', '--instance-uuid', '00000000-0000-4000-8000-000000000001'];
    expect((await here.run(['notify', ...instance, ...ids])).stdout).toMatch(/^[0-9a-f-]{36} new\n$/);
  });

  it.each([
    ['notification.hostname is missing', ['--event', 'STOPPED']],
    ['notification.payload.event is missing', ['--hostname', 'c1']],
    ['notification.hostname is no host name', ['--hostname', 'c1;reboot', '--event', 'STOPPED']],
    ['notification.payload.host_status must be NORMAL or UNKNOWN', [...FAILED, '--host-status', 'FINE']],
    ['notification.payload.process_name is not a known field', [...FAILED, '--process-name', 'x']],
    ['notification.generated_time is not an ISO 8601 time', [...FAILED, '--generated-time', 'now']],
    ['notification.type must be COMPUTE_HOST, PROCESS or VM', [...FAILED, '--type', 'RACK']],
    ['--file holds the whole notification; leave out --hostname', ['--file', '-', '--hostname', 'c1']],
    ["Unknown option '--host'", ['--host', 'c1']],
    ['/nowhere.json cannot be read: ENOENT', ['--file', '/nowhere.json']],
    ['/ cannot be read: EISDIR', ['--file', '/']],
    ['a notification has at most 65536 bytes', ['--file', '/dev/zero']],
    ['/dev/null is empty', ['--file', '/dev/null']],
    ['standard input is empty', ['--file', '-']],
  ])('is refused with exit code 2: %s', async (message, argv) => {
    await using here = await EngineWorld.start();
    const { code, stdout, stderr } = await here.run(['notify', ...argv]);
    expect({ code, stdout, stderr }).toEqual({ code: 2, stdout: '', stderr: expect.stringContaining(message) });
    expect(stderr).not.toContain('    at ');
  });

  it.each([
    ['standard input is not JSON', 'hello'],
    ['standard input is not JSON', Buffer.from('{"notification":"\xff"}', 'latin1')],
    ['a notification has at most 65536 bytes', body({ hostname: 'c'.repeat(70_000) })],
    ['notification is missing', '[]'],
    ['notification.priority is not a known field', body({ priority: 1 })],
    ['notification.__proto__ is not a known field', body().replace('"hostname"', '"__proto__":{"x":1},"hostname"')],
    ['notification.type is missing', `{"notification":${'{"payload":'.repeat(5000)}1${'}'.repeat(5000)}}`],
  ])('on standard input is refused with exit code 2: %s', async (message, input) => {
    await using here = await EngineWorld.start();
    const { code, stderr } = await here.run(['notify', '--file', '-'], { input });
    expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringContaining(message) });
  });

  it('without an engine exits 3 and names the socket', async () => {
    await using here = await EngineWorld.start();
    const { code, stderr } = await here.run(['notify', ...FAILED]);
    expect([code, stderr]).toEqual([3, `recovery-agent: no engine runs there: ${here.socket} (ENOENT)\n`]);
    mkdirSync(join(here.directory, 'sub'));
    const empty = await here.run(['notify', ...FAILED, '--socket', '']);
    expect([empty.code, empty.stderr]).toEqual([2, 'recovery-agent: --socket is empty\n']);
  });
});
