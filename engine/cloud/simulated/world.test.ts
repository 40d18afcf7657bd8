import { describe, expect, test } from 'vitest';
import { CloudError } from '#openstack/cloud-error.ts';
import { ALWAYS } from '#test/world/scripted-cloud.ts';
import type { Instance } from '../cloud.ts';
import { isPartial } from '../reading.ts';
import { type Behaviour, CALM } from './behaviour.ts';
import { directLink, SimulatedCloud } from './client.ts';
import { World } from './world.ts';

class Scene {
  time = 1_000_000;
  readonly world: World;
  readonly cloud: SimulatedCloud;

  constructor(behaviour: Partial<Behaviour> = {}) {
    this.world = new World({ now: () => this.time }, 1, { ...CALM, rebuildMs: [1000, 1000], ...behaviour });
    this.cloud = new SimulatedCloud(directLink(this.world), ALWAYS);
  }

  pass(ms: number): void {
    this.time += ms;
    this.world.catchUp();
  }

  of(uuid: string): Instance {
    return this.world.requireInstance(uuid);
  }
}

describe('a cell that is down', () => {
  function twoCells(): Scene & { near: string; far: string } {
    const scene = new Scene();
    scene.world.addHost('near', 1000);
    for (const name of ['far', 'far2']) scene.world.addHost(name, 1000, { cell: 'cell2' });
    const near = scene.world.addInstance('near').uuid;
    const far = scene.world.addInstance('far', { metadata: { HA_Enabled: 'True' } }).uuid;
    scene.world.kill('far');
    scene.world.evacuate(far, undefined);
    scene.world.cellDown('cell2');
    return Object.assign(scene, { near, far });
  }

  test('is left out of filtered listings and shows partial records in others', async () => {
    const { cloud, near, far } = twoCells();
    expect((await cloud.listInstances({ host: 'far' })).items).toEqual([]);
    const changed = await cloud.listInstances({ changedSince: new Date(0) });
    expect(changed.items.map(({ uuid }) => uuid)).toEqual([near]);
    const all = (await cloud.listInstances({})).items;
    expect(all.map((one) => [one.uuid, isPartial(one)])).toEqual([
      [near, false],
      [far, true],
    ]);
    expect((await cloud.listEvacuations({ sourceHost: 'far' })).items).toEqual([]);
    expect((await cloud.listMigrations({ sourceHost: 'far' })).items).toEqual([]);
  });

  test('gives of an instance its uuid and owner only, and of a host no service', async () => {
    const { cloud, far } = twoCells();
    expect(await cloud.instance(far)).toMatchObject({
      host: null,
      vmState: 'unknown',
      taskState: null,
      powerState: 0,
      metadata: {},
      projectId: 'demo',
    });
    await expect(cloud.computeService('far')).rejects.toMatchObject({ kind: 'no_answer' });
    expect(await cloud.computeService('near')).toMatchObject({ host: 'near' });
  });

  test('takes no changes, and carries none out', async () => {
    const { cloud, world, far } = twoCells();
    const failure = { kind: 'unknown', status: 500 };
    for (const call of [cloud.evacuate(far, {}), cloud.stop(far), cloud.resetState(far, 'error')]) {
      await expect(call).rejects.toMatchObject(failure);
    }
    await expect(cloud.instanceActions(far)).rejects.toMatchObject(failure);
    expect(world.counts.accepted).toEqual({ [far]: 1 });
    expect(world.requireInstance(far).vmState).toBe('active');
  });

  test('shows everything again when it is back', async () => {
    const { cloud, world, far } = twoCells();
    world.cellUp('cell2');
    expect(await cloud.instance(far)).toMatchObject({ host: 'far', taskState: 'rebuilding' });
    expect((await cloud.listEvacuations({ sourceHost: 'far' })).items).toHaveLength(1);
  });

  test('evacuations stay within the cell', () => {
    const scene = twoCells();
    scene.world.cellUp('cell2');
    scene.pass(1000);
    expect(scene.of(scene.far).host).toBe('far2');
  });
});

