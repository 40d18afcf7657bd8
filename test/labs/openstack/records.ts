import { expect } from 'vitest';
import type { OpenStackLab } from './lab.ts';

/** What Nova's own records show of an instance, and what its hosts do with it. */

export async function hostOf(lab: OpenStackLab, uuid: string): Promise<string> {
  return (await lab.server(uuid))['OS-EXT-SRV-ATTR:host'] ?? 'no host';
}

/** Every move of an instance, oldest first: also of those that Nova refused. */
export async function movesOf(lab: OpenStackLab, uuid: string): Promise<string[]> {
  const records = await lab.migrations({ instance_uuid: uuid });
  return records.sort((a, b) => a.id - b.id).map(({ migration_type, status }) => `${migration_type} ${status}`);
}

/** The record is the last that Nova changes. */
export async function expectMoves(lab: OpenStackLab, uuid: string, ...moves: readonly string[]): Promise<void> {
  await expect.poll(() => movesOf(lab, uuid), { timeout: 30_000 }).toEqual(moves);
}

/** What was requested of an instance since it was booted, oldest first. */
export async function actionsOf(lab: OpenStackLab, uuid: string): Promise<string[]> {
  return (await lab.actionsOf(uuid)).map(({ action }) => action);
}

/** The instance is in this status, no task of Nova is under way, and it is powered on exactly where it should be. */
export async function expectRest(
  lab: OpenStackLab,
  uuid: string,
  host: string | { readonly not: string },
  status: 'ACTIVE' | 'SHUTOFF' = 'ACTIVE',
): Promise<void> {
  const server = await lab.server(uuid);
  expect(server).toMatchObject({ status, 'OS-EXT-STS:task_state': null });
  const actual = server['OS-EXT-SRV-ATTR:host'];
  if (typeof host === 'string') expect(actual).toBe(host);
  else expect(actual).not.toBe(host.not);
  expect(lab.runningOn(uuid)).toEqual(status === 'ACTIVE' ? [actual] : []);
}
