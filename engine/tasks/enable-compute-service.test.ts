import { describe, expect, it } from 'vitest';
import type { Behaviour } from '#engine/cloud/simulated/world.ts';
import { CloudError } from '#openstack/cloud-error.ts';
import type { RecoveryView } from '#protocol/views.ts';
import { RecoveryWorld } from '#test/world/recovery-world.ts';

const LISTS = "[taskflow_driver_recovery_flows]\nhost_return_recovery_tasks = pre:['enable_compute_service_task']\n";

/** c1 has failed, and its two instances have been evacuated. */
async function world(options = '', behaviour: Partial<Behaviour> = {}, seed = 1): Promise<RecoveryWorld> {
  const here = new RecoveryWorld({ configuration: `${LISTS}${options}`, behaviour, seed });
  for (const host of ['c1', 'c2']) here.world.addHost(host);
  for (let n = 0; n < 2; n += 1) here.world.addInstance('c1');
  await here.start('n1');
  expect((await here.until(await here.hostFails('c1'))).notification.status).toBe('finished');
  return here;
}

const TAKEN_BACK = { status: 'enabled', disabledReason: null, forcedDown: false };
const lines = ({ flows }: RecoveryView): string[] =>
  flows.flatMap(({ events }) => events.map(({ message }) => message));
const reported = { type: 'COMPUTE_HOST', hostname: 'c1', payload: { event: 'STARTED' } };

describe('enable_compute_service_task', () => {
  it('waits until nova-compute has removed what was evacuated, and then takes the host as up and enables it', async () => {
    await using here = await world('', { computeStartMs: 60_000 });
    expect(here.world.hosts.get('c1')).toMatchObject({ status: 'disabled', forcedDown: true });
    const uuid = await here.hostReturns('c1');
    await here.clock.run(here.clock.sleep(50_000));
    expect(here.world.hosts.get('c1')).toMatchObject({ status: 'disabled', forcedDown: true });
    const view = await here.until(uuid);
    expect(view.notification).toMatchObject({ status: 'finished', message: null });
    expect(here.world.hosts.get('c1')).toMatchObject(TAKEN_BACK);
    expect(lines(view)).toEqual([
      "Enabling compute service on host: 'c1'",
      "Waiting for nova-compute on host 'c1' to remove 2 evacuated instances, which it does when it starts",
      "Enabled compute service on host: 'c1'",
    ]);
    expect(view.flows[0]?.events[0]?.action).toBe('EnableComputeServiceTask');
  });

  it('never takes a host as up whose nova-compute does not start: its time ends that', async () => {
    await using here = await world('[enable_compute_service_task]\ntimeout = 120\n');
    const view = await here.until(await here.notify(reported));
    expect(view.notification).toMatchObject({
      status: 'failed',
      message: 'enable_compute_service_task: timed out after 120 s',
    });
    expect(here.world.hosts.get('c1')).toMatchObject({ status: 'disabled', forcedDown: true });
  });

  it('enables a host only after its quarantine, which begins again when the host stops its reports', async () => {
    await using here = await world('[host_failure]\nreturn_quarantine = 600\n');
    const from = here.clock.now();
    const uuid = await here.hostReturns('c1');
    await here.clock.run(here.clock.sleep(500_000));
    expect(here.world.hosts.get('c1')).toMatchObject({ status: 'disabled', forcedDown: false });
    here.world.kill('c1');
    await here.clock.run(here.clock.sleep(200_000));
    here.world.comeBack('c1');
    const view = await here.until(uuid);
    expect(view.notification.status).toBe('finished');
    expect(here.clock.now() - from).toBeGreaterThan(1_300_000);
    expect(lines(view)).toContain("Host 'c1' does not report to Nova any more: its time begins again when it does");
    expect(here.world.hosts.get('c1')).toMatchObject(TAKEN_BACK);
  });

  it("waits while Nova refuses, and reports Nova's reason", async () => {
    await using here = await world();
    let refusals = 0;
    here.world.requireCleaned = () => {
      refusals += 1;
      if (refusals < 4) throw new CloudError('refused', 'evacuations remain', { status: 400 });
    };
    const view = await here.until(await here.hostReturns('c1'));
    expect(view.notification.status).toBe('finished');
    expect(lines(view)).toContain("Nova does not take host 'c1' as up yet: evacuations remain");
    expect([refusals, here.world.hosts.get('c1')]).toMatchObject([4, TAKEN_BACK]);
  });

  it('leaves disabled what an operator disabled, and reports so', async () => {
    await using here = await world();
    Object.assign(here.world.hosts.get('c1') ?? {}, { disabledReason: 'new memory on Monday' });
    const view = await here.until(await here.hostReturns('c1'));
    expect(view.notification.status).toBe('finished');
    expect(here.world.hosts.get('c1')).toMatchObject({
      ...TAKEN_BACK,
      status: 'disabled',
      disabledReason: 'new memory on Monday',
    });
    expect(lines(view).at(-1)).toBe(
      "Compute service on host 'c1' stays disabled: an operator disabled it with the reason 'new memory on Monday'",
    );
  });

  it('undoes the changes of the recovery of a failed process', async () => {
    await using here = await world();
    Object.assign(here.world.hosts.get('c1') ?? {}, { disabledReason: 'Masakari detected process failed.' });
    await here.until(await here.hostReturns('c1'));
    expect(here.world.hosts.get('c1')).toMatchObject(TAKEN_BACK);
  });

  it('waits for a host that was not forced down, but that was evacuated: it may run all of it still', async () => {
    await using here = await world('[enable_compute_service_task]\ntimeout = 120\n');
    Object.assign(here.world.hosts.get('c1') ?? {}, { forcedDown: false, isAlive: true });
    const view = await here.until(await here.notify(reported));
    expect(view.notification.status).toBe('failed');
    expect(here.world.hosts.get('c1')).toMatchObject({ status: 'disabled' });
  });

  it('has nothing to do about a host that is in use', async () => {
    await using here = await world();
    await here.until(await here.hostReturns('c1'));
    await here.clock.run(here.clock.sleep(600_000));
    const view = await here.until(await here.notify(reported));
    expect(view.notification.status).toBe('finished');
    const logbook = await here.journal.query('logbook', view.notification.notification_uuid);
    const shown = await here.journal.query('show', logbook?.uuid ?? '');
    expect(shown?.flows[0]?.steps.map(({ state }) => state)).toEqual(['skipped', 'skipped']);
  });

  it.each([1, 2, 3, 4, 5, 6, 7, 8])('gets there with lost calls and a dead engine (seed %i)', async (seed) => {
    await using here = await world('', { lostRequests: 0.4, lostReplies: 0.4 }, seed);
    const uuid = await here.hostReturns('c1');
    await here.clock.run(here.clock.sleep(1000 * seed));
    await here.clock.run(here.engine.stop());
    await here.start('n2');
    expect((await here.until(uuid)).notification.status, `seed ${seed}`).toBe('finished');
    expect(here.world.hosts.get('c1')).toMatchObject(TAKEN_BACK);
  });
});