describe('evacuations', () => {
  function dying(behaviour: Partial<Behaviour> = {}): Scene & { uuid: string } {
    const scene = new Scene(behaviour);
    for (const name of ['c1', 'c2', 'c3']) scene.world.addHost(name);
    const { uuid } = scene.world.addInstance('c1');
    scene.world.kill('c1');
    return Object.assign(scene, { uuid });
  }

  test('one to a host that was never mapped is a 404, and nothing was done', async () => {
    const { cloud, world, uuid } = dying();
    world.unmapped.add('c2');
    await expect(cloud.evacuate(uuid, { host: 'c2' })).rejects.toMatchObject({
      kind: 'not_found',
      message: 'Compute host c2 not found.',
    });
    await expect(cloud.evacuate(uuid, { host: 'c9' })).rejects.toMatchObject({ kind: 'not_found' });
    expect(world.counts.accepted).toEqual({});
  });

  test('one without a host that fits leaves the reason in the fault of the instance, until its state is another', async () => {
    const scene = dying();
    for (const name of ['c2', 'c3']) scene.world.kill(name);
    await scene.cloud.evacuate(scene.uuid, {});
    scene.pass(1000);
    expect(scene.of(scene.uuid)).toMatchObject({
      vmState: 'error',
      fault: expect.stringContaining('No valid host was found.'),
    });
    scene.world.resetState(scene.uuid, 'active');
    expect(scene.of(scene.uuid).fault).toBeUndefined();
  });

  test('the destination is chosen at the acceptance; its death leaves record and task state for ever', async () => {
    const scene = dying();
    await scene.cloud.evacuate(scene.uuid, {});
    scene.world.kill('c2');
    scene.world.comeBack('c2');
    scene.pass(3_600_000);
    expect(scene.of(scene.uuid)).toMatchObject({ host: 'c1', taskState: 'rebuilding' });
    expect(scene.world.evacuations).toMatchObject([{ status: 'accepted', destinationHost: null }]);
  });

  test('a second one beside an abandoned one is no duplicate; beside one under way it is', async () => {
    const scene = dying();
    await scene.cloud.evacuate(scene.uuid, {});
    scene.world.kill('c2');
    await scene.cloud.evacuate(scene.uuid, {});
    expect(scene.world.counts).toEqual({ accepted: { [scene.uuid]: 2 }, duplicates: 0 });
    await scene.cloud.evacuate(scene.uuid, {});
    expect(scene.world.counts.duplicates).toBe(1);
  });

  test('the record names its destination where the destination claims early', () => {
    const scene = dying({ claimMs: 100 });
    scene.world.evacuate(scene.uuid, undefined);
    scene.pass(100);
    expect(scene.world.evacuations).toMatchObject([{ status: 'pre-migrating', destinationHost: 'c2' }]);
  });
});

describe('a host that comes back', () => {
  test.each([true, false])(
    'power synchronisation (%s) stops what went off with it and is active for Nova',
    async (powerSync) => {
      const scene = new Scene({ powerSync });
      scene.world.addHost('c1');
      const [running, stopped] = (['active', 'stopped'] as const).map((vmState) =>
        scene.world.addInstance('c1', { vmState }),
      );
      scene.world.kill('c1');
      scene.world.comeBack('c1');
      scene.pass(CALM.computeStartMs);
      scene.pass(CALM.powerMs);
      expect([running, stopped].map((one) => scene.of(one?.uuid ?? '').vmState)).toEqual([
        powerSync ? 'stopped' : 'active',
        'stopped',
      ]);
      const actions = await scene.cloud.instanceActions(running?.uuid ?? '');
      expect(actions.map(({ action, userId }) => [action, userId])).toEqual(powerSync ? [['stop', null]] : []);
    },
  );
});

describe('what a test may set', () => {
  test('one call for one object is refused, so many times', async () => {
    const { world, cloud } = new Scene();
    world.addHost('c1');
    const [one, other] = [world.addInstance('c1').uuid, world.addInstance('c1').uuid];
    world.refuse('stop', one, new CloudError('unauthorized', 'Policy does not allow', { status: 403 }), 1);
    await expect(cloud.stop(one)).rejects.toMatchObject({ status: 403 });
    await cloud.stop(other);
    await cloud.stop(one);
    world.refuse('computeService', 'c1', new CloudError('busy', 'later'));
    await expect(cloud.computeService('c1')).rejects.toMatchObject({ kind: 'busy' });
    world.permit('computeService', 'c1');
    expect(await cloud.computeService('c1')).toMatchObject({ host: 'c1' });
  });

  test('the listing of a host holds everything where its filter is dropped', async () => {
    const { world, cloud } = new Scene({ foreignListing: true });
    for (const name of ['c1', 'c2']) {
      world.addHost(name);
      world.addInstance(name);
    }
    expect((await cloud.listInstances({ host: 'c1' })).items.map(({ host }) => host)).toEqual(['c1', 'c2']);
  });

  test.each([true, false])('a live migration arrives although its source died: %s', async (migrationsOutliveSource) => {
    const scene = new Scene({ migrationsOutliveSource });
    for (const name of ['c1', 'c2']) scene.world.addHost(name);
    const { uuid } = scene.world.addInstance('c1');
    await scene.cloud.migrate(uuid, 'live', 'c2');
    scene.world.kill('c1');
    scene.pass(3_600_000);
    expect(scene.of(uuid)).toMatchObject(
      migrationsOutliveSource ? { host: 'c2', taskState: null } : { host: 'c1', taskState: 'migrating' },
    );
    const { items } = await scene.cloud.listMigrations({ sourceHost: 'c1' });
    expect(items.map(({ status }) => status)).toEqual(migrationsOutliveSource ? [] : ['running']);
  });
});
