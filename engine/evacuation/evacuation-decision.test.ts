/** The table of decisions over Nova's data of one instance; the invariant is that nothing is evacuated twice. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Evacuation, Instance, MigrationRecord } from '../cloud/cloud.ts';
import type { StepState } from '../journal/rows.ts';
import {
  decideMove,
  type MoveFacts,
  type MoveLimits,
  type MoveStepKind,
  READS_WITHOUT_TRACE,
} from './evacuation-decision.ts';

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
    readsWithoutTrace: 0,
    withoutTraceMs: 0,
    attempts: 1,
    isExact: true,
    ...change,
  };
}

const decide = (state: StepState, change: Partial<MoveFacts> = {}) => decideMove(facts(state, change), LIMITS);

describe('after a death, an evacuation that may have been requested', () => {
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

  it('is called again only after the queue wait and three polls without a trace of it', () => {
    expect(decide('intent')).toEqual({ do: 'note silence' });
    expect(decide('intent', { readsWithoutTrace: READS_WITHOUT_TRACE, withoutTraceMs: 9_999 })).toEqual({
      do: 'note silence',
    });
    expect(decide('intent', { readsWithoutTrace: READS_WITHOUT_TRACE - 1, withoutTraceMs: 60_000 })).toEqual({
      do: 'note silence',
    });
    expect(decide('intent', { readsWithoutTrace: READS_WITHOUT_TRACE, withoutTraceMs: 10_000 })).toEqual({
      do: 'call',
    });
  });

  it('reads the records before it counts silence', () => {
    expect(decide('intent', { evacuations: 'not read', readsWithoutTrace: 9, withoutTraceMs: 60_000 })).toEqual({
      do: 'read details',
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
  it('is waited for, and times out only after a read of the instance itself', () => {
    expect(decide('sent', { elapsedMs: 1000, isExact: false, evacuations: 'not read' })).toEqual({ do: 'wait' });
    expect(decide('sent', { elapsedMs: 90_001, isExact: false, evacuations: 'not read' })).toEqual({
      do: 'read details',
    });
    expect(decide('sent', { elapsedMs: 90_001 })).toEqual({ do: 'leave open', reason: 'Failed reason: timeout.' });
  });

  it('that put the instance into error is checked, and retried when Nova reports that it failed', () => {
    const broken = { instance: instance({ vmState: 'error' }) };
    expect(decide('sent', { ...broken, isExact: false, evacuations: 'not read' })).toEqual({ do: 'read details' });
    expect(decide('sent', { ...broken, evacuations: [evacuation('error')] })).toMatchObject({ state: 'failed' });
    expect(decide('failed', broken)).toEqual({ do: 'call' });
    expect(decide('failed', { ...broken, attempts: 4 })).toEqual({ do: 'fail' });
  });

  it('that arrived in error elsewhere is not requested again', () => {
    const arrived = { instance: instance({ host: 'c2', vmState: 'error' }) };
    expect(decide('sent', arrived)).toMatchObject({ do: 'settle', state: 'failed' });
    expect(decide('failed', arrived)).toEqual({ do: 'fail' });
    expect(decide('sent', { ...arrived, wanted: 'error' })).toMatchObject({ do: 'settle', state: 'done' });
  });

  it('that failed is not retried while another caller evacuates the instance', () => {
    const rebuilding = { instance: instance({ taskState: 'rebuilding' }) };
    expect(decide('failed', rebuilding)).toEqual({ do: 'wait' });
    expect(decide('failed', { ...rebuilding, elapsedMs: 90_001 })).toEqual({ do: 'fail' });
  });
});

describe('an evacuation that Nova refused or did not respond to', () => {
  it('is repeated up to the attempts, and then fails with the words of the last response', () => {
    const silent = { readsWithoutTrace: READS_WITHOUT_TRACE, withoutTraceMs: 10_000 };
    const step = { kind: 'evacuate', state: 'unknown', error: 'Nova responded 500' } as const;
    expect(decide('unknown', { ...silent, step, attempts: 3 })).toEqual({ do: 'call' });
    expect(decide('unknown', { ...silent, step, attempts: 4 })).toMatchObject({
      state: 'failed',
      reason: 'Nova responded 500',
    });
  });

  it('for a reason that stays is not repeated, and is skipped when the instance proves to be gone', () => {
    const step = { kind: 'evacuate', state: 'failed', error: 'Compute host c9 not found.', isFinal: true } as const;
    expect(decide('failed', { step })).toEqual({ do: 'fail' });
    expect(decide('failed', { step, instance: 'no answer' })).toEqual({ do: 'wait' });
    expect(decide('failed', { step, instance: 'gone' })).toMatchObject({ do: 'settle', state: 'skipped' });
  });

  it('is reported with the fault of the instance, which Nova writes after its state', () => {
    const broken = instance({ vmState: 'error' });
    const records = { evacuations: [evacuation('error')] };
    expect(decide('sent', { ...records, instance: broken, readsWithoutReason: 1 })).toEqual({ do: 'read details' });
    expect(decide('sent', { ...records, instance: broken, readsWithoutReason: 3 })).toMatchObject({
      reason: "Nova's evacuation m ended as error",
    });
    const fault = 'No valid host was found.';
    expect(decide('sent', { ...records, instance: { ...broken, fault }, readsWithoutReason: 0 })).toMatchObject({
      reason: `Nova's evacuation m ended as error: ${fault}`,
    });
  });
});

describe('a request of an earlier flow that was never visible', () => {
  it('is waited for before the first call of this flow, and adopted when it shows', () => {
    const earlier = { mayBeRequested: true, attempts: 0 };
    expect(decide('planned', { ...earlier, evacuations: 'not read' })).toEqual({ do: 'read details' });
    expect(decide('planned', earlier)).toEqual({ do: 'note silence' });
    expect(decide('planned', { ...earlier, evacuations: [evacuation('accepted')] })).toMatchObject({ state: 'sent' });
    expect(decide('planned', { ...earlier, evacuations: [evacuation('error')] })).toEqual({ do: 'note silence' });
    expect(decide('planned', { ...earlier, readsWithoutTrace: READS_WITHOUT_TRACE, withoutTraceMs: 10_000 })).toEqual({
      do: 'call',
    });
  });
});

describe('an instance that migrates off the dead host by another request', () => {
  const migrating = instance({ taskState: 'migrating' });
  const record: MigrationRecord = { ...evacuation('running'), type: 'live-migration' };

  it.each(['reset', 'evacuate'] as const)('is waited for while its record is open: %s', (kind) => {
    const planned = { step: { kind, state: 'planned', error: null }, instance: migrating } as const;
    expect(decide('planned', { ...planned, migration: 'not read' })).toEqual({ do: 'read details' });
    expect(decide('planned', { ...planned, migration: record })).toEqual({ do: 'wait' });
    expect(decide('planned', { ...planned, migration: null })).toEqual({ do: 'call' });
    expect(decide('planned', { ...planned, migration: record, elapsedMs: 90_001 })).toEqual({ do: 'call' });
  });

  it('is adopted where it arrives, without an evacuation', () => {
    const arrived = instance({ host: 'c3' });
    const reset = { kind: 'reset', state: 'planned', error: null } as const;
    expect(decide('planned', { step: reset, instance: arrived })).toMatchObject({ state: 'skipped' });
    expect(decide('planned', { instance: arrived })).toMatchObject({ state: 'done' });
  });
});

describe('an evacuation that Nova abandoned', () => {
  const late = { instance: instance({ taskState: 'rebuilding' }), elapsedMs: 90_001 };
  const record = { ...evacuation('pre-migrating'), destinationHost: 'c2' };

  it('is left open with its record, its destination and what is known of that', () => {
    expect(decide('sent', { ...late, evacuations: [record], destination: 'down' })).toEqual({
      do: 'leave open',
      reason:
        "it did not arrive in 90 s: Nova's evacuation m to c2 is still pre-migrating, and the compute service of c2 is down",
      record,
    });
  });

  it('lets its task state be reset once an operator declared it abandoned, unless another one is open', () => {
    const reset = { ...late, elapsedMs: 0, step: { kind: 'reset', state: 'planned', error: null } } as const;
    expect(decide('planned', reset)).toMatchObject({ state: 'skipped' });
    expect(decide('planned', { ...reset, isAbandoned: true, evacuations: 'not read' })).toEqual({ do: 'read details' });
    expect(decide('planned', { ...reset, isAbandoned: true })).toEqual({ do: 'call' });
    expect(decide('planned', { ...reset, isAbandoned: true, evacuations: [record] })).toMatchObject({
      state: 'skipped',
    });
  });
});

describe('in every combination of facts', () => {
  const states: StepState[] = ['planned', 'intent', 'sent', 'unknown', 'failed'];
  const kinds: MoveStepKind[] = ['reset', 'evacuate', 'stop', 'start', 'error'];

  it('nothing is decided about an instance that gave no answer', () => {
    const partial = instance({ host: null, vmState: 'unknown' });
    const anything = fc.record({
      kind: fc.constantFrom(...kinds),
      state: fc.constantFrom(...states),
      instance: fc.constantFrom('no answer' as const, partial),
      records: fc.constantFrom([], [evacuation('error')], 'not read' as const),
      elapsedMs: fc.nat(1_000_000),
      readsWithoutTrace: fc.nat(5),
      withoutTraceMs: fc.nat(1_000_000),
      isExact: fc.boolean(),
    });
    fc.assert(
      fc.property(anything, ({ kind, state, records, ...rest }) => {
        const step = { kind, state, error: null };
        expect(decide(state, { step, evacuations: records, ...rest })).toEqual({ do: 'wait' });
      }),
    );
  });

  const anything = fc.record({
    state: fc.constantFrom(...states),
    host: fc.constantFrom('c1', 'c2', null),
    vmState: fc.constantFrom('active', 'stopped', 'error', 'paused', 'building'),
    taskState: fc.constantFrom(null, 'rebuilding', 'rebuild_spawning', 'powering-off', 'migrating'),
    records: fc.option(
      fc.array(fc.constantFrom('accepted', 'pre-migrating', 'done', 'failed', 'error'), { maxLength: 2 }),
    ),
    elapsedMs: fc.nat(200_000),
    readsWithoutTrace: fc.nat(5),
    withoutTraceMs: fc.nat(30_000),
    attempts: fc.nat(5),
    isExact: fc.boolean(),
  });

  it('nothing is evacuated during an evacuation or after it has left the host', () => {
    fc.assert(
      fc.property(anything, ({ state, host, vmState, taskState, records, ...rest }) => {
        const evacuations = records === null ? ('not read' as const) : records.map(evacuation);
        const decision = decide(state, { instance: instance({ host, vmState, taskState }), evacuations, ...rest });
        if (decision.do !== 'call') return;
        expect(host).toBe('c1');
        expect(taskState?.startsWith('rebuild') ?? false).toBe(false);
        // A failed one was seen to fail; any other must show no open record and must have been searched for.
        if (state !== 'planned' && state !== 'failed') {
          expect(evacuations).not.toBe('not read');
          expect(rest.readsWithoutTrace).toBeGreaterThanOrEqual(READS_WITHOUT_TRACE);
        }
        if (records && state !== 'failed') expect(['accepted', 'pre-migrating']).not.toContain(records[0]);
      }),
      { numRuns: 5000 },
    );
  });
});
