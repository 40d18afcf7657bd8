/** A host that was fenced by a reboot, and is back before its recovery could request anything: what ran there is started in place. */
import { describe, expect, it } from 'vitest';
import { CloudError } from '#openstack/cloud-error.ts';
import { RecoveryWorld } from '#test/world/recovery-world.ts';

const DEAD = { event: 'STOPPED', cluster_status: 'OFFLINE', host_status: 'NORMAL' };
const BACK = { event: 'STARTED', cluster_status: 'ONLINE', host_status: 'NORMAL' };

/** Three instances ran, one was off; the host has been rebooted, and its nova-compute has stopped what Nova had as active. */
async function rebooted(configuration = ''): Promise<{ here: RecoveryWorld; ran: string[]; off: string }> {
  const here = new RecoveryWorld({ configuration });
  for (const host of ['c1', 'c2']) here.world.addHost(host);
  const ran = [1, 2, 3].map(() => here.world.addInstance('c1').uuid);
  const off = here.world.addInstance('c1', { vmState: 'stopped' }).uuid;
  await here.start('n1');
  here.world.kill('c1');
  await here.clock.run(here.clock.sleep(90_000));
  here.world.comeBack('c1');
  await here.clock.run(here.clock.sleep(10_000));
  here.world.catchUp();
  for (const uuid of ran) here.world.stop(uuid);
  return { here, ran, off };
}

const report = (here: RecoveryWorld, payload: Record<string, string>, agoMs = 0): Promise<string> =>
  here.notify({
    type: 'COMPUTE_HOST',
    hostname: 'c1',
    generated_time: new Date(here.clock.now() - agoMs).toISOString(),
    payload,
  });

describe('a host that was rebooted before an engine received a report of it', () => {
  it.each(['reports in order', 'the return first'] as const)(
    'has its instances started in place: %s',
    async (order) => {
      const { here, ran, off } = await rebooted();
      await using _ = here;
      const death = await report(here, DEAD, 100_000);
      const back = order === 'reports in order' ? await report(here, BACK, 5_000) : undefined;
      expect((await here.until(death)).notification.status).toBe('ignored');
      // The other order: the engine found out by itself that the host lives.
      const view = await here.until(back ?? (await report(here, BACK)));
      expect(view.flows.map(({ name, state }) => [name, state])).toEqual([['host_reboot_engine', 'SUCCESS']]);
      for (const uuid of ran) expect(here.world.requireInstance(uuid)).toMatchObject({ host: 'c1', vmState: 'active' });
      expect(here.world.requireInstance(off).vmState).toBe('stopped');
      expect(here.world.hosts.get('c1')).toMatchObject({ forcedDown: false, status: 'enabled' });
      expect(here.world.counts.accepted).toEqual({});
    },
  );

  it('leaves off what a user stopped, and starts the others when one cannot be started', async () => {
    const { here, ran } = await rebooted();
    await using _ = here;
    here.world.catchUp();
    await here.clock.run(here.clock.sleep(1_000));
    here.world.catchUp();
    const [byUser = '', refused = '', well = ''] = ran;
    here.world.start(byUser);
    await here.clock.run(here.clock.sleep(1_000));
    here.world.catchUp();
    here.world.stop(byUser, 'req-of-a-user');
    const start = here.world.start.bind(here.world);
    here.world.start = (uuid) => {
      if (uuid === refused) throw new CloudError('unauthorized', 'Nova responded 403: not allowed', { status: 403 });
      start(uuid);
    };
    await here.until(await report(here, DEAD, 100_000), 'ignored');
    const view = await here.until(await report(here, BACK), 'error', 'failed', 'finished');
    expect(view.notification.status).toBe('error');
    expect(view.notification.message).toContain(`${refused} (Nova responded 403: not allowed)`);
    expect(here.world.requireInstance(byUser).vmState).toBe('stopped');
    expect(here.world.requireInstance(well).vmState).toBe('active');
  });

  it('is noted only where the list of tasks is empty', async () => {
    const { here, ran } = await rebooted('[taskflow_driver_recovery_flows]\nhost_reboot_recovery_tasks = pre:[]\n');
    await using _ = here;
    await here.until(await report(here, DEAD, 100_000), 'ignored');
    const { notification, flows } = await here.until(await report(here, BACK));
    expect([notification.status, notification.message, flows.length]).toEqual(['finished', "Host 'c1' came back.", 0]);
    expect(ran.map((uuid) => here.world.requireInstance(uuid).vmState)).toEqual(['stopped', 'stopped', 'stopped']);
  });

  it('is started by the engine that takes over from one that was killed in the middle, each instance once', async () => {
    const { here, ran } = await rebooted();
    await using _ = here;
    let starts = 0;
    const start = here.world.start.bind(here.world);
    here.world.start = (uuid) => {
      starts += 1;
      start(uuid);
    };
    await here.until(await report(here, DEAD, 100_000), 'ignored');
    const back = await report(here, BACK);
    const started = async (): Promise<void> => {
      while (starts === 0) await here.clock.sleep(50);
    };
    await here.clock.run(started());
    here.life.doom();
    void here.life.outlive(null);
    await here.start('n2');
    expect((await here.until(back)).notification.status).toBe('finished');
    for (const uuid of ran) expect(here.world.requireInstance(uuid).vmState).toBe('active');
    expect(starts).toBe(3);
  });
});
