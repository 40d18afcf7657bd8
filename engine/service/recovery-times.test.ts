import { expect, test } from 'vitest';
import { RecoveryWorld } from '#test/world/recovery-world.ts';

test('each instance of a failed host has its times: detected, decided, called and confirmed, over two engines', async () => {
  await using here = new RecoveryWorld({ behaviour: { rebuildMs: [60_000, 60_000] } });
  for (const host of ['c1', 'c2']) here.world.addHost(host);
  const instances = [here.world.addInstance('c1'), here.world.addInstance('c1', { vmState: 'stopped' })];
  await here.start('n1');
  const from = here.clock.now();
  const uuid = await here.hostFails('c1');
  await here.until(uuid, 'running');
  await here.clock.run(here.clock.sleep(20_000));
  const before = (await here.engine.reads.show(uuid)).recovery_times;
  expect(before.map(({ seconds, confirmed_at }) => [seconds, confirmed_at])).toEqual([
    [null, null],
    [null, null],
  ]);
  await here.clock.run(here.engine.stop());
  await here.start('n2');
  const { recovery_times, notification } = await here.until(uuid);
  expect(recovery_times.map((one) => one.instance_uuid).toSorted()).toEqual(
    instances.map((one) => one.uuid).toSorted(),
  );
  for (const one of recovery_times) {
    expect(Date.parse(one.detected_at)).toBe(from);
    const course = [one.detected_at, one.decided_at, one.called_at, one.confirmed_at, notification.closed_at];
    expect(course.toSorted()).toEqual(course);
    expect(one.seconds).toBeGreaterThanOrEqual(60);
    expect(one.called_at).toBe(before.find(({ instance_uuid }) => instance_uuid === one.instance_uuid)?.called_at);
  }
});

test('an instance that crashed has its time, and one that could not be moved has none', async () => {
  await using here = new RecoveryWorld({
    configuration: '[instance_failure]\nprocess_all_instances = true\n[host_failure]\nevacuation_retries = 0\n',
    behaviour: { failedEvacuations: 1 },
  });
  for (const host of ['c1', 'c2']) here.world.addHost(host);
  const { uuid: crashed } = here.world.addInstance('c2');
  here.world.addInstance('c1');
  await here.start('n1');
  const payload = { event: 'LIFECYCLE', vir_domain_event: 'STOPPED_FAILED', instance_uuid: crashed };
  const { recovery_times } = await here.until(await here.notify({ type: 'VM', hostname: 'c2', payload }));
  expect(recovery_times).toMatchObject([{ instance_uuid: crashed, seconds: expect.any(Number) }]);
  const failed = await here.until(await here.hostFails('c1'));
  expect(failed.recovery_times).toMatchObject([{ called_at: expect.any(String), confirmed_at: null, seconds: null }]);
});
