/** `pause`, `unpause`, `approve`, `cancel`, `priority` and `host` from the command line of a running engine. */
import { describe, expect, it } from 'vitest';
import type { AuditView, NotificationView, RecoveryView, StatusView } from '#protocol/views.ts';
import { EngineWorld } from '#test/world/engine-world.ts';

const FAILED = ['--hostname', 'c1', '--event', 'STOPPED', '--host-status', 'NORMAL'];

describe('a pause of recoveries', { timeout: 60_000 }, () => {
  it('is shown, holds what is reported, and ends by unpause', async () => {
    await using here = await EngineWorld.start();
    const engine = await here.engine();
    const paused = await here.run(['pause', '--for', '2h', '--reason', 'switch work']);
    expect([paused.code, paused.stdout]).toEqual([0, 'No recovery starts for 2h.\n']);
    expect((await here.json<StatusView>('status')).pause).toMatchObject({ reason: 'switch work' });
    expect((await here.run(['status'])).stdout).toMatch(
      /^paused: no recovery starts, for 120 min more; by .* since .*: switch work$/m,
    );
    here.world.kill('c1');
    const { notification_uuid: uuid } = await here.json<NotificationView>('notify', ...FAILED);
    await engine.untilLogged('recovery parked');
    const { notification } = await here.json<RecoveryView>('show', uuid);
    expect(notification.parked_reason).toContain('Held by gate pause: recoveries are paused by');
    // Approval of one recovery does not end the pause of all.
    expect((await here.run(['approve', uuid])).stdout).toBe(`Recovery ${uuid} is approved.\n`);
    expect((await here.run(['unpause', '--reason', 'done'])).stdout).toBe('Recoveries start again.\n');
    await engine.untilLogged('recovery ends finished');
    const audit = await here.json<readonly AuditView[]>('audit');
    expect(audit.filter(({ kind }) => kind === 'command').map(({ action, reason }) => [action, reason])).toEqual([
      ['pause', 'switch work'],
      ['approve', null],
      ['unpause', 'done'],
    ]);
    expect((await here.json<StatusView>('status')).pause).toBeNull();
  });

  it('keeps a host in maintenance, changes the order of what waits, and cancels it', async () => {
    await using here = await EngineWorld.start();
    const engine = await here.engine();
    const started = await here.run(['host', 'c1', '--maintenance', 'yes', '--reason', 'new memory']);
    expect([started.code, started.stdout]).toEqual([0, "Host 'c1' is in maintenance.\n"]);
    expect((await here.run(['status'])).stdout).toMatch(/^maintenance: c1, by .* since .*: new memory$/m);
    here.world.kill('c1');
    const { notification_uuid: uuid } = await here.json<NotificationView>('notify', ...FAILED);
    await engine.untilLogged('recovery parked');
    expect((await here.run(['priority', uuid, '7'])).stdout).toBe(`Recovery ${uuid} has priority 7.\n`);
    const cancelled = await here.run(['cancel', uuid, '--reason', 'it was me']);
    expect([cancelled.code, cancelled.stdout]).toEqual([0, `Recovery ${uuid} is cancelled.\n`]);
    const { notification } = await here.json<RecoveryView>('show', uuid);
    expect(notification).toMatchObject({ status: 'ignored', message: expect.stringContaining('(it was me)') });
    expect((await here.run(['host', 'c1', '--maintenance', 'no'])).stdout).toBe("Host 'c1' is not in maintenance.\n");
  });

  it.each([
    ['host c1', 2, 'give one of --reserved and --maintenance, with yes or no'],
    ['host c1 --maintenance maybe', 2, '--maintenance'],
    ['priority 00000000-0000-4000-8000-000000000000 high', 2, 'give a whole number from -9999 to 9999 after the UUID'],
    ['cancel 00000000-0000-4000-8000-000000000000', 1, 'there is no notification 00000000-'],
    ['skip 00000000-0000-4000-8000-000000000000', 2, 'the UUID of an instance is missing'],
    ['pause --for soon', 2, '--for "soon" is not a duration; write one such as 90s, 15m, 2h or 7d'],
    ['pause --for 0s', 2, '--for "0s" is not a duration'],
    ['unpause', 1, 'recoveries are not paused'],
    ['approve', 2, 'the UUID of a notification is missing'],
    ['approve 00000000-0000-4000-8000-000000000000', 1, 'there is no notification 00000000-'],
  ])('"%s" ends with %i and the message: %s', async (line, code, message) => {
    await using here = await EngineWorld.start();
    await here.engine();
    const ended = await here.run(line.split(' '));
    expect([ended.code, ended.stderr]).toEqual([code, expect.stringContaining(message)]);
  });
});
