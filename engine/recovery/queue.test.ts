import { describe, expect, it } from 'vitest';
import { planQueue } from './queue.ts';

type Open = Parameters<typeof planQueue>[0]['open'][number];
let nextId = 1;

function open(uuid: string, change: Partial<Open> = {}): Open {
  const host = change.host ?? 'c1';
  return {
    id: nextId++,
    uuid,
    type: 'COMPUTE_HOST',
    host,
    target: `host:${host}`,
    status: 'new',
    retry_at: null,
    ...change,
  };
}

function plan(list: Open[], running: string[] = [], change: Partial<Parameters<typeof planQueue>[0]> = {}) {
  return planQueue({ open: list, running: new Set(running), now: 1000, maxConcurrent: 16, ...change });
}

describe('the queue of recoveries', () => {
  it('starts hosts before instances, in the order they came', () => {
    const list = [
      open('i', { type: 'VM', host: 'c9', target: 'instance:x' }),
      open('a', { host: 'c1' }),
      open('b', { host: 'c2' }),
    ];
    expect(plan(list).start).toEqual(['a', 'b', 'i']);
  });

  it('does one thing at a time about one target', () => {
    expect(plan([open('a'), open('b')]).start).toEqual(['a']);
    expect(plan([open('a'), open('b')], ['a']).start).toEqual([]);
  });

  it('keeps to the limit', () => {
    const list = ['c1', 'c2', 'c3'].map((host) => open(host, { host }));
    expect(plan(list, [], { maxConcurrent: 2 }).start).toEqual(['c1', 'c2']);
    expect(plan(list, ['c1'], { maxConcurrent: 2 }).start).toEqual(['c2']);
  });

  it('lets the recovery of a host make those of its instances and processes superfluous', () => {
    const list = [
      open('vm', { type: 'VM', target: 'instance:x', status: 'running' }),
      open('process', { type: 'PROCESS' }),
      open('host'),
    ];
    const verdict = plan(list, ['vm']);
    expect(verdict.start).toEqual(['host']);
    expect(verdict.supersede).toEqual([
      { uuid: 'vm', by: 'host' },
      { uuid: 'process', by: 'host' },
    ]);
  });

  it('takes a recovery in error up when its time has come and says when to look again', () => {
    const due = open('due', { status: 'error', retry_at: 1000 });
    const later = open('later', { host: 'c2', status: 'error', retry_at: 5000 });
    expect(plan([due, later])).toMatchObject({ start: ['due'], lookAgainAt: 5000 });
  });

  it('takes up what another engine left running', () => {
    expect(plan([open('left', { status: 'running' })]).start).toEqual(['left']);
  });
});
