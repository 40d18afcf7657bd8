import { expect, test } from 'vitest';
import { type Facts, faultOfPrograms, isGood, toDo } from './verdict.ts';

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
  ['with a flow that was left in the middle of a rollback', { status: 'failed', flows: ['REVERTING'] }],
  ['with an instance that was evacuated twice', { duplicateEvacuations: 1 }],
  ['in which a task was done twice that must be done once', { repeated: ['page'] }],
])('a recovery %s is not good, whatever else it came to', (_, change) => {
  const facts = { ...WELL, ...change };
  expect([isGood(facts), toDo(facts)]).toEqual([false, 'report this: it is a fault of the engine']);
});

test.each<[Partial<Facts>, string]>([
  [{ status: 'failed', flows: ['FAILURE', 'FAILURE'], recovered: 0, notDone: ['a'] }, 'mend the cause, then retry'],
  [
    { status: 'failed', flows: ['REVERT_FAILURE'], recovered: 0 },
    'take back what could not be, mend the cause, then retry',
  ],
  [
    { status: 'failed', flows: ['FAILURE'], doubts: ['page', 'mail'], recovered: 0 },
    'find out whether it was done, then retry with --done page or --not-done page, --done mail or --not-done mail',
  ],
  [{ message: 'went on although page: no', notDone: ['page'] }, 'see to what page did not do'],
  [{ doubts: ['page'], notDone: ['page'] }, 'find out whether page was done; there is nothing to retry'],
  [
    { doubts: ['page'], notDone: ['page', 'mail'], recovered: 4 },
    'find out whether page was done; there is nothing to retry; see to what mail did not do; 2 of 6 instances are not recovered',
  ],
  [{ recovered: 4 }, '2 of 6 instances are not recovered'],
  [
    { recovered: 0, notDone: ['page', 'mail'] },
    'see to what page, mail did not do; 6 of 6 instances are not recovered',
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
  // The flow goes on without it, as its definition says.
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
