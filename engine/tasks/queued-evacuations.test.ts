/** Requests for evacuations that stay in a queue before Nova: they are waited for, and never made twice. */
import { expect, it } from 'vitest';
import { RecoveryWorld, type WorldSettings } from '#test/world/recovery-world.ts';

async function hosts(settings: WorldSettings = {}): Promise<RecoveryWorld> {
  const here = new RecoveryWorld(settings);
  for (const host of ['c1', 'c2', 'c3']) here.world.addHost(host);
  await here.start();
  return here;
}

it.each([8, 20, 45, 70, 100])('as delivered, one that is carried out %i s late is the only one', async (seconds) => {
  const lateMs = [seconds * 1000, seconds * 1000] as const;
  await using here = await hosts({ behaviour: { rebuildMs: [30_000, 30_000], lateEvacuations: 1, lateMs } });
  const { uuid } = here.world.addInstance('c1');
  const recovery = await here.hostFails('c1');
  await here.clock.run(here.clock.sleep(3000));
  here.world.behaviour = { ...here.world.behaviour, lateEvacuations: 0 };
  expect((await here.until(recovery)).notification.status).toBe('finished');
  await here.clock.run(here.clock.sleep(200_000));
  here.world.catchUp();
  expect(here.world.counts).toEqual({ accepted: { [uuid]: 1 }, duplicates: 0 });
});

it('as delivered, one that was lost is made again within three minutes', async () => {
  await using here = await hosts();
  here.world.addInstance('c1');
  const evacuate = here.cloud.evacuate.bind(here.cloud);
  const calledAt: number[] = [];
  here.cloud.evacuate = (...call) => {
    here.world.behaviour = { ...here.world.behaviour, lostRequests: calledAt.length === 0 ? 1 : 0 };
    calledAt.push(here.clock.now());
    return evacuate(...call);
  };
  expect((await here.until(await here.hostFails('c1'))).notification.status).toBe('finished');
  const [first = 0, second = 0] = calledAt;
  expect(second - first).toBeGreaterThanOrEqual(120_000);
  expect(second - first).toBeLessThan(180_000);
});

it.each([0, -86_400_000, 86_400_000])(
  'a new flow waits for the request of an earlier one, and holds up no other instance (clock off by %i ms)',
  async (skewMs) => {
    await using here = await hosts({
      behaviour: { lateEvacuations: 1, lateMs: [100_000, 100_000] },
      configuration: '[evacuate_instances_task]\ntimeout = 5\n[host_failure]\nevacuation_queue_wait = 120\n',
    });
    const { uuid: late } = here.world.addInstance('c1');
    const recovery = await here.hostFails('c1');
    await here.until(recovery, 'error');
    here.world.behaviour = { ...here.world.behaviour, lateEvacuations: 0 };
    // No flow has requested anything of this one.
    const { uuid: other } = here.world.addInstance('c1');
    await here.clock.run(here.engine.stop());
    here.skewMs = skewMs;
    await here.start('n2');
    await here.clock.run(here.engine.operator.retry(recovery, 'none'));
    await here.until(recovery, 'finished', 'error', 'failed');
    expect(here.world.requireInstance(other).host).not.toBe('c1');
    expect(here.world.counts.accepted[late]).toBeUndefined();
    await here.clock.run(here.clock.sleep(100_000));
    await here.clock.run(here.engine.operator.retry(recovery, 'none'));
    expect((await here.until(recovery, 'finished')).notification.status).toBe('finished');
    expect(here.world.counts).toEqual({ accepted: { [late]: 1, [other]: 1 }, duplicates: 0 });
  },
);
