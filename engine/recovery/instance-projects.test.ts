/** A tenant whose guests crash all at once, and whose Nova calls never end, delays no instances of others. */
import { expect, it, vi } from 'vitest';
import { RecoveryWorld } from '#test/world/recovery-world.ts';

const CONFIGURATION =
  '[engine]\nbeat_interval = 300\nlease_timeout = 900\n[instance_failure]\nprocess_all_instances = true\n';

const crash = (here: RecoveryWorld, instance_uuid: string): Promise<string> =>
  here.notify({
    type: 'VM',
    hostname: 'c1',
    payload: { event: 'LIFECYCLE', vir_domain_event: 'STOPPED_FAILED', instance_uuid },
  });

/** A world in which the first tenant has so many instances, none of which stops. */
function worldOf(count: number) {
  const here = new RecoveryWorld({ configuration: CONFIGURATION });
  here.world.addHost('c1');
  const theirs = Array.from({ length: count }, () => here.world.addInstance('c1', { projectId: 'evil' }).uuid);
  const mine = here.world.addInstance('c1', { projectId: 'good' }).uuid;
  const stop = here.world.stop.bind(here.world);
  here.world.stop = (uuid) => (theirs.includes(uuid) ? undefined : stop(uuid));
  return { here, theirs, mine };
}

it('with 40 of them stuck, an instance of another project is recovered at once, and four of them at a time', async () => {
  const { here, theirs, mine } = worldOf(40);
  await using _ = here;
  await here.start('n1');
  for (const uuid of theirs) await crash(here, uuid);
  await here.clock.run(here.clock.sleep(2_000));
  const from = here.clock.now();
  expect((await here.until(await crash(here, mine))).notification.status).toBe('finished');
  expect(here.clock.now() - from).toBeLessThan(10_000);
  expect((await here.clock.run(here.engine.reads.status())).counts.running).toBe(4);
});

it('keeps to the bound after a take-over, without anything about projects in the journal', async () => {
  const { here, theirs, mine } = worldOf(12);
  await using _ = here;
  await here.start('n1');
  for (const uuid of theirs) await crash(here, uuid);
  await here.clock.run(here.clock.sleep(2_000));
  await here.clock.run(here.engine.stop());
  await here.start('n2');
  await here.clock.run(here.clock.sleep(2_000));
  expect((await here.clock.run(here.engine.reads.status())).counts.running).toBe(4);
  expect((await here.until(await crash(here, mine))).notification.status).toBe('finished');
});

it('reads projects only where more instances wait than one project may have', async () => {
  const { here, theirs, mine } = worldOf(5);
  await using _ = here;
  await here.start('n1');
  const reads = vi.spyOn(here.cloud, 'instance');
  const questions = (): number => reads.mock.calls.filter(([, options]) => options?.urgency === 'question').length;
  expect((await here.until(await crash(here, mine))).notification.status).toBe('finished');
  expect(questions()).toBe(0);
  for (const uuid of theirs) await crash(here, uuid);
  await here.clock.run(here.clock.sleep(2_000));
  expect(questions()).toBe(5);
});
