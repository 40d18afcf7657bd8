import { expect, test } from 'vitest';
import { type Facts, isGood, toDo } from './verdict.ts';

const WELL: Facts = {
  status: 'finished',
  message: null,
  flows: ['SUCCESS'],
  recovered: 6,
  total: 6,
  duplicateEvacuations: 0,
  repeated: [],
  undone: [],
  doubts: [],
};

test('a recovery that ended well leaves nothing to do', () => {
  expect([isGood(WELL), toDo(WELL)]).toEqual([true, null]);
});

test.each<[string, Partial<Facts>]>([
  ['that never ended', { status: 'running' }],
  ['that waits for a retry which does not come', { status: 'error' }],
  ['with a flow that was left open', { flows: ['FAILURE', 'RUNNING'] }],
  ['with a flow that was left in the middle of a rollback', { status: 'failed', flows: ['REVERTING'] }],
  ['with an instance that was evacuated twice', { duplicateEvacuations: 1 }],
  ['in which a task was done twice that must be done once', { repeated: ['page'] }],
])('a recovery %s is not good, whatever else it came to', (_, change) => {
  const facts = { ...WELL, ...change };
  expect([isGood(facts), toDo(facts)]).toEqual([false, 'report this: it is a fault of the engine']);
});

test.each<[Partial<Facts>, string]>([
  [{ status: 'failed', flows: ['FAILURE', 'FAILURE'], recovered: 0, undone: ['a'] }, 'mend the cause, then retry'],
  [
    { status: 'failed', flows: ['REVERT_FAILURE'], recovered: 0 },
    'take back what could not be, mend the cause, then retry',
  ],
  [
    { status: 'failed', flows: ['FAILURE'], doubts: ['page', 'mail'], recovered: 0 },
    'find out whether it was done, then retry with --done page or --not-done page, --done mail or --not-done mail',
  ],
  [{ message: 'went on although page: no', undone: ['page'] }, 'see to what page did not do'],
  [{ recovered: 4 }, '2 of 6 instances are not recovered'],
  [{ recovered: 0, undone: ['page', 'mail'] }, 'see to what page, mail did not do; 6 of 6 instances are not recovered'],
])('after %j a person has to: %s', (change, expected) => {
  const facts = { ...WELL, ...change };
  expect([isGood(facts), toDo(facts)]).toEqual([true, expected]);
});
