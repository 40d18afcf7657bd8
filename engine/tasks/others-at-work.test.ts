/** A host recovery beside what others do with the instances: their owners, migrations under way, and Nova itself. */
import { describe, expect, it } from 'vitest';
import { RecoveryWorld, type WorldSettings } from '#test/world/recovery-world.ts';

async function hosts(settings: WorldSettings = {}): Promise<RecoveryWorld> {
  const here = new RecoveryWorld(settings);
  for (const host of ['c1', 'c2', 'c3']) here.world.addHost(host);
  await here.start();
  return here;
}

/** Runs until Nova has accepted an evacuation. */
async function requested(here: RecoveryWorld): Promise<void> {
  while (here.world.evacuations.length === 0) await here.clock.run(here.clock.sleep(100));
}

describe('a migration under way as its source dies', () => {
  it.each(['live', 'cold'] as const)('that arrives (%s) is adopted, and nothing is evacuated', async (type) => {
    await using here = await hosts({ behaviour: { migrationMs: [60_000, 60_000] } });
    const { uuid } = here.world.addInstance('c1');
    here.world.addInstance('c1');
    here.world.migrate(uuid, type, 'c3', 'req-1');
    const view = await here.until(await here.hostFails('c1'));
    expect(view.notification.status).toBe('finished');
    expect(here.world.counts.accepted[uuid]).toBeUndefined();
    expect(here.world.requireInstance(uuid)).toMatchObject({ host: 'c3', taskState: null, powerState: 1 });
    const seen = view.flows.at(-1)?.instances.find((one) => one.instance_uuid === uuid);
    expect(seen).toMatchObject({ state: 'moved', to: 'c3' });
  });

  it('that ends nowhere is waited for, and then its instance is evacuated', async () => {
    await using here = await hosts({ behaviour: { migrationsOutliveSource: false } });
    const { uuid } = here.world.addInstance('c1');
    here.world.migrate(uuid, 'live', 'c3', 'req-1');
    const began = here.clock.now();
    const recovery = await here.hostFails('c1');
    await requested(here);
    expect(here.clock.now() - began).toBeGreaterThan(90_000);
    expect((await here.until(recovery)).notification.status).toBe('finished');
    expect(here.world.requireInstance(uuid)).toMatchObject({ vmState: 'active', taskState: null });
    expect(here.world.counts.accepted[uuid]).toBe(1);
  });

  it('whose record is over does not delay the evacuation', async () => {
    await using here = await hosts();
    const { uuid } = here.world.addInstance('c1', { taskState: 'migrating' });
    const began = here.clock.now();
    await here.until(await here.hostFails('c1'));
    expect(here.world.requireInstance(uuid)).toMatchObject({ vmState: 'active', taskState: null });
    expect(here.clock.now() - began).toBeLessThan(30_000);
  });
});

describe('an instance that ran and arrives stopped', () => {
  /** Nova's power synchronisation, or its owner, stops one that waits for its evacuation. */
  async function stoppedMeanwhile(by: string | undefined): Promise<{ here: RecoveryWorld; uuid: string; id: string }> {
    const here = await hosts({
      configuration: '[host_failure]\nmax_evacuations_in_flight = 1\n',
      behaviour: { rebuildMs: [20_000, 20_000] },
    });
    here.world.addInstance('c1', { metadata: { HA_Enabled: 'True' } });
    const { uuid } = here.world.addInstance('c1');
    const id = await here.hostFails('c1');
    await requested(here);
    here.world.stop(uuid, by);
    return { here, uuid, id };
  }

  it('is started where Nova itself stopped it, and shown as moved after that', async () => {
    const { here, uuid, id } = await stoppedMeanwhile(undefined);
    await using _ = here;
    const view = await here.until(id);
    expect(view.notification.status).toBe('finished');
    expect(here.world.requireInstance(uuid)).toMatchObject({ vmState: 'active', taskState: null });
    expect(here.world.requireInstance(uuid).host).not.toBe('c1');
    expect(view.flows[0]?.instances.map(({ state }) => state)).toEqual(['moved', 'moved']);
  });

  it('is left to its owner, who stopped it', async () => {
    const { here, uuid, id } = await stoppedMeanwhile('req-1');
    await using _ = here;
    expect((await here.until(id)).notification.status).toBe('finished');
    expect(here.world.requireInstance(uuid)).toMatchObject({ vmState: 'stopped', taskState: null });
  });

  it('is started by the engine that takes the recovery up', async () => {
    const { here, uuid, id } = await stoppedMeanwhile(undefined);
    await using _ = here;
    while (here.world.requireInstance(uuid).host === 'c1') await here.clock.run(here.clock.sleep(500));
    await here.clock.run(here.engine.stop());
    await here.start('n2');
    expect((await here.until(id)).notification.status).toBe('finished');
    expect(here.world.requireInstance(uuid)).toMatchObject({ vmState: 'active', taskState: null });
  });

  it('is started in the next round, when Nova stopped it on the host that came back', async () => {
    await using here = await hosts({ configuration: '[host_failure]\nevacuation_retries = 0\n' });
    const { uuid } = here.world.addInstance('c1');
    here.world.behaviour = { ...here.world.behaviour, failedEvacuations: 1 };
    const id = await here.hostFails('c1');
    await here.until(id, 'error');
    here.world.behaviour = { ...here.world.behaviour, failedEvacuations: 0 };
    here.world.resetState(uuid, 'active');
    here.world.stop(uuid);
    expect((await here.until(id)).notification.status).toBe('finished');
    expect(here.world.requireInstance(uuid)).toMatchObject({ vmState: 'active', taskState: null });
  });
});

describe('an instance that its owner started between two rounds', () => {
  it('is not stopped again', async () => {
    await using here = await hosts({
      configuration: '[DEFAULT]\nwait_period_after_evacuation = 10\n',
      behaviour: { rebuildMs: [40_000, 40_000] },
    });
    const { uuid } = here.world.addInstance('c1', { vmState: 'stopped' });
    const id = await here.hostFails('c1');
    await here.until(id, 'error');
    await here.clock.run(here.clock.sleep(50_000));
    here.world.catchUp();
    here.world.start(uuid);
    const view = await here.until(id);
    expect(view.notification.status).toBe('finished');
    expect(here.world.requireInstance(uuid)).toMatchObject({ vmState: 'active', taskState: null });
    expect(here.world.counts.accepted[uuid]).toBe(1);
  });

  it('is not stopped again either where a stop of the round before was carried out late', async () => {
    await using here = await hosts({
      configuration: '[DEFAULT]\nwait_period_after_power_off = 5\n',
      behaviour: { powerMs: 20_000 },
    });
    const { uuid } = here.world.addInstance('c1', { vmState: 'suspended', powerState: 4 });
    const id = await here.hostFails('c1');
    await here.until(id, 'error');
    await here.clock.run(here.clock.sleep(30_000));
    here.world.catchUp();
    expect(here.world.requireInstance(uuid).vmState).toBe('stopped');
    here.world.start(uuid);
    expect((await here.until(id)).notification.status).toBe('finished');
    await here.clock.run(here.clock.sleep(60_000));
    here.world.catchUp();
    expect(here.world.requireInstance(uuid).vmState).toBe('active');
  });
});
