import { expect, it } from 'vitest';
import { RecoveryWorld } from '#test/world/recovery-world.ts';
import type { Driver } from '../task-drivers/driver.ts';

it('a retry that comes while the engine takes the recovery up by itself is refused, and disturbs nothing', async () => {
  await using here = new RecoveryWorld({ configuration: '[host_failure]\nevacuation_retries = 0' });
  for (const host of ['c1', 'c2']) here.world.addHost(host);
  here.world.addInstance('c1');
  here.world.behaviour = { ...here.world.behaviour, failedEvacuations: 1 };
  await here.start();
  const uuid = await here.hostFails('c1');
  await here.until(uuid, 'error');
  here.world.behaviour = { ...here.world.behaviour, failedEvacuations: 0 };
  // The command arrives when nothing runs yet, and is written when the flow has started.
  const { journal } = here;
  const query = journal.query.bind(journal);
  journal.query = async (name, ...parameters) => {
    if (name === 'doubts') await here.until(uuid, 'running');
    return query(name, ...parameters);
  };
  await expect(here.clock.run(here.engine.operator.retry(uuid, 'none'))).rejects.toThrow('it is in progress');
  const view = await here.until(uuid, 'finished', 'failed');
  expect(view.flows.map(({ state, error }) => [state, error])).toEqual([
    ['FAILURE', expect.stringContaining('Failed to evacuate')],
    ['SUCCESS', null],
  ]);
});

it('a retry of a recovery that is older than the bound has its turn, however long the queue is', async () => {
  const mayEnd = Promise.withResolvers<void>();
  const run: Driver['run'] = async ({ context }) => {
    if (context.inputs.host_name === 'c3') await mayEnd.promise;
    return {};
  };
  const slow: Driver = { steps: 'one', run };
  const configuration = `[DEFAULT]
notifications_expired_interval = 300
check_expired_notifications_interval = 20
[host_failure]
evacuation_retries = 0
[engine]
max_concurrent_recoveries = 1
[taskflow_driver_recovery_flows]
host_auto_failure_recovery_tasks = pre:['slow','disable_compute_service_task'],main:['prepare_HA_enabled_instances_task'],post:['evacuate_instances_task']
[slow]
driver = executable
command = /bin/slow
timeout = 7200`;
  await using here = new RecoveryWorld({ configuration, drivers: async () => slow });
  for (const host of ['c1', 'c2', 'c3']) here.world.addHost(host);
  here.world.addInstance('c1');
  here.world.behaviour = { ...here.world.behaviour, failedEvacuations: 1 };
  await here.start();
  const uuid = await here.hostFails('c1');
  await here.until(uuid, 'failed');
  here.world.behaviour = { ...here.world.behaviour, failedEvacuations: 0 };
  await here.clock.run(here.clock.sleep(350_000));
  const before = await here.hostFails('c3');
  await here.until(before, 'running');
  await here.clock.run(here.engine.operator.retry(uuid, 'none'));
  await here.clock.run(here.clock.sleep(60_000));
  expect((await here.clock.run(here.engine.reads.show(uuid))).notification.status).toBe('new');
  mayEnd.resolve();
  expect((await here.until(uuid, 'finished', 'failed')).notification.status).toBe('finished');
});
