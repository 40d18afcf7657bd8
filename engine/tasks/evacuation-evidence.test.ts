/** A host recovery while Nova's data is incomplete: it waits, and neither acts on missing data nor ends. */
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

const MIX = [
  { vmState: 'active' },
  { vmState: 'stopped' },
  { vmState: 'paused', powerState: 3 },
  { vmState: 'active', taskState: 'rebooting' },
] as const;

describe('a cell that does not answer', () => {
  it.each([0, 500, 1500, 2500, 4000, 9000, 15_000])(
    'from %i ms after the report on delays the recovery, and nothing is evacuated twice or left',
    async (afterMs) => {
      await using here = await hosts({ behaviour: { rebuildMs: [40_000, 40_000], lateEvacuations: 0.3 } });
      const uuids = MIX.map((change) => here.world.addInstance('c1', change).uuid);
      const uuid = await here.hostFails('c1');
      await here.clock.run(here.clock.sleep(afterMs));
      here.world.cellDown('cell1');
      await here.clock.run(here.clock.sleep(250_000));
      expect((await here.engine.reads.show(uuid)).notification.closed_at).toBeNull();
      here.world.cellUp('cell1');
      const view = await here.until(uuid);
      expect(view.notification.status).toBe('finished');
      expect(here.world.counts.duplicates).toBe(0);
      const ends = uuids.map((one) => here.world.requireInstance(one));
      expect(ends.map(({ vmState }) => vmState)).toEqual(['active', 'stopped', 'stopped', 'active']);
      expect(ends.every(({ host }) => host !== 'c1')).toBe(true);
    },
  );

  it('for hours is no end: the recovery is retried until it responds', async () => {
    await using here = await hosts();
    const { uuid: instance } = here.world.addInstance('c1');
    here.world.cellDown('cell1');
    const uuid = await here.hostFails('c1');
    await here.clock.run(here.clock.sleep(3 * 3600_000));
    expect(['running', 'error']).toContain((await here.engine.reads.show(uuid)).notification.status);
    here.world.cellUp('cell1');
    expect((await here.until(uuid)).notification.status).toBe('finished');
    expect(here.world.requireInstance(instance).host).not.toBe('c1');
  });

  it('counts for no limit: an evacuation has its whole time when the cell responds again', async () => {
    await using here = await hosts({ behaviour: { rebuildMs: [200_000, 200_000] } });
    here.world.addInstance('c1');
    const uuid = await here.hostFails('c1');
    await requested(here);
    here.world.cellDown('cell1');
    await here.clock.run(here.clock.sleep(195_000));
    here.world.cellUp('cell1');
    const view = await here.until(uuid);
    expect(view.notification.status).toBe('finished');
    expect(view.flows).toHaveLength(1);
  });

  it('reports so once, and names what does not respond', async () => {
    await using here = await hosts();
    here.world.addInstance('c1');
    here.world.cellDown('cell1');
    const uuid = await here.hostFails('c1');
    await here.clock.run(here.clock.sleep(120_000));
    const events = (await here.engine.reads.show(uuid)).flows.flatMap((flow) =>
      flow.events.map(({ message }) => message),
    );
    const waiting = events.filter((message) => /does not respond/.test(message));
    expect(waiting).toHaveLength(1);
    expect(waiting[0]).toContain('c1');
  });
});

describe('one instance that cannot be read', () => {
  it('delays no other, and fails with the reason', async () => {
    await using here = await hosts({ behaviour: { rebuildMs: [4000, 4000] } });
    const [first, second] = [here.world.addInstance('c1'), here.world.addInstance('c1', { vmState: 'stopped' })];
    const read = here.cloud.instance.bind(here.cloud);
    here.cloud.instance = async (uuid, options) => {
      const found = await read(uuid, options);
      return found && uuid === first.uuid ? { ...found, host: null, vmState: 'unknown', taskState: null } : found;
    };
    const evacuate = here.cloud.evacuate.bind(here.cloud);
    const list = here.cloud.listInstances.bind(here.cloud);
    let calls = 0;
    // Nova does not show it any more after the request.
    here.cloud.evacuate = async (uuid, target, options) => {
      if (uuid === first.uuid) calls += 1;
      return evacuate(uuid, target, options);
    };
    here.cloud.listInstances = async (filter, options) => {
      const { items, ...listing } = await list(filter, options);
      return { ...listing, items: items.filter(({ uuid }) => uuid !== first.uuid || calls === 0) };
    };
    const uuid = await here.hostFails('c1');
    await requested(here);
    await here.clock.run(here.clock.sleep(60_000));
    expect(here.world.requireInstance(second.uuid)).toMatchObject({ vmState: 'stopped', taskState: null });
    expect(here.world.requireInstance(second.uuid).host).not.toBe('c1');
    const view = await here.until(uuid, 'error', 'failed', 'finished');
    expect(view.notification.message).toContain(`${first.uuid} (no response about it for `);
    expect(calls).toBe(1);
  });
});

describe('a listing of the instances of every host', () => {
  it('leads to nothing about instances of other hosts, and names the right that is missing', async () => {
    await using here = await hosts({ behaviour: { foreignListing: true } });
    const { uuid: own } = here.world.addInstance('c1');
    const others = [{ vmState: 'error' }, { taskState: 'image_uploading' }, { vmState: 'paused', powerState: 3 }].map(
      (change) => here.world.addInstance('c3', change),
    );
    const before = structuredClone(others);
    const view = await here.until(await here.hostFails('c1'));
    expect(view.notification.status).toBe('finished');
    expect(others).toEqual(before);
    expect(view.flows.flatMap(({ instances }) => instances.map((one) => one.instance_uuid))).toEqual([own]);
    const right = expect.stringContaining('os_compute_api:servers:allow_all_filters');
    expect(view.flows[0]?.events.map(({ message }) => message)).toContainEqual(right);
    expect(here.logged).toContainEqual(right);
  });
});
