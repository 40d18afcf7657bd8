import { describe, expect, test } from 'vitest';
import type { InstanceFacts } from '../monitor.ts';
import { judgeNova } from './nova-verdict.ts';

const ACTIVE: InstanceFacts = { status: 'found', host: 'compute1', vmState: 'active', taskState: null };
const says = (facts: Partial<InstanceFacts> | undefined, certainty: 'certain' | 'uncertain', ageMs = 500): string =>
  judgeNova(facts && { ...ACTIVE, ...facts }, 'compute1', certainty, ageMs).verdict;

describe('a certain failure', () => {
  test.each<[string, Partial<InstanceFacts> | undefined, string]>([
    ['stands when Nova cannot be asked', undefined, 'failure'],
    ['stands when Nova has it active here', {}, 'failure'],
    ['stands when Nova names the host in full', { host: 'Compute1.example.org' }, 'failure'],
    ['stands while Nova is at something else', { taskState: 'image_snapshot' }, 'failure'],
    [
      'is none of an instance that Nova does not know',
      { status: 'not found', host: null, vmState: null },
      'no failure',
    ],
    ['is none when it is on another host', { host: 'compute10' }, 'no failure'],
    ['is none when it is on no host', { host: null }, 'no failure'],
    ['is none while it migrates to us', { host: 'compute2', taskState: 'migrating' }, 'no failure'],
    ['stands while it migrates from us', { taskState: 'migrating' }, 'failure'],
    ['is none while it is deleted', { taskState: 'deleting' }, 'no failure'],
    ['is none when it is deleted', { vmState: 'soft-delete' }, 'no failure'],
    ['is none while it is built', { vmState: 'building', taskState: 'spawning' }, 'no failure'],
    ['is none while Nova stops it', { taskState: 'powering-off' }, 'no failure'],
    ['is none when Nova had stopped it', { vmState: 'stopped' }, 'no failure'],
  ])('%s', (_, facts, verdict) => {
    expect(says(facts, 'certain')).toBe(verdict);
  });

  test('stands although Nova says stopped later on: nova-compute stops what it finds dead', () => {
    expect(says({ vmState: 'stopped' }, 'certain', 20_000)).toBe('failure');
    expect(says({ taskState: 'powering-off' }, 'certain', 20_000)).toBe('failure');
  });
});

describe('an uncertain failure', () => {
  test.each<[string, Partial<InstanceFacts> | undefined, string]>([
    ['stays open while Nova cannot be asked', undefined, 'not known'],
    ['stays open while Nova is at it', { taskState: 'powering-on' }, 'not known'],
    ['is one when Nova has it active here', {}, 'failure'],
    ['is none when Nova says stopped, whenever that is', { vmState: 'stopped' }, 'no failure'],
    ['is none when Nova says suspended', { vmState: 'suspended' }, 'no failure'],
    ['is none in no state', { vmState: null }, 'no failure'],
    ['is none on another host', { host: 'compute2' }, 'no failure'],
  ])('%s', (_, facts, verdict) => {
    expect(says(facts, 'uncertain', 20_000)).toBe(verdict);
  });
});
