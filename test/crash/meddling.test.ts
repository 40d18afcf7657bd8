/** Other users change the instances meanwhile, or the cloud refuses one call for ever: the recovery ends with the reason. */
import { describe, expect, it } from 'vitest';
import type { Behaviour } from '#engine/cloud/simulated/world.ts';
import { CloudError } from '#openstack/cloud-error.ts';
import { RecoveryWorld } from '#test/world/recovery-world.ts';

async function failedHost(behaviour: Partial<Behaviour> = {}, configuration = ''): Promise<RecoveryWorld> {
  const here = new RecoveryWorld({ behaviour, configuration });
  for (const host of ['c1', 'c2', 'c3']) here.world.addHost(host);
  await here.start();
  return here;
}

/** Lets simulated time pass until something is so. */
async function until(here: RecoveryWorld, isSo: () => boolean): Promise<void> {
  const reached = async (): Promise<void> => {
    while (!isSo()) await here.clock.sleep(50);
  };
  await here.clock.run(reached());
}

function faults({ logged }: RecoveryWorld): string[] {
  return logged.filter((line) => line.includes('fault of the engine'));
}

describe('a host recovery', () => {
  it('does not change an instance that an operator evacuates after our evacuation failed', async () => {
    await using here = await failedHost({ failedEvacuations: 1, rebuildMs: [10_000, 10_000] });
    const { uuid } = here.world.addInstance('c1');
    const recovery = await here.hostFails('c1');
    await until(here, () => here.world.evacuations.some(({ status }) => status === 'error'));
    here.world.behaviour = { ...here.world.behaviour, failedEvacuations: 0 };
    here.world.evacuate(uuid, undefined);
    expect((await here.until(recovery)).notification.status).toBe('finished');
    expect(here.world.counts).toEqual({ accepted: { [uuid]: 2 }, duplicates: 0 });
  });

  it('fails and names an instance that arrived in error elsewhere, in the second round too', async () => {
    await using here = await failedHost();
    const { uuid } = here.world.addInstance('c1');
    const recovery = await here.hostFails('c1');
    await until(here, () => here.world.evacuations.length === 1);
    Object.assign(here.world.requireInstance(uuid), { host: 'c2', vmState: 'error', taskState: null });
    const { notification, flows } = await here.until(recovery);
    expect(faults(here)).toEqual([]);
    expect(notification.status).toBe('failed');
    expect(notification.message).toContain(`${uuid} (it arrived on c2 in state error)`);
    expect(flows).toHaveLength(2);
  });

  it('finishes an instance that was in error before and has arrived so, in the second round too', async () => {
    await using here = await failedHost();
    const { uuid } = here.world.addInstance('c1', { vmState: 'error' });
    const other = here.world.addInstance('c1');
    const recovery = await here.hostFails('c1');
    await until(here, () => here.world.requireInstance(uuid).host !== 'c1');
    // Setting it to error again is refused in the first round only.
    const { resetState } = here.world;
    here.world.resetState = () => {
      throw new CloudError('refused', 'not now', { status: 400 });
    };
    await here.until(recovery, 'error');
    here.world.resetState = resetState;
    here.world.resetState(uuid, 'error');
    expect((await here.until(recovery)).notification.status).toBe('finished');
    expect(faults(here)).toEqual([]);
    expect(here.world.requireInstance(uuid)).toMatchObject({ vmState: 'error', taskState: null });
    expect(here.world.counts.accepted).toEqual({ [uuid]: 1, [other.uuid]: 1 });
  });

  it('stops waiting for a stop that Nova refuses for ever when it times out', async () => {
    await using here = await failedHost();
    const { uuid } = here.world.addInstance('c1', { vmState: 'paused' });
    here.world.stop = () => {
      throw new CloudError('conflict', 'it cannot be stopped', { status: 409 });
    };
    const started = here.clock.now();
    const { notification } = await here.until(await here.hostFails('c1'));
    expect(notification.status).toBe('failed');
    expect(notification.message).toContain(`${uuid} (it did not stop in time: it cannot be stopped)`);
    // Two rounds of wait_period_after_power_off, and the pause between them.
    expect(here.clock.now() - started).toBeLessThan(2 * 180_000 + 120_000 + 60_000);
  });

  it('retries a call without a response as long as during an outage of the cloud, and reports that once', async () => {
    await using here = await failedHost({ lostRequests: 1 }, '[engine]\noutage_patience = 60\n');
    here.world.addInstance('c1');
    const started = here.clock.now();
    const { flows } = await here.until(await here.hostFails('c1'), 'error');
    expect(here.clock.now() - started).toBeLessThan(120_000);
    expect(flows[0]?.error).toContain('the cloud did not respond for');
    expect(flows[0]?.events.filter(({ message }) => message.startsWith('The cloud does not respond'))).toHaveLength(1);
  });

  it('counts the requests of an earlier engine as evacuations that may be in progress', async () => {
    const inFlight = '[host_failure]\nmax_evacuations_in_flight = 2\n';
    await using here = await failedHost({ rebuildMs: [60_000, 60_000] }, inFlight);
    for (let n = 0; n < 6; n += 1) here.world.addInstance('c1');
    const recovery = await here.hostFails('c1');
    await until(here, () => here.world.evacuations.length === 2);
    await here.clock.run(here.engine.stop());
    await here.start('n2');
    const underway = (): number => here.world.evacuations.filter(({ status }) => status === 'accepted').length;
    let most = 0;
    await until(here, () => {
      most = Math.max(most, underway());
      return here.world.evacuations.length === 6;
    });
    expect(most).toBe(2);
    expect((await here.until(recovery)).notification.status).toBe('finished');
  });
});
