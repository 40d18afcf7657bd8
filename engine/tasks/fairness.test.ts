/** Hosts that fail together share the places: what hangs on one of them delays no other. */
import { expect, it } from 'vitest';
import { RecoveryWorld } from '#test/world/recovery-world.ts';

it('forty instances that do not stop delay no evacuation of another host', async () => {
  await using here = new RecoveryWorld({
    configuration: '[host_failure]\nmax_evacuations_in_flight = 8\n[DEFAULT]\nwait_period_after_power_off = 3600\n',
  });
  // No instance of the first host gets capacity on the second.
  for (const [host, capacity] of [
    ['c1', 40],
    ['c2', 8],
    ['c3', 100],
  ] as const)
    here.world.addHost(host, capacity);
  for (let n = 0; n < 40; n += 1) here.world.addInstance('c1', { vmState: 'suspended', powerState: 4 });
  const others = Array.from({ length: 8 }, () => here.world.addInstance('c2').uuid);
  await here.start();
  const { signal } = new AbortController();
  // Nova accepts no stop for half an hour.
  here.cloud.stop = async (...call) => {
    await here.clock.sleep(1_800_000, call[1]?.signal ?? signal);
    throw new Error('the wait took too long');
  };
  const first = await here.hostFails('c1');
  const arrived = (): number => [...here.world.instances.values()].filter(({ host }) => host === 'c3').length;
  while (arrived() < 40) {
    await here.clock.run(here.clock.sleep(1000));
    here.world.catchUp();
  }
  const began = here.clock.now();
  expect((await here.until(await here.hostFails('c2'))).notification.status).toBe('finished');
  expect(here.clock.now() - began).toBeLessThan(60_000);
  expect(others.every((uuid) => here.world.requireInstance(uuid).host === 'c3')).toBe(true);
  expect((await here.engine.reads.show(first)).notification.status).toBe('running');
});

it('a host that fails second gets its share while the first still has hundreds to move', async () => {
  await using here = new RecoveryWorld({
    configuration: '[host_failure]\nmax_evacuations_in_flight = 8\n',
    behaviour: { rebuildMs: [10_000, 10_000] },
  });
  for (const host of ['c1', 'c2', 'c3']) here.world.addHost(host);
  for (let n = 0; n < 200; n += 1) here.world.addInstance('c1');
  for (let n = 0; n < 8; n += 1) here.world.addInstance('c2', { vmState: 'stopped' });
  await here.start();
  const first = await here.hostFails('c1');
  while (here.world.evacuations.length < 8) await here.clock.run(here.clock.sleep(100));
  const began = here.clock.now();
  expect((await here.until(await here.hostFails('c2'))).notification.status).toBe('finished');
  // Two waves of four, after the wave of the first host that was under way.
  expect(here.clock.now() - began).toBeLessThan(60_000);
  expect((await here.engine.reads.show(first)).notification.status).toBe('running');
});
