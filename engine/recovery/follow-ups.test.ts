/** A host is read again after its recovery has finished: no instance stays undetected on it. */
import { expect, it } from 'vitest';
import { RecoveryWorld } from '#test/world/recovery-world.ts';

const HOUR = 3_600_000;
/** Seldom renewals, so that hours of simulated time cost little. */
const SELDOM = '[engine]\nbeat_interval = 60\nlease_timeout = 900\n';

async function scene(configuration = ''): Promise<RecoveryWorld> {
  const here = new RecoveryWorld({ configuration: `${SELDOM}${configuration}` });
  for (const host of ['c1', 'c2']) here.world.addHost(host);
  await here.start('n1');
  return here;
}

it('an instance that Nova shows on the host after its recovery gets a recovery', async () => {
  await using here = await scene();
  const first = await here.hostFails('c1');
  expect((await here.until(first)).notification.status).toBe('finished');
  // As a build that was on its way to the host when it died.
  const { uuid } = here.world.addInstance('c1');
  await here.clock.run(here.clock.sleep(HOUR));
  expect(here.world.requireInstance(uuid).host).toBe('c2');
  const [second] = await here.clock.run(here.engine.reads.list({ limit: 1 }));
  expect(second).toMatchObject({ type: 'COMPUTE_HOST', host: 'c1', status: 'finished' });
  expect(second?.uuid).not.toBe(first);
});

it('also when another engine has taken over meanwhile, and when the cloud does not answer the first time', async () => {
  await using here = await scene();
  await here.until(await here.hostFails('c1'));
  await here.clock.run(here.engine.stop());
  await here.start('n2');
  const { uuid } = here.world.addInstance('c1');
  here.world.behaviour = { ...here.world.behaviour, isAway: true };
  await here.clock.run(here.clock.sleep(10 * 60_000));
  here.world.behaviour = { ...here.world.behaviour, isAway: false };
  await here.clock.run(here.clock.sleep(HOUR));
  expect(here.world.requireInstance(uuid).host).toBe('c2');
});

it('nothing is done about a host that is in service again, or that no recovery would empty', async () => {
  await using here = await scene('[host_failure]\nevacuate_all_instances = false\n');
  await here.until(await here.hostFails('c1'));
  const { uuid } = here.world.addInstance('c1');
  await here.clock.run(here.clock.sleep(HOUR));
  expect(here.world.requireInstance(uuid).host).toBe('c1');
  expect(await here.clock.run(here.engine.reads.list({ limit: 9 }))).toHaveLength(1);

  await here.until(await here.hostFails('c2'));
  Object.assign(here.world.hosts.get('c2') ?? {}, { isAlive: true, forcedDown: false, status: 'enabled' });
  here.world.addInstance('c2', { metadata: { HA_Enabled: 'True' } });
  await here.clock.run(here.clock.sleep(HOUR));
  expect(await here.clock.run(here.engine.reads.list({ limit: 9 }))).toHaveLength(2);
  expect(here.world.counts.accepted).toEqual({});
});
