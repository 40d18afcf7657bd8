/** An instance that crashes again and again is restarted at a growing interval, and in the end left to an operator. */
import { expect, it } from 'vitest';
import { RecoveryWorld } from '#test/world/recovery-world.ts';

const CONFIGURATION =
  '[engine]\nbeat_interval = 300\nlease_timeout = 900\n[instance_failure]\nprocess_all_instances = true\n';

const crash = (here: RecoveryWorld, instance_uuid: string): Promise<string> =>
  here.notify({
    type: 'VM',
    hostname: 'c1',
    payload: { event: 'LIFECYCLE', vir_domain_event: 'STOPPED_FAILED', instance_uuid },
  });

it('the restarts of one instance are 5, 10, 20 … s apart, and the tenth crash is a dead letter; others are not held back', async () => {
  await using here = new RecoveryWorld({ configuration: CONFIGURATION });
  here.world.addHost('c1');
  const { uuid: instance } = here.world.addInstance('c1');
  const { uuid: other } = here.world.addInstance('c1');
  await here.start('n1');
  const delays: number[] = [];
  for (let n = 1; n <= 9; n += 1) {
    const from = here.clock.now();
    expect((await here.until(await crash(here, instance))).notification.status).toBe('finished');
    delays.push(Math.floor((here.clock.now() - from) / 5_000) * 5);
  }
  expect(delays).toEqual([0, 5, 10, 20, 40, 80, 160, 320, 320]);
  const last = await here.until(await crash(here, instance));
  expect(last.notification.status).toBe('failed');
  expect(last.notification.message).toMatch(
    /^Instance '.*' crashed 10 times within .*: it is not restarted any more; .*retry/,
  );
  const from = here.clock.now();
  expect((await here.until(await crash(here, other))).notification.status).toBe('finished');
  expect(here.clock.now() - from).toBeLessThan(5_000);
  // A person found out why.
  await here.clock.run(here.engine.operator.retry(last.notification.notification_uuid, 'none'));
  expect((await here.until(last.notification.notification_uuid)).notification.status).toBe('finished');
});

it('a restart that is delayed is shown as parked, and carried out by the engine that takes over', async () => {
  await using here = new RecoveryWorld({ configuration: CONFIGURATION });
  here.world.addHost('c1');
  const { uuid: instance } = here.world.addInstance('c1');
  await here.start('n1');
  for (let n = 1; n <= 3; n += 1) await here.until(await crash(here, instance));
  const held = await crash(here, instance);
  await here.clock.run(here.clock.sleep(1_000));
  const { notification } = await here.clock.run(here.engine.reads.show(held));
  expect(notification.parked_reason).toMatch(/crashed 4 times within .*: restart delayed by 20 s/);
  await here.clock.run(here.engine.stop());
  here.skewMs = 86_400_000;
  await here.start('n2');
  const from = here.clock.now();
  expect((await here.until(held)).notification.status).toBe('finished');
  expect(here.clock.now() - from).toBeGreaterThan(10_000);
});
