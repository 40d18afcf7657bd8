import { expect, test } from 'vitest';
import type { Control } from '../libvirt/domains.ts';
import { decideQemu, type Hang, received } from './hang-decision.ts';

const AFTER_MS = 60_000;
const OK: Control = { state: 'ok', forMs: 0 };
const JOB: Control = { state: 'job', forMs: 500_000 };
const LOST: Control = { state: 'error', forMs: 0 };
const busy = (seconds: number): Control => ({ state: 'occupied', forMs: seconds * 1000 });

/** Polls every 10 s and confirms each hang that is due; the domain ids differ where a test sets them. */
function play(controls: readonly (Control | undefined)[], ids: readonly number[] = []): string[] {
  let hang: Hang | undefined;
  return controls.map((control, index) => {
    const decision = decideQemu(hang, ids[index] ?? 1, control, AFTER_MS, index * 10_000);
    hang = decision.outcome === 'hangs' && decision.hang ? received(decision.hang) : decision.hang;
    return decision.outcome;
  });
}

test('a QEMU that responds does not hang, however long its job takes', () => {
  expect(play([OK, JOB, JOB, OK])).not.toContain('hangs');
});

test('one command unanswered for longer than the limit is reported once, and its end as well', () => {
  expect(play([OK, busy(55), busy(65), busy(75), OK, OK])).toEqual([
    'nothing',
    'nothing',
    'hangs',
    'nothing',
    'responds again',
    'nothing',
  ]);
});

test('a limit that is reached exactly is not exceeded', () => {
  expect(play([busy(60)])).toEqual(['nothing']);
});

test('many slow commands are no hang', () => {
  expect(play(Array.from({ length: 20 }, () => busy(8)))).not.toContain('hangs');
});

test('a poll that failed neither starts nor ends a hang', () => {
  expect(play([busy(61), undefined, busy(81)])).toEqual(['hangs', 'nothing', 'nothing']);
});

test('a second hang after a response that no poll detected is reported as well', () => {
  const decisions = play([61, 5, 15, 25, 35, 45, 55, 65, 75].map(busy));
  expect(decisions.flatMap((decision, index) => (decision === 'hangs' ? [index] : []))).toEqual([0, 7]);
});

test('a slow response of libvirt does not start another hang', () => {
  const decisions = play([61, 67, 80, 84, 101].map(busy));
  expect(decisions.filter((decision) => decision === 'hangs')).toHaveLength(1);
});

test('a QEMU of another start has a hang of its own', () => {
  expect(play([busy(61), busy(71)], [1, 2])).toEqual(['hangs', 'hangs']);
});

test('if libvirt has lost the monitor of QEMU, the time is counted here', () => {
  const decisions = play(Array.from({ length: 9 }, () => LOST));
  expect(decisions.indexOf('hangs')).toBe(7);
  expect(decisions.filter((decision) => decision === 'hangs')).toHaveLength(1);
});
