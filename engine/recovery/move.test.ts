/** The table of verdicts over what Nova shows about one instance; the invariant is that nothing is evacuated twice. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Evacuation, Instance } from '../cloud/cloud.ts';
import type { StepState } from '../journal/words.ts';
import { decideMove, type MoveFacts, type MoveLimits, SILENT_LOOKS } from './move.ts';

const LIMITS: MoveLimits = { evacuationMs: 90_000, powerOffMs: 180_000, queueWaitMs: 10_000, attempts: 4 };

function instance(change: Partial<Instance> = {}): Instance {
  return {
    uuid: 'u',
    name: 'n',
    host: 'c1',
    vmState: 'active',
    taskState: null,
    powerState: 1,
    locked: false,
    metadata: {},
    projectId: 'p',
    userId: 'u',
    ...change,
  };
}

function evacuation(status: string): Evacuation {
  return { id: 'm', instanceUuid: 'u', sourceHost: 'c1', destinationHost: null, status, createdAt: new Date(0) };
}

function facts(state: StepState, change: Partial<MoveFacts> = {}): MoveFacts {
  return {
    source: 'c1',
    wanted: 'running',
    step: { kind: 'evacuate', state, error: null },
    instance: instance(),
    evacuations: [],
    elapsedMs: 0,
    silentLooks: 0,
    silentMs: 0,
    attempts: 1,
    isExact: true,
    ...change,
  };
}

const decide = (state: StepState, change: Partial<MoveFacts> = {}) => decideMove(facts(state, change), LIMITS);

describe('after a death, an evacuation that may have been asked for', () => {
  it.each(['intent', 'unknown', 'sent'] as const)('in state %s is done when the instance runs elsewhere', (state) => {
    expect(decide(state, { instance: instance({ host: 'c2' }) })).toEqual({
      do: 'settle',
      state: 'done',
      reason: null,
    });
  });

  it.each(['intent', 'unknown'] as const)('in state %s is adopted while Nova rebuilds the instance', (state) => {
    const rebuilding = instance({ taskState: 'rebuild_spawning' });
    expect(decide(state, { instance: rebuilding })).toMatchObject({ do: 'settle', state: 'sent' });
  });

  it.each(['accepted', 'pre-migrating'])('is adopted while its record is %s, and not called', (status) => {
    expect(decide('intent', { evacuations: [evacuation(status)] })).toMatchObject({ do: 'settle', state: 'sent' });
    expect(decide('planned', { evacuations: [evacuation(status)] })).toMatchObject({ do: 'settle', state: 'sent' });
  });

  it.each(['failed', 'error'])('failed when its newest record is %s and the host is the same', (status) => {
    expect(decide('intent', { evacuations: [evacuation(status)] })).toMatchObject({ do: 'settle', state: 'failed' });
  });

  it('is called again only after the queue wait and three looks without a sign of it', () => {
    expect(decide('intent')).toEqual({ do: 'note silence' });
    expect(decide('intent', { silentLooks: SILENT_LOOKS, silentMs: 9_999 })).toEqual({ do: 'note silence' });
    expect(decide('intent', { silentLooks: SILENT_LOOKS - 1, silentMs: 60_000 })).toEqual({ do: 'note silence' });
    expect(decide('intent', { silentLooks: SILENT_LOOKS, silentMs: 10_000 })).toEqual({ do: 'call' });
  });

  it('asks for the records before it says anything about silence', () => {
    expect(decide('intent', { evacuations: 'not asked', silentLooks: 9, silentMs: 60_000 })).toEqual({
      do: 'look closer',
    });
  });

  it('is skipped when the instance is gone', () => {
    expect(decide('intent', { instance: 'gone' })).toMatchObject({ do: 'settle', state: 'skipped' });
  });

  it('is left to an operator when Nova shows something else for too long', () => {
    const odd = { instance: instance({ taskState: 'migrating' }) };
    expect(decide('intent', odd)).toEqual({ do: 'note silence' });
    expect(decide('intent', { ...odd, elapsedMs: 90_001 })).toMatchObject({ do: 'leave open' });
  });
});

describe('an evacuation on its way', () => {
  it('is waited for, and fails on time only after a look at the instance itself', () => {
    expect(decide('sent', { elapsedMs: 1000, isExact: false, evacuations: 'not asked' })).toEqual({ do: 'wait' });
    expect(decide('sent', { elapsedMs: 90_001, isExact: false, evacuations: 'not asked' })).toEqual({
      do: 'look closer',
    });
    expect(decide('sent', { elapsedMs: 90_001 })).toEqual({ do: 'leave open', reason: 'Failed reason: timeout.' });
  });

  it('that put the instance into error is looked into, and tried again when Nova says it failed', () => {
    const broken = { instance: instance({ vmState: 'error' }) };
    expect(decide('sent', { ...broken, isExact: false, evacuations: 'not asked' })).toEqual({ do: 'look closer' });
    expect(decide('sent', { ...broken, evacuations: [evacuation('error')] })).toMatchObject({ state: 'failed' });
    expect(decide('failed', broken)).toEqual({ do: 'call' });
    expect(decide('failed', { ...broken, attempts: 4 })).toEqual({ do: 'give up' });
  });

  it('that arrived in error elsewhere is not asked for again', () => {
    const arrived = { instance: instance({ host: 'c2', vmState: 'error' }) };
    expect(decide('sent', arrived)).toMatchObject({ do: 'settle', state: 'failed' });
    expect(decide('failed', arrived)).toEqual({ do: 'give up' });
    expect(decide('sent', { ...arrived, wanted: 'error' })).toMatchObject({ do: 'settle', state: 'done' });
  });

  it('that failed is not tried again while somebody else evacuates the instance', () => {
    const rebuilding = { instance: instance({ taskState: 'rebuilding' }) };
    expect(decide('failed', rebuilding)).toEqual({ do: 'wait' });
    expect(decide('failed', { ...rebuilding, elapsedMs: 90_001 })).toEqual({ do: 'give up' });
  });
});

describe('whatever is seen', () => {
  const states: StepState[] = ['planned', 'intent', 'sent', 'unknown', 'failed'];
  const anything = fc.record({
    state: fc.constantFrom(...states),
    host: fc.constantFrom('c1', 'c2', null),
    vmState: fc.constantFrom('active', 'stopped', 'error', 'paused', 'building'),
    taskState: fc.constantFrom(null, 'rebuilding', 'rebuild_spawning', 'powering-off', 'migrating'),
    records: fc.option(
      fc.array(fc.constantFrom('accepted', 'pre-migrating', 'done', 'failed', 'error'), { maxLength: 2 }),
    ),
    elapsedMs: fc.nat(200_000),
    silentLooks: fc.nat(5),
    silentMs: fc.nat(30_000),
    attempts: fc.nat(5),
    isExact: fc.boolean(),
  });

  it('nothing is evacuated while an evacuation goes on or after it has left the host', () => {
    fc.assert(
      fc.property(anything, ({ state, host, vmState, taskState, records, ...rest }) => {
        const evacuations = records === null ? ('not asked' as const) : records.map(evacuation);
        const decision = decide(state, { instance: instance({ host, vmState, taskState }), evacuations, ...rest });
        if (decision.do !== 'call') return;
        expect(host).not.toBe('c2');
        expect(taskState?.startsWith('rebuild') ?? false).toBe(false);
        // A failed one was seen to fail; anything else must show no open record and must have been looked for.
        if (state !== 'planned' && state !== 'failed') {
          expect(evacuations).not.toBe('not asked');
          expect(rest.silentLooks).toBeGreaterThanOrEqual(SILENT_LOOKS);
        }
        if (records && state !== 'failed') expect(['accepted', 'pre-migrating']).not.toContain(records[0]);
      }),
      { numRuns: 5000 },
    );
  });
});
