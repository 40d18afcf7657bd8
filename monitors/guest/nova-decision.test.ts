import { expect, test } from 'vitest';
import type { InstanceFacts } from '../service/monitor.ts';
import { reasonToHold } from './nova-decision.ts';

const ACTIVE: InstanceFacts = { status: 'found', host: 'n1', vmState: 'active', taskState: null };

test.each<[string, InstanceFacts | undefined]>([
  ['Nova cannot be queried', undefined],
  ['it is active here', ACTIVE],
  ['Nova has its host by the full name', { ...ACTIVE, host: 'n1.example.org' }],
  ['it has no host just now', { ...ACTIVE, host: null }],
  ['it is in error: the options of the engine decide', { ...ACTIVE, vmState: 'error' }],
])('a guest is reported when %s', (_, facts) => {
  expect(reasonToHold(facts, 'n1')).toBeUndefined();
});

test.each<[string, Partial<InstanceFacts>, string]>([
  ['is unknown to Nova', { status: 'not found' }, 'Nova knows no such instance'],
  ['was moved', { host: 'n2' }, 'Nova has it on n2'],
  ['was moved to a host with a like name', { host: 'n10.example.org' }, 'Nova has it on n10.example.org'],
  ['is being rebooted', { taskState: 'rebooting' }, 'Nova is working on it: rebooting'],
  ['is rescued', { vmState: 'rescued' }, 'Nova has it as rescued'],
  ['was stopped', { vmState: 'stopped' }, 'Nova has it as stopped'],
])('a guest that %s is held back', (_, facts, reason) => {
  expect(reasonToHold({ ...ACTIVE, ...facts }, 'n1')).toBe(reason);
});
