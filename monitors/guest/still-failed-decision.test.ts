import { expect, test } from 'vitest';
import type { GuestReading } from './guests.ts';
import { stillFailed } from './still-failed-decision.ts';
import type { Memory, WatchPolicy } from './watch.ts';

const POLICY: WatchPolicy = { threshold: 3, disconnected: 'ignore', hungQemu: 'report', hungQemuAfterMs: 60_000 };
const SILENT: GuestReading = {
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
const HUNG: Memory = { ...NOTHING, hang: { domainId: 7, since: 0, seenAt: 0, isReported: true } };
const OCCUPIED = { state: 'occupied', forMs: 70_000 } as const;

test.each<[string, GuestReading | undefined, Memory, string]>([
  ['is still silent', SILENT, REPORTED, 'still'],
  ['answers', { ...SILENT, answer: 'answered' }, REPORTED, 'over'],
  ['does not run here any more', undefined, REPORTED, 'over'],
  ['was started again', { ...SILENT, domainId: 8 }, REPORTED, 'over'],
  ['boots again', { ...SILENT, answer: 'disconnected' }, REPORTED, 'over'],
  ['is paused', { ...SILENT, answer: 'held' }, REPORTED, 'unknown'],
  ['cannot be queried', { ...SILENT, answer: 'unknown' }, REPORTED, 'unknown'],
  ['is silent, but this monitor has not detected its failure', SILENT, NOTHING, 'unknown'],
  ['responds, and the monitor has no state', { ...SILENT, answer: 'answered' }, NOTHING, 'over'],
  ['still hangs with its QEMU', { ...SILENT, answer: 'not queried', control: OCCUPIED }, HUNG, 'still'],
  ['hung with its QEMU and is unknown now', { ...SILENT, answer: 'not queried' }, HUNG, 'unknown'],
])('a reported guest %s', (_, observation, memory, expected) => {
  expect(stillFailed(observation, memory, POLICY)).toBe(expected);
});
