import { describe, expect, test } from 'vitest';
import { CloudError } from '#openstack/cloud-error.ts';
import { ALWAYS } from '#test/world/scripted-cloud.ts';
import type { Cloud } from './cloud.ts';
import {
  isPartial,
  readEvacuationsFrom,
  readInstance,
  readInstancesOn,
  readMigrationsFrom,
  readService,
} from './reading.ts';
import { type Behaviour, CALM } from './simulated/behaviour.ts';
import { directLink, SimulatedCloud } from './simulated/client.ts';
import { World } from './simulated/world.ts';

/** Host `near` in one cell, `far` and `far2` in another, an instance on each of the first two. */
function twoCells(behaviour: Partial<Behaviour> = {}) {
  const world = new World({ now: () => 1_000_000 }, 1, { ...CALM, ...behaviour });
  world.addHost('near');
  for (const name of ['far', 'far2']) world.addHost(name, 1000, { cell: 'cell2' });
  const near = world.addInstance('near').uuid;
  const far = world.addInstance('far').uuid;
  const cloud = new SimulatedCloud(directLink(world), ALWAYS);
  return { world, near, far, cloud };
}

const CELL = expect.stringMatching(/cell .*does not respond/);
const NO_ANSWER = { answer: 'none', error: { kind: 'no_answer', message: CELL } };

/** The calls of a cloud, in their order. */
function recorded(cloud: SimulatedCloud): string[] {
  const calls: string[] = [];
  const { computeService, listInstances } = cloud;
  cloud.computeService = (...args) => {
    calls.push('service');
    return computeService.apply(cloud, args);
  };
  cloud.listInstances = (...args) => {
    calls.push('list');
    return listInstances.apply(cloud, args);
  };
  return calls;
}

/** The second cell comes back right before a service is read. */
function returnBeforeService(world: World, cloud: SimulatedCloud): void {
  const { computeService } = cloud;
  cloud.computeService = (...args) => {
    world.cellUp('cell2');
    return computeService.apply(cloud, args);
  };
}

describe('an instance', () => {
  test('is there, is not, or gives no answer', async () => {
    const { world, cloud, near, far } = twoCells();
    expect(await readInstance(cloud, near)).toMatchObject({ answer: 'yes', value: { host: 'near' } });
    expect(await readInstance(cloud, 'none')).toEqual({ answer: 'no' });
    world.delete(near);
    expect(await readInstance(cloud, near)).toEqual({ answer: 'no' });
    world.cellDown('cell2');
    expect(await readInstance(cloud, far)).toMatchObject(NO_ANSWER);
  });

  test.each(['unreachable', 'busy', 'unknown', 'no_answer'] as const)('%s is no answer', async (kind) => {
    const { world, cloud, near } = twoCells();
    world.refuse('instance', near, new CloudError(kind, 'x'));
    expect(await readInstance(cloud, near)).toMatchObject({ answer: 'none', error: { kind } });
  });

  test.each(['unauthorized', 'refused'] as const)('%s is no outage', async (kind) => {
    const { world, cloud, near } = twoCells();
    world.refuse('instance', near, new CloudError(kind, 'x'));
    await expect(readInstance(cloud, near)).rejects.toMatchObject({ kind });
  });
});

describe('the service of a host', () => {
  test('is there, or gives no answer, never no', async () => {
    const { world, cloud } = twoCells();
    expect(await readService(cloud, 'far')).toMatchObject({ answer: 'yes', value: { host: 'far' } });
    expect(await readService(cloud, 'nowhere')).toMatchObject({ answer: 'none', error: { kind: 'no_answer' } });
    world.cellDown('cell2');
    expect(await readService(cloud, 'far')).toMatchObject(NO_ANSWER);
  });
});

