/** Recoveries that wait for the recovery of their host: each is shown with its reason, delays no other, and is acted on afterwards. */
import { expect, it } from 'vitest';
import { RecoveryWorld } from '#test/world/recovery-world.ts';
import type { Driver } from '../task-drivers/driver.ts';

const ALL_INSTANCES =
  '[engine]\nbeat_interval = 300\nlease_timeout = 900\n[instance_failure]\nprocess_all_instances = true\n';
const DEAD = { event: 'STOPPED', cluster_status: 'OFFLINE', host_status: 'NORMAL' };

const crash = (here: RecoveryWorld, hostname: string, instance_uuid: string): Promise<string> =>
  here.notify({
    type: 'VM',
    hostname,
    payload: { event: 'LIFECYCLE', vir_domain_event: 'STOPPED_FAILED', instance_uuid },
  });

it('a crash on a host whose reported death is none is recovered when that is clear', async () => {
  await using here = new RecoveryWorld({ configuration: ALL_INSTANCES });
  for (const host of ['c1', 'c2']) here.world.addHost(host);
  const { uuid: instance } = here.world.addInstance('c1');
  await here.start();
  await here.clock.run(here.clock.sleep(3_600_000));
  let starts = 0;
  const start = here.world.start.bind(here.world);
  here.world.start = (uuid) => {
    starts += 1;
    start(uuid);
  };
  const host = await here.notify({ type: 'COMPUTE_HOST', hostname: 'c1', payload: DEAD });
  const vm = await crash(here, 'c1', instance);
  await here.clock.run(here.clock.sleep(1_000));
  const { open } = await here.clock.run(here.engine.reads.status());
  const waiting = open.find(({ notification_uuid }) => notification_uuid === vm);
  expect(waiting).toMatchObject({ status: 'new', parked_reason: `Waits for recovery ${host} of its host 'c1'.` });
  expect((await here.until(host)).notification.status).toBe('ignored');
  expect((await here.until(vm)).notification).toMatchObject({ status: 'finished', parked_reason: null });
  expect(starts).toBe(1);
});

it('what is parked is still parked when another engine takes over, and is acted on by it', async () => {
  await using here = new RecoveryWorld({ configuration: ALL_INSTANCES });
  for (const host of ['c1', 'c2']) here.world.addHost(host);
  const { uuid: instance } = here.world.addInstance('c1');
  await here.start('n1');
  const host = await here.notify({ type: 'COMPUTE_HOST', hostname: 'c1', payload: DEAD });
  const vm = await crash(here, 'c1', instance);
  await here.clock.run(here.clock.sleep(1_000));
  await here.clock.run(here.engine.stop());
  await here.start('n2');
  expect((await here.clock.run(here.engine.reads.show(vm))).notification.parked_reason).toContain(host);
  expect((await here.until(vm)).notification.status).toBe('finished');
});

it('recoveries that take their time to stop delay their own host only', async () => {
  /** As a program that ignores SIGTERM: five seconds until SIGKILL. */
  const stubborn: Driver = {
    steps: 'one',
    run: async ({ context }) => {
      await context.clock.sleep(600_000, context.signal).catch(() => {});
      await context.clock.sleep(5_000);
      context.signal.throwIfAborted();
      return {};
    },
  };
  const configuration = `${ALL_INSTANCES}
[taskflow_driver_recovery_flows]
instance_failure_recovery_tasks = pre:['stop_instance_task'],main:['start_instance_task'],post:['slow']
[slow]
driver = executable
command = /bin/true
`;
  await using here = new RecoveryWorld({ configuration, drivers: async () => stubborn });
  for (const host of ['c1', 'c2', 'c3']) here.world.addHost(host);
  const uuids = Array.from({ length: 10 }, () => here.world.addInstance('c1').uuid);
  here.world.addInstance('c2');
  await here.start();
  for (const uuid of uuids) await crash(here, 'c1', uuid);
  await here.clock.run(here.clock.sleep(10_000));
  const from = here.clock.now();
  const [first, second] = [await here.hostFails('c1'), await here.hostFails('c2')];
  const started = async (uuid: string): Promise<number> => {
    while ((await here.engine.reads.show(uuid)).flows.length === 0) await here.clock.sleep(250);
    return here.clock.now() - from;
  };
  expect(await here.clock.run(started(second))).toBeLessThan(1_000);
  // All ten are interrupted together.
  expect(await here.clock.run(started(first))).toBeLessThan(10_000);
});

it('failed hosts do not wait for instances that will not stop, at any number of them', async () => {
  await using here = new RecoveryWorld({
    configuration: ALL_INSTANCES.replace('[engine]', '[engine]\nmax_concurrent_recoveries = 4'),
    behaviour: { powerMs: 3_600_000 },
  });
  for (const host of ['c1', 'c2', 'c3']) here.world.addHost(host);
  const uuids = Array.from({ length: 40 }, () => here.world.addInstance('c3').uuid);
  here.world.addInstance('c1');
  await here.start();
  for (const uuid of uuids) await crash(here, 'c3', uuid);
  await here.clock.run(here.clock.sleep(2_000));
  const from = here.clock.now();
  expect((await here.until(await here.hostFails('c1'))).notification.status).toBe('finished');
  expect(here.clock.now() - from).toBeLessThan(30_000);
});
