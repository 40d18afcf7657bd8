import { expect, test } from 'vitest';
import type { GuestSight } from './guests.ts';
import { stillFailed } from './still.ts';
import type { Memory, WatchPolicy } from './watch.ts';

const POLICY: WatchPolicy = { threshold: 3, disconnected: 'ignore', hungQemu: 'report', hungQemuAfterMs: 60_000 };
const SILENT: GuestSight = {
  uuid: '11111111-0000-4000-8000-000000000001',
  name: 'instance-00000001',
  domainId: 7,
  answer: 'silent',
  control: { state: 'ok', forMs: 0 },
  controlAt: 0,
  detail: '',
};
const REPORTED: Memory = { life: { domainId: 7, phase: { name: 'reported' } }, hang: undefined, held: undefined };
const NOTHING: Memory = { life: undefined, hang: undefined, held: undefined };
const HUNG: Memory = { ...NOTHING, hang: { domainId: 7, since: 0, seenAt: 0, isTold: true } };
const OCCUPIED = { state: 'occupied', forMs: 70_000 } as const;

test.each<[string, GuestSight | undefined, Memory, string]>([
  ['goes on being silent', SILENT, REPORTED, 'still'],
  ['answers', { ...SILENT, answer: 'answered' }, REPORTED, 'over'],
  ['does not run here any more', undefined, REPORTED, 'over'],
  ['was started anew', { ...SILENT, domainId: 8 }, REPORTED, 'over'],
  ['boots again', { ...SILENT, answer: 'disconnected' }, REPORTED, 'over'],
  ['is paused', { ...SILENT, answer: 'held' }, REPORTED, 'unknown'],
  ['cannot be asked', { ...SILENT, answer: 'unknown' }, REPORTED, 'unknown'],
  ['is silent, but this monitor has not seen it fail', SILENT, NOTHING, 'unknown'],
  ['answers, and nothing is remembered', { ...SILENT, answer: 'answered' }, NOTHING, 'over'],
  ['hangs on with its QEMU', { ...SILENT, answer: 'not asked', control: OCCUPIED }, HUNG, 'still'],
  ['was hanging with its QEMU and may or may not be', { ...SILENT, answer: 'not asked' }, HUNG, 'unknown'],
])('a reported guest %s', (_, sight, memory, expected) => {
  expect(stillFailed(sight, memory, POLICY)).toBe(expected);
});
