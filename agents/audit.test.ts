import { userInfo } from 'node:os';
import { describe, expect, it } from 'vitest';
import type { AuditView, NotificationView, RecoveryView } from '#protocol/views.ts';
import { EngineWorld } from '#test/world/engine-world.ts';

const STOPPED = ['--event', 'STOPPED'];
const UNKNOWN = '00000000-0000-4000-8000-000000000000';
const SUDO = { environment: { SUDO_UID: '1234', SUDO_USER: 'anna\u001b[31m' } };

describe('audit', { timeout: 60_000 }, () => {
  it('has reports and commands with their user, what was overridden and the reason, also in show and in the log', async () => {
    await using here = await EngineWorld.start();
    const engine = await here.engine();
    here.world.kill('c1');
    const { notification_uuid: uuid } = await here.json<NotificationView>(
      'notify',
      '--hostname',
      'c1',
      ...STOPPED,
      '--reason',
      'no heartbeat',
    );
    const retried = await here.run(['retry', uuid, '--host-is-down', '--reason', 'I pulled the plug', '--wait'], SUDO);
    expect(retried.code).toBe(0);
    const entries = await here.json<AuditView[]>('audit');
    const { uid, username } = userInfo();
    const local = { identity: 'local', roles: ['host', 'watcher', 'operator'], address: null, uid, user: username };
    expect(entries).toMatchObject([
      {
        ...local,
        kind: 'report',
        action: 'notify',
        sudo_user: null,
        notification_uuid: uuid,
        object: 'c1',
        overridden: [],
        reason: 'no heartbeat',
        outcome: 'ignored',
      },
      {
        ...local,
        kind: 'command',
        action: 'retry',
        sudo_uid: 1234,
        sudo_user: 'anna [31m',
        notification_uuid: uuid,
        object: 'c1',
        overridden: ['host-is-down'],
        reason: 'I pulled the plug',
        outcome: 'accepted',
      },
    ]);
    expect((await here.json<RecoveryView>('show', uuid)).audit).toEqual(entries);
    const shown = await here.run(['show', uuid]);
    expect(shown.stdout).toMatch(
      /retry +\| \S+ \(sudo: anna \[31m\) +\| accepted +\| host-is-down +\| I pulled the plug/,
    );
    expect(engine.stderr).toMatch(/audit: notify ignored identity=local .*user=\S+ .*reason="no heartbeat"/);
    expect(engine.stderr).toMatch(
      /audit: retry accepted identity=local .*sudo_uid=1234 .*object=c1 overridden=host-is-down reason="I pulled the plug"/,
    );
  });

  it('has other commands, and marks an override without a reason', async () => {
    await using here = await EngineWorld.start({ configuration: '' });
    await here.engine();
    using client = await here.connect();
    await client.call('set_log_level', { level: 'debug' });
    here.world.kill('c1');
    const { notification_uuid: uuid } = await here.json<NotificationView>('notify', '--hostname', 'c1', ...STOPPED);
    await here.run(['retry', uuid, '--host-is-down', '--wait']);
    const { stdout } = await here.run(['audit']);
    // Without an introduction the user is not known.
    expect(stdout).toMatch(/set_log_level +\| local +\| - +\| - +\| accepted +\| - +\| - +\| debug/);
    expect(stdout).toMatch(/host-is-down +\| no reason given/);
  });

  it('has refusals, equal ones as one entry, written at the latest when the engine stops', async () => {
    await using here = await EngineWorld.start();
    const engine = await here.engine();
    using client = await here.connect();
    const requested = { uuid: UNKNOWN, reason: 'please' };
    for (let n = 0; n < 20; n += 1) await expect(client.call('retry', requested)).rejects.toThrow('no notification');
    await expect(client.call('notify', { notification: { type: 'GHOST', hostname: 'c9' } })).rejects.toThrow('must be');
    await engine.untilLogged(/audit: retry refused .*uuid=0{8}-.*message="there is no notification/);
    await engine.kill('SIGTERM');
    // Read from the journal: no engine runs.
    const entries = await here.json<AuditView[]>('audit');
    const retries = entries.filter(({ action }) => action === 'retry');
    expect(retries.reduce((sum, { times }) => sum + times, 0)).toBe(20);
    expect(retries.length).toBeLessThanOrEqual(2);
    expect(retries[0]).toMatchObject({
      kind: 'refusal',
      outcome: 'refused',
      notification_uuid: UNKNOWN,
      reason: 'please',
    });
    expect(entries.find(({ action }) => action === 'notify')).toMatchObject({
      kind: 'refusal',
      object: 'c9',
      message: 'notification.type must be COMPUTE_HOST, PROCESS or VM',
    });
  });

  it('is limited in time and number', async () => {
    await using here = await EngineWorld.start();
    await here.engine();
    for (const host of ['c1', 'c2', 'c3']) await here.run(['notify', '--hostname', host, ...STOPPED]);
    const objects = async (...argv: string[]) =>
      (await here.json<AuditView[]>('audit', ...argv)).map(({ object }) => object);
    expect(await objects('--limit', '2')).toEqual(['c2', 'c3']);
    expect(await objects('--since', '1h')).toEqual(['c1', 'c2', 'c3']);
    expect(await objects('--since', '2099-01-01')).toEqual([]);
    const none = await here.run(['audit', '--since', '2099-01-01T00:00Z']);
    expect([none.code, none.stdout]).toEqual([0, 'There are no entries.\n']);
  });

  it.each([
    ['audit --since yesterday', '--since "yesterday" is not a time'],
    ['audit --since 2026-02-31T25:00', 'is not a time'],
    ['audit --limit 0', '--limit must be a whole number from 1 to 10000'],
    [`retry ${UNKNOWN} --reason=`, '--reason is empty'],
    [`rollback ${UNKNOWN} --reason=${'x'.repeat(501)}`, '--reason is longer than 500 characters'],
    ['host c1 --reserved yes --reason=a\u001b[2J', '--reason has control characters'],
    ['notify --hostname c1 --event STOPPED --reason=a\nb', '--reason has control characters'],
  ])('refuses a wrong option (%#)', async (command, message) => {
    await using here = await EngineWorld.start();
    const { code, stderr } = await here.run(command.split(' '));
    expect([code, stderr]).toEqual([2, expect.stringContaining(message)]);
  });
});
