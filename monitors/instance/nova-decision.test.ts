import { describe, expect, test } from 'vitest';
import type { InstanceFacts } from '../service/monitor.ts';
import { decideNova } from './nova-decision.ts';

const ACTIVE: InstanceFacts = { status: 'found', host: 'compute1', vmState: 'active', taskState: null };
const reason = (facts: Partial<InstanceFacts> | undefined, certainty: 'certain' | 'uncertain', ageMs = 500): string =>
  decideNova(facts && { ...ACTIVE, ...facts }, 'compute1', certainty, ageMs).outcome;

describe('a certain failure', () => {
  test.each<[string, Partial<InstanceFacts> | undefined, string]>([
    ['counts when Nova cannot be queried', undefined, 'failure'],
    ['counts when Nova has it active here', {}, 'failure'],
    ['counts when Nova has the host with its full name', { host: 'Compute1.example.org' }, 'failure'],
    ['counts while Nova runs another task', { taskState: 'image_snapshot' }, 'failure'],
    [
      'is none of an instance that Nova does not know',
      { status: 'not found', host: null, vmState: null },
      'no failure',
    ],
    ['is none when it is on another host', { host: 'compute10' }, 'no failure'],
    ['is none when it is on no host', { host: null }, 'no failure'],
    ['is none while it migrates to this host', { host: 'compute2', taskState: 'migrating' }, 'no failure'],
    ['counts while it migrates from this host', { taskState: 'migrating' }, 'failure'],
    ['is none while it is deleted', { taskState: 'deleting' }, 'no failure'],
    ['is none when it is deleted', { vmState: 'soft-delete' }, 'no failure'],
    ['is none while it is built', { vmState: 'building', taskState: 'spawning' }, 'no failure'],
    ['is none while Nova stops it', { taskState: 'powering-off' }, 'no failure'],
    ['is none when Nova had stopped it', { vmState: 'stopped' }, 'no failure'],
  ])('%s', (_, facts, decision) => {
    expect(reason(facts, 'certain')).toBe(decision);
  });

  test('counts although Nova has it stopped later: nova-compute stops an instance whose domain is dead', () => {
    expect(reason({ vmState: 'stopped' }, 'certain', 20_000)).toBe('failure');
    expect(reason({ taskState: 'powering-off' }, 'certain', 20_000)).toBe('failure');
  });
});

describe('an uncertain failure', () => {
  test.each<[string, Partial<InstanceFacts> | undefined, string]>([
    ['stays open while Nova cannot be queried', undefined, 'not known'],
    ['stays open while Nova is working on it', { taskState: 'powering-on' }, 'not known'],
    ['is one when Nova has it active here', {}, 'failure'],
    ['is none when Nova has it stopped, at any time', { vmState: 'stopped' }, 'no failure'],
    ['is none when Nova has it suspended', { vmState: 'suspended' }, 'no failure'],
    ['is none in no state', { vmState: null }, 'no failure'],
    ['is none on another host', { host: 'compute2' }, 'no failure'],
  ])('%s', (_, facts, decision) => {
    expect(reason(facts, 'uncertain', 20_000)).toBe(decision);
  });
});
