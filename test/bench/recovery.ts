/**
 * What one recovery costs: calls of the cloud and COMMITs, for 20 running instances on the simulated cloud, and for an instance and a
 * process. Counts, not times: they do not depend on the machine. A COMMIT is five fsyncs (see journal.ts).
 */
import { RecoveryWorld } from '#test/world/recovery-world.ts';

async function measure(name: string, instances: number, fail: (here: RecoveryWorld) => Promise<string>): Promise<void> {
  await using here = new RecoveryWorld();
  for (const host of ['c1', 'c2', 'c3']) here.world.addHost(host);
  for (let n = 0; n < instances; n += 1) here.world.addInstance('c1', { metadata: { HA_Enabled: 'True' } });
  await here.start();
  const before = await here.clock.run(here.commits());
  const view = await here.until(await fail(here));
  if (view.notification.status !== 'finished') throw new Error(`${name} ended ${view.notification.status}`);
  const commits = (await here.clock.run(here.commits())) - before;
  const tasks = view.flows.reduce((sum, flow) => sum + flow.tasks.length, 0);
  const calls = here.cloud.calls.compute;
  process.stdout.write(
    `${name.padEnd(22)} ${calls} calls (${(calls / instances).toFixed(2)} an instance), ${commits} commits ` +
      `(${(commits / tasks).toFixed(1)} a task, ${((commits * 5) / tasks).toFixed(0)} fsyncs a task)\n`,
  );
}

await measure('host, 20 instances', 20, (here) => here.hostFails('c1'));
await measure('instance', 1, (here) => {
  const [uuid = ''] = here.world.instances.keys();
  const payload = { event: 'LIFECYCLE', vir_domain_event: 'STOPPED_FAILED', instance_uuid: uuid };
  return here.notify({ type: 'VM', hostname: 'c1', payload });
});
await measure('process', 1, (here) =>
  here.notify({ type: 'PROCESS', hostname: 'c1', payload: { event: 'STOPPED', process_name: 'nova-compute' } }),
);
