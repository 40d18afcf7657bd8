import { describe, expect, it } from 'vitest';
import type { NotificationView, RecoveryView } from '#protocol/views.ts';
import { EngineWorld } from '#test/world/engine-world.ts';

const FAILED = ['--hostname', 'c1', '--event', 'STOPPED', '--host-status', 'NORMAL'];

describe('a recovery at work', { timeout: 60_000 }, () => {
  it('is rolled back by an operator command, and waits', async () => {
    await using here = await EngineWorld.start({ behaviour: { rebuildMs: [600_000, 600_000] } });
    const engine = await here.engine();
    here.world.kill('c1');
    const { notification_uuid: uuid } = await here.json<NotificationView>('notify', ...FAILED);
    await engine.untilLogged('flow begins');
    const { code, stdout } = await here.run(['rollback', uuid, '--wait', '--json']);
    const { notification, flows } = JSON.parse(stdout) as RecoveryView;
    expect([code, notification.status, notification.message]).toEqual([4, 'failed', 'operator command: rollback']);
    expect(flows.map(({ state }) => state)).toEqual(['REVERTED']);
  });

  it('is restarted by an operator command', async () => {
    await using here = await EngineWorld.start({ behaviour: { rebuildMs: [600_000, 600_000] } });
    const engine = await here.engine();
    here.world.kill('c1');
    const { notification_uuid: uuid } = await here.json<NotificationView>('notify', ...FAILED);
    await engine.untilLogged('flow begins');
    const { code, stdout } = await here.run(['restart', uuid]);
    expect([code, stdout]).toEqual([0, `Recovery ${uuid} is restarted.\n`]);
    await engine.untilLogged(/flow begins[\s\S]*flow begins/);
    const { flows } = await here.json<RecoveryView>('show', uuid);
    expect(flows.map(({ state }) => state)).toEqual(['ABANDONED', 'RUNNING']);
  });

  it.each([
    ['rollback', 2, 'the UUID of a notification is missing'],
    ['restart 00000000-0000-4000-8000-000000000000', 1, 'there is no notification 00000000-'],
  ])('"%s" ends with %i and the message: %s', async (line, code, message) => {
    await using here = await EngineWorld.start();
    await here.engine();
    const ended = await here.run(line.split(' '));
    expect([ended.code, ended.stderr]).toEqual([code, expect.stringContaining(message)]);
  });
});
