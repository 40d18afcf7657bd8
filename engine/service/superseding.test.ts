/** What else happens while a recovery has to wait for that of its host. */
import { expect, it } from 'vitest';
import { RecoveryWorld } from '#test/world/recovery-world.ts';
import type { Driver } from '../task-drivers/driver.ts';

const CONFIGURATION = `[taskflow_driver_recovery_flows]
process_failure_recovery_tasks = pre:['slow'],main:['disable_compute_node_task'],post:[]
[slow]
driver = executable
command = /bin/slow
after_crash = idempotent`;

it('an engine that stops meanwhile begins no recovery any more', async () => {
  const began = Promise.withResolvers<void>();
  const mayEnd = Promise.withResolvers<void>();
  /** It takes some time to end, like a program that got a signal. */
  const slow: Driver = {
    steps: 'one',
    run: async ({ context }) => {
      began.resolve();
      await mayEnd.promise;
      context.signal.throwIfAborted();
      return {};
    },
  };
  await using here = new RecoveryWorld({ configuration: CONFIGURATION, drivers: async () => slow });
  for (const host of ['c1', 'c2', 'c3']) here.world.addHost(host);
  for (const host of ['c1', 'c3']) here.world.addInstance(host);
  await here.start('n1');
  const payload = { event: 'STOPPED', process_name: 'nova-compute' };
  const small = await here.notify({ type: 'PROCESS', hostname: 'c1', payload });
  await here.clock.run(began.promise);
  for (const host of ['c1', 'c3']) here.world.kill(host);
  const [large, other] = await Promise.all([here.hostFails('c1'), here.hostFails('c3')]);
  // The engine has planned its queue; the recovery of the host waits for the end of the smaller one, that of another host does not.
  await here.clock.run(here.clock.sleep(1_000));
  const stopped = here.engine.stop();
  mayEnd.resolve();
  await here.clock.run(stopped);
  const started = here.logged.filter((line) => line.includes('flow begins'));
  expect(started).toHaveLength(2);
  expect(started.filter((line) => line.includes(large))).toEqual([]);

  await here.start('n2');
  for (const uuid of [large, other]) expect((await here.until(uuid)).notification.status).toBe('finished');
  // It was parked, and there is nothing left to do about it.
  expect((await here.until(small)).notification).toMatchObject({
    status: 'finished',
    message: 'Skipping recovery for process nova-compute as it is already disabled',
  });
});