describe('the instances of a host', () => {
  test('are believed from one list with entries', async () => {
    const { cloud, far } = twoCells();
    const calls = recorded(cloud);
    const reading = await readInstancesOn(cloud, 'far');
    expect(reading).toMatchObject({ answer: 'yes', value: { items: [{ uuid: far }], foreign: 0 } });
    expect(calls).toEqual(['list']);
  });

  test('none are believed between two signs of life of the cell', async () => {
    const { world, cloud } = twoCells();
    const calls = recorded(cloud);
    expect(await readInstancesOn(cloud, 'far2')).toMatchObject({ answer: 'yes', value: { items: [] } });
    expect(calls).toEqual(['list', 'service', 'list', 'service']);
    world.cellDown('cell2');
    expect(await readInstancesOn(cloud, 'far')).toMatchObject(NO_ANSWER);
  });

  test('are listed again where their cell came back after an empty list', async () => {
    const { world, cloud, far } = twoCells();
    world.cellDown('cell2');
    returnBeforeService(world, cloud);
    expect(await readInstancesOn(cloud, 'far')).toMatchObject({ answer: 'yes', value: { items: [{ uuid: far }] } });
  });

  test('from several pages are believed after the cell showed that it is alive', async () => {
    const { world, cloud, far } = twoCells();
    const { listInstances } = cloud;
    cloud.listInstances = async (...args) => {
      const listing = await listInstances.apply(cloud, args);
      world.cellDown('cell2');
      return { ...listing, pages: 2 };
    };
    expect(await readInstancesOn(cloud, 'far')).toMatchObject(NO_ANSWER);
    world.cellUp('cell2');
    cloud.listInstances = async (...args) => ({ ...(await listInstances.apply(cloud, args)), pages: 2 });
    expect(await readInstancesOn(cloud, 'far')).toMatchObject({ answer: 'yes', value: { items: [{ uuid: far }] } });
  });

  test('of others are left out and counted where Nova ignores the host', async () => {
    const { cloud, near } = twoCells({ foreignListing: true });
    expect(await readInstancesOn(cloud, 'near')).toMatchObject({
      answer: 'yes',
      value: { items: [{ uuid: near }], foreign: 1 },
    });
    expect(await readInstancesOn(cloud, 'far2')).toMatchObject({ answer: 'yes', value: { items: [], foreign: 2 } });
  });

  test('beside partial ones are believed between two signs of life of the cell', async () => {
    const { world, cloud, near } = twoCells();
    world.cellDown('cell2');
    // As of a Nova that shows partial records although a host was named.
    const { listInstances } = cloud;
    const all: Cloud['listInstances'] = (_, options) => listInstances.call(cloud, {}, options);
    cloud.listInstances = all;
    const calls = recorded(cloud);
    const reading = await readInstancesOn(cloud, 'near');
    expect(reading).toMatchObject({ answer: 'yes', value: { items: [{ uuid: near }], foreign: 0 } });
    expect(calls).toEqual(['list', 'service', 'list', 'service']);
    expect(await readInstancesOn(cloud, 'far')).toMatchObject(NO_ANSWER);
  });
});

test('records of evacuations and migrations: an empty list is believed after a sign of life of the cell', async () => {
  const { world, cloud, far } = twoCells();
  const filter = { sourceHost: 'far' };
  expect(await readEvacuationsFrom(cloud, filter)).toMatchObject({ answer: 'yes', value: { items: [] } });
  world.kill('far');
  world.evacuate(far, undefined);
  expect(await readEvacuationsFrom(cloud, filter)).toMatchObject({
    answer: 'yes',
    value: { items: [{ instanceUuid: far }] },
  });
  expect(await readMigrationsFrom(cloud, filter)).toMatchObject({
    answer: 'yes',
    value: { items: [{ type: 'evacuation' }] },
  });
  world.cellDown('cell2');
  expect(await readEvacuationsFrom(cloud, filter)).toMatchObject(NO_ANSWER);
  expect(await readMigrationsFrom(cloud, filter)).toMatchObject(NO_ANSWER);
});

test('records are listed again where their cell came back after an empty list', async () => {
  const { world, cloud, far } = twoCells();
  world.kill('far');
  world.evacuate(far, undefined);
  world.cellDown('cell2');
  returnBeforeService(world, cloud);
  const one = { answer: 'yes', value: { items: [{ instanceUuid: far }] } };
  expect(await readEvacuationsFrom(cloud, { sourceHost: 'far' })).toMatchObject(one);
  world.cellDown('cell2');
  expect(await readMigrationsFrom(cloud, { sourceHost: 'far' })).toMatchObject(one);
});

test('partial is what has neither host nor a state that Nova knows', () => {
  expect(isPartial({ host: null, vmState: 'unknown' })).toBe(true);
  expect(isPartial({ host: 'c1', vmState: 'unknown' })).toBe(false);
  expect(isPartial({ host: null, vmState: 'building' })).toBe(false);
});
