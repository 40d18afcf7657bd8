import { expect, test } from 'vitest';
import { type Facts, faultOfPrograms, isGood, toDo } from './result.ts';

const WELL: Facts = {
  status: 'finished',
  message: null,
  flows: ['SUCCESS'],
  recovered: 6,
  total: 6,
  duplicateEvacuations: 0,
  repeated: [],
  notDone: [],
  doubts: [],
};

test('a recovery that ended well leaves nothing to do', () => {
  expect([isGood(WELL), toDo(WELL)]).toEqual([true, null]);
});

test.each<[string, Partial<Facts>]>([
  ['that never ended', { status: 'running' }],
  ['that waits for a retry which does not come', { status: 'error' }],
  ['with a flow that was left open', { flows: ['FAILURE', 'RUNNING'] }],
  ['with a flow whose rollback was left unfinished', { status: 'failed', flows: ['REVERTING'] }],
  ['with an instance that was evacuated twice', { duplicateEvacuations: 1 }],
  ['in which a task was done twice that must be done once', { repeated: ['page'] }],
])('a recovery %s is not good, with any other result', (_, change) => {
  const facts = { ...WELL, ...change };
  expect([isGood(facts), toDo(facts)]).toEqual([false, 'report this: it is a fault of the engine']);
});

test.each<[Partial<Facts>, string]>([
  [{ status: 'failed', flows: ['FAILURE', 'FAILURE'], recovered: 0, notDone: ['a'] }, 'fix the cause, then retry'],
  [
    { status: 'failed', flows: ['REVERT_FAILURE'], recovered: 0 },
    'undo by hand what the rollback left, fix the cause, then retry',
  ],
  [
    { status: 'failed', flows: ['FAILURE'], doubts: ['page', 'mail'], recovered: 0 },
    'find out whether it was done, then retry with --done page or --not-done page, --done mail or --not-done mail',
  ],
  [{ message: 'continued after failure: page: no', notDone: ['page'] }, 'do the work of page by hand'],
  [{ doubts: ['page'], notDone: ['page'] }, 'find out whether page was done; there is nothing to retry'],
  [
    { doubts: ['page'], notDone: ['page', 'mail'], recovered: 4 },
    'find out whether page was done; there is nothing to retry; do the work of mail by hand; 2 of 6 instances are not recovered',
  ],
  [{ recovered: 4 }, '2 of 6 instances are not recovered'],
  [
    { recovered: 0, notDone: ['page', 'mail'] },
    'do the work of page, mail by hand; 6 of 6 instances are not recovered',
  ],
])('after %j a person has to: %s', (change, expected) => {
  const facts = { ...WELL, ...change };
  expect([isGood(facts), toDo(facts)]).toEqual([true, expected]);
});

const call = (
  what: 'run' | 'check' | 'undo',
  end: 'done' | 'failed' | 'not done' | 'unknown',
  message: string | null = null,
) => ({ task: 'page', call: what, end, message }) as const;

test.each([
  [[], null],
  [[call('run', 'done'), call('check', 'done'), call('undo', 'done')], null],
  // The flow continues without it, as its definition requires.
  [[call('run', 'failed'), call('check', 'not done')], null],
  [[call('run', 'done'), call('check', 'not done')], 'check of page: not done, though its run ended well'],
  [[call('run', 'done'), call('check', 'unknown', 'no idea')], 'check of page: unknown, no idea'],
  [[call('run', 'done'), call('undo', 'failed', 'exit code 1')], 'undo of page: failed, exit code 1'],
])('programs that came to %j have the fault %j', (programs, fault) => {
  expect(faultOfPrograms({ status: 'finished', message: null, programs })).toBe(fault);
});

test.each(['failed', 'ignored', 'running'])(
  'programs of a recovery that ended %s did not do what they should',
  (status) => {
    expect(faultOfPrograms({ status, message: 'page: no', programs: [] })).toBe(`ended ${status}: page: no`);
  },
);
