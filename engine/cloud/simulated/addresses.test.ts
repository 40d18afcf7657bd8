import { expect, test } from 'vitest';
import { ALWAYS } from '#test/world/scripted-cloud.ts';
import { directLink, SimulatedCloud } from './client.ts';
import { World } from './world.ts';

test('users and projects have the addresses that the world gave them, and requests for them are counted', async () => {
  const world = new World({ now: () => 0 }, 1);
  world.userAddresses.set('alice', 'alice@example.com');
  world.projectAddresses.set('demo', 'demo@example.com');
  const cloud = new SimulatedCloud(directLink(world), ALWAYS);
  expect(await cloud.userAddress('alice')).toBe('alice@example.com');
  expect(await cloud.userAddress('bob')).toBeUndefined();
  expect(await cloud.projectAddress('demo')).toBe('demo@example.com');
  expect(cloud.calls).toEqual({ identity: 3, compute: 0 });
});
