import { describe, expect, it } from 'vitest';
import type { NotificationView, RecoveryView } from '#protocol/views.ts';
import { EngineWorld } from '#test/world/engine-world.ts';

const STOPPED = ['--event', 'STOPPED'];
const PROVEN = [...STOPPED, '--host-status', 'NORMAL'];

describe('retry', { timeout: 60_000 }, () => {
  it('is refused for a recovery that is finished', async () => {
    await using here = await EngineWorld.start();
    await here.engine();
    here.world.kill('c1');
    const { notification } = await here.json<RecoveryView>('notify', '--hostname', 'c1', ...PROVEN, '--wait');
    const { code, stderr } = await here.run(['retry', notification.notification_uuid]);
    expect([code, stderr]).toEqual([1, expect.stringMatching(/is finished; there is nothing to retry\n$/)]);
  });

  it('is refused for a recovery that is being worked on', async () => {
    await using here = await EngineWorld.start({ behaviour: { rebuildMs: [600_000, 600_000] } });
    const engine = await here.engine();
    here.world.kill('c1');
    const { notification_uuid } = await here.json<NotificationView>('notify', '--hostname', 'c1', ...PROVEN);
    await engine.untilLogged('flow begins');
    const { code, stderr } = await here.run(['retry', notification_uuid]);
    expect([code, stderr]).toEqual([1, expect.stringContaining('it is in progress')]);
  });

  it('of an ignored one is taken only on the word that the host is down', async () => {
    await using here = await EngineWorld.start();
    await here.engine();
    here.world.kill('c1');
    const { notification_uuid: uuid } = await here.json<NotificationView>('notify', '--hostname', 'c1', ...STOPPED);
    const refused = await here.run(['retry', uuid]);
    expect([refused.code, refused.stderr]).toEqual([1, expect.stringContaining("Host 'c1' is not proven dead")]);
    const taken = await here.run(['retry', uuid, '--host-is-down', '--wait']);
    expect([taken.code, taken.stdout]).toEqual([0, expect.stringMatching(/^Status: +finished$/m)]);
    expect([...here.world.instances.values()].map(({ host }) => host)).not.toContain('c1');
  });

  it('of a failed one is taken, and finishes it when the cause is gone', async () => {
    const configuration = 'process_unfinished_notifications_interval = 1';
    await using here = await EngineWorld.start({ behaviour: { failedEvacuations: 1 }, configuration });
    await here.engine();
    here.world.kill('c1');
    const failed = await here.json<RecoveryView>('notify', '--hostname', 'c1', ...PROVEN, '--wait');
    expect(failed.notification.status).toBe('failed');
    here.world.behaviour = { ...here.world.behaviour, failedEvacuations: 0 };
    const uuid = failed.notification.notification_uuid;
    const plain = await here.run(['retry', uuid.toUpperCase()]);
    expect([plain.code, plain.stdout]).toEqual([
      0,
      expect.stringMatching(/^Recovery [0-9a-f-]{36} is (new|running)\.\n$/),
    ]);
    const end = await here.json<RecoveryView>(
      'notify',
      '--hostname',
      'c1',
      ...PROVEN,
      '--wait',
      '--generated-time',
      failed.notification.generated_time,
    );
    expect([end.notification.notification_uuid, end.notification.status]).toEqual([uuid, 'finished']);
    expect(end.flows.at(-1)?.instances.every(({ state }) => state === 'moved')).toBe(true);
  });

  it('declares an evacuation abandoned, and is refused where there is none', async () => {
    const configuration = 'process_unfinished_notifications_interval = 1\nwait_period_after_evacuation = 1';
    await using here = await EngineWorld.start({ behaviour: { rebuildMs: [600_000, 600_000] }, configuration });
    await here.engine();
    const [instance = ''] = [...here.world.instances.values()]
      .filter(({ host }) => host === 'c1')
      .map(({ uuid }) => uuid);
    here.world.kill('c1');
    const failed = await here.json<RecoveryView>('notify', '--hostname', 'c1', ...PROVEN, '--wait');
    const uuid = failed.notification.notification_uuid;
    expect(failed.notification.message).toContain(`retry ${uuid} --instance ${instance} --abandon-evacuation`);
    const none = await here.run(['retry', uuid, '--instance', uuid, '--abandon-evacuation']);
    expect([none.code, none.stderr]).toEqual([1, expect.stringContaining('has no open evacuation of instance')]);
    here.world.behaviour = { ...here.world.behaviour, rebuildMs: [1, 1] };
    await here.run(['retry', uuid, '--instance', instance.toUpperCase(), '--abandon-evacuation', '--wait']);
    expect(here.world.counts.accepted[instance]).toBe(2);
  });

  it.each([
    ['retry', 2, 'the UUID of a notification is missing'],
    ['retry c1', 2, '"c1" is not the UUID of a notification'],
    ['retry 00000000-0000-4000-8000-000000000000', 1, 'there is no notification 00000000-'],
    ['retry 00000000-0000-4000-8000-000000000000 --abandon-evacuation', 2, 'belong together'],
    [
      'retry 00000000-0000-4000-8000-000000000000 --instance 00000000-0000-4000-8000-000000000001',
      2,
      'belong together',
    ],
    ['host c3 --reserved maybe', 2, '--reserved must be yes or no'],
    ['host c3;c4 --reserved yes', 2, 'name is no host name'],
    ['host --reserved yes', 2, 'the name of a host is missing'],
  ])('and its neighbour refuse a wrong question: %s', async (command, exitCode, message) => {
    await using here = await EngineWorld.start();
    await here.engine();
    const { code, stdout, stderr } = await here.run(command.split(' '));
    expect([code, stdout, stderr]).toEqual([exitCode, '', expect.stringContaining(message)]);
  });

  it('without an engine exits 3', async () => {
    await using here = await EngineWorld.start();
    const { code, stderr } = await here.run(['retry', '00000000-0000-4000-8000-000000000000']);
    expect([code, stderr]).toEqual([3, expect.stringContaining('no engine runs there')]);
  });
});
