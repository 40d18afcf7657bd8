/** What is done after an instance was moved: what ran runs, and what its owner did to it stays. */
import { describe, expect, it } from 'vitest';
import type { Instance, InstanceAction } from '../cloud/cloud.ts';
import type { StepState } from '../journal/rows.ts';
import { decideMove, type MoveFacts, type MoveLimits, type MoveStepKind } from './evacuation-decision.ts';
import { decideArrival } from './restore-decision.ts';

const LIMITS: MoveLimits = {
  evacuationMs: 90_000,
  powerOffMs: 180_000,
  powerOnMs: 60_000,
  queueWaitMs: 120_000,
  attempts: 4,
};

function decide(kind: MoveStepKind, state: StepState, vmState: string, change: Partial<MoveFacts> = {}) {
  const instance = { uuid: 'u', host: 'c2', vmState, taskState: null } as Instance;
  const facts: MoveFacts = {
    source: 'c1',
    wanted: kind === 'start' ? 'running' : 'stopped',
    step: { kind, state, error: null },
    instance,
    evacuations: 'not read',
    elapsedMs: 0,
    readsWithoutTrace: 0,
    withoutTraceMs: 0,
    attempts: 0,
    isExact: false,
    ...change,
  };
  return decideMove(facts, LIMITS);
}

const action = (name: string, userId: string | null, isFailed = false): InstanceAction => ({
  action: name,
  requestId: 'req-1',
  isFailed,
  startedAt: new Date(0),
  userId,
});

describe('an instance that ran and arrived stopped', () => {
  const stopped = { vmState: 'stopped', taskState: null };

  it('is started when Nova itself stopped it', () => {
    expect(decideArrival('running', stopped, 'not read')).toBe('read its actions');
    expect(decideArrival('running', stopped, [action('stop', null), action('stop', 'alice')])).toBe('start');
    expect(decideArrival('running', stopped, [action('evacuate', 'agent'), action('start', 'alice')])).toBe('start');
    expect(decideArrival('running', stopped, [])).toBe('start');
  });

  it('is left to its owner, who stopped it', () => {
    expect(decideArrival('running', stopped, [action('stop', 'alice'), action('evacuate', 'agent')])).toBe('whole');
    expect(decideArrival('running', stopped, [action('stop', 'alice', true), action('stop', null)])).toBe('start');
  });

  it('is whole when it was stopped before, runs, or Nova does something with it', () => {
    expect(decideArrival('stopped', stopped, 'not read')).toBe('whole');
    expect(decideArrival('running', { vmState: 'active', taskState: null }, 'not read')).toBe('whole');
    expect(decideArrival('running', { ...stopped, taskState: 'powering-on' }, 'not read')).toBe('whole');
  });

  it('is started once, and again only up to the attempts', () => {
    expect(decide('start', 'planned', 'stopped')).toEqual({ do: 'call' });
    expect(decide('start', 'sent', 'stopped')).toEqual({ do: 'wait' });
    expect(decide('start', 'unknown', 'stopped', { attempts: 3 })).toEqual({ do: 'call' });
    expect(decide('start', 'unknown', 'stopped', { attempts: 4 })).toEqual({ do: 'wait' });
    expect(decide('start', 'sent', 'active')).toMatchObject({ state: 'done' });
  });

  it('fails with the reason when it does not run in time, or is in error', () => {
    const late = { elapsedMs: 60_001, step: { kind: 'start', state: 'unknown', error: 'Nova responded 500' } } as const;
    expect(decide('start', 'unknown', 'stopped', late)).toEqual({ do: 'read details' });
    expect(decide('start', 'unknown', 'stopped', { ...late, isExact: true })).toMatchObject({
      state: 'failed',
      reason: 'it did not start in time: Nova responded 500',
    });
    const broken = { uuid: 'u', host: 'c2', vmState: 'error', taskState: null, fault: 'no disk' } as Instance;
    expect(decide('start', 'sent', 'error', { instance: broken, isExact: true })).toMatchObject({
      reason: 'it is in state error after it was started: no disk',
    });
  });
});

describe('an instance that was stopped', () => {
  it('is stopped where this flow saw it arrive', () => {
    expect(decide('stop', 'planned', 'active')).toEqual({ do: 'call' });
    expect(decide('stop', 'planned', 'stopped')).toMatchObject({ state: 'skipped' });
  });

  it.each(['stop', 'error'] as const)('is left running where its owner may have started it: %s', (kind) => {
    expect(decide(kind, 'planned', 'active', { isStopOwed: false })).toMatchObject({ state: 'skipped' });
  });

  it('gets no more stop requests than the attempts, and fails with the text of the last response', () => {
    const step = { kind: 'stop', state: 'unknown', error: 'Nova responded 500' } as const;
    expect(decide('stop', 'unknown', 'active', { step, attempts: 4 })).toEqual({ do: 'wait' });
    const late = { step, attempts: 4, elapsedMs: 180_001, isExact: true };
    expect(decide('stop', 'unknown', 'active', late)).toMatchObject({
      state: 'failed',
      reason: 'it did not stop in time: Nova responded 500',
    });
  });
});
