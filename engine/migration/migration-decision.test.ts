import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Instance } from '../cloud/cloud.ts';
import { READS_WITHOUT_TRACE } from '../evacuation/evacuation-decision.ts';
import type { StepState } from '../journal/rows.ts';
import type { InstanceActionFacts } from '../task-drivers/recovery-action/instance-action-decision.ts';
import { decideConfirmation, decideMigration, type Journey, planMigration } from './migration-decision.ts';

const LIMITS = { effectMs: 90_000, queueWaitMs: 10_000 };
const LIVE: Journey = { kind: 'live_migrate', source: 'c2', home: 'c1' };
const COLD: Journey = { ...LIVE, kind: 'cold_migrate' };

function instance(change: Partial<Instance> = {}): Instance {
  return {
    uuid: 'i',
    name: 'web',
    host: 'c2',
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
const ACTION = { action: 'live-migration', requestId: 'req-1', isFailed: false, startedAt: null, userId: 'u' };
const FAILED = { ...ACTION, isFailed: true };

type Facts = Omit<InstanceActionFacts, 'isHostUp' | 'readsWithoutReason'>;
const facts = (change: Partial<Facts>): Facts => ({
  state: 'planned',
  instance: instance(),
  action: undefined,
  elapsedMs: 0,
  readsWithoutTrace: 0,
  withoutTraceMs: 0,
  ...change,
});
const seen = (change: Partial<Instance>, state: StepState = 'sent'): Partial<Facts> => ({
  state,
  action: ACTION,
  instance: instance(change),
});
const done = { do: 'settle', state: 'done' };
const failed = (reason: RegExp) => ({ do: 'settle', state: 'failed', reason: expect.stringMatching(reason) });
const skipped = (reason: RegExp) => ({ do: 'settle', state: 'skipped', reason: expect.stringMatching(reason) });

describe('planMigration', () => {
  it.each([
    ['active', 'live_migrate'],
    ['paused', 'live_migrate'],
    ['stopped', 'cold_migrate'],
  ])('%s is a %s', (vmState, kind) => {
    expect(planMigration(vmState)).toEqual({ migrate: 'yes', kind });
  });

  it.each(['error', 'suspended', 'rescued', 'shelved_offloaded', 'resized', 'building', 'constructor'])(
    '%s is left where it is, with a reason',
    (vmState) => {
      expect(planMigration(vmState)).toMatchObject({
        migrate: 'no',
        reason: expect.stringContaining(`vm_state ${vmState}`),
      });
    },
  );
});

describe('a live migration', () => {
  it.each<[string, Partial<Facts>, object]>([
    ['is requested', {}, { do: 'call' }],
    [
      'is not requested while Nova does something else',
      { instance: instance({ taskState: 'image_snapshot' }) },
      { do: 'wait' },
    ],
    [
      'times out on a busy instance',
      { instance: instance({ taskState: 'image_snapshot' }), elapsedMs: 90_001 },
      failed(/busy with it \(task image_snapshot\)/),
    ],
    ['of a deleted instance is skipped', { state: 'sent', instance: 'gone' }, skipped(/deleted/)],
    [
      'of one that another user moved elsewhere is skipped',
      { instance: instance({ host: 'c3' }) },
      skipped(/moved it to c3/),
    ],
    ['of one that is at home already is done', { instance: instance({ host: 'c1' }) }, done],
    [
      'of one that was stopped since it was planned fails',
      { instance: instance({ vmState: 'stopped' }) },
      failed(/stopped now/),
    ],
    [
      'of one that was suspended since then is skipped',
      { instance: instance({ vmState: 'suspended' }) },
      skipped(/suspended/),
    ],
    ['of one that has broken since then fails', { instance: instance({ vmState: 'error' }) }, failed(/in state error/)],
    ['that was there before the intent is none of ours', { action: ACTION }, { do: 'call' }],
    ['continues as long as it takes', { ...seen({ taskState: 'migrating' }), elapsedMs: 9e9 }, { do: 'wait' }],
    [
      'that Nova cancelled and cleans up after',
      { ...seen({ taskState: 'migrating' }), action: FAILED },
      { do: 'wait' },
    ],
    ['arrived', seen({ host: 'c1' }), done],
    ['arrived, though Nova noted an error at the end', { ...seen({ host: 'c1' }), action: FAILED }, done],
    ['arrived in error', seen({ host: 'c1', vmState: 'error' }), failed(/on c1 in state error/)],
    ['whose reply was lost is found', seen({ host: 'c1' }, 'unknown'), done],
    ['that another engine requested is found', seen({ taskState: 'migrating' }, 'intent'), { do: 'wait' }],
    [
      'is back where it was: it did not succeed',
      seen({}),
      failed(/request req-1 did not succeed, and the instance is still on c2/),
    ],
    ['that Nova calls an error', { ...seen({}), action: FAILED }, failed(/req-1 ended in an error/)],
    ['left an error', seen({ vmState: 'error' }), failed(/state error after it/)],
    [
      'left an error that Nova explains',
      seen({ vmState: 'error', fault: 'No capacity' }),
      failed(/state error after it: No capacity$/),
    ],
    ['ended elsewhere', seen({ host: 'c3' }), failed(/on c3 now/)],
    ['may have been lost: first poll', { state: 'intent' }, { do: 'note silence' }],
    [
      'may have been lost: few polls',
      { state: 'unknown', readsWithoutTrace: 2, withoutTraceMs: 60_000 },
      { do: 'note silence' },
    ],
    [
      'may have been lost: too soon',
      { state: 'unknown', readsWithoutTrace: 9, withoutTraceMs: 9_999 },
      { do: 'note silence' },
    ],
    ['was lost', { state: 'unknown', readsWithoutTrace: 3, withoutTraceMs: 10_000 }, { do: 'call' }],
    [
      'that Nova accepted is never requested again',
      { state: 'sent', readsWithoutTrace: 9, withoutTraceMs: 9e9 },
      { do: 'wait' },
    ],
    ['that Nova accepted and forgot', { state: 'sent', elapsedMs: 90_001 }, { do: 'settle', state: 'unknown' }],
    [
      'that Nova cancelled and does not clean up after, may still end',
      { ...seen({ taskState: 'migrating' }), action: FAILED, elapsedMs: 90_001 },
      { do: 'settle', state: 'unknown' },
    ],
  ])('%s', (_, change, expected) => {
    expect(decideMigration(facts(change), LIVE, LIMITS)).toMatchObject(expected);
  });
});

describe('a cold migration', () => {
  const stopped = (change: Partial<Instance>) => instance({ vmState: 'stopped', powerState: 4, ...change });
  it.each<[string, Partial<Facts>, object]>([
    ['is requested', { instance: stopped({}) }, { do: 'call' }],
    [
      'of one that was started since it was planned fails',
      { instance: stopped({ vmState: 'active' }) },
      failed(/active now/),
    ],
    ['arrived, to be confirmed', { ...seen({ host: 'c1', vmState: 'resized' }) }, done],
    ['arrived, confirmed already', { state: 'sent', action: ACTION, instance: stopped({ host: 'c1' }) }, done],
    [
      'by another user is left to that user',
      { instance: stopped({ host: 'c1', vmState: 'resized' }) },
      skipped(/has not confirmed/),
    ],
    [
      'that is not visible, while another user resized it to home, is none of ours',
      { state: 'unknown', instance: stopped({ host: 'c1', vmState: 'resized' }) },
      skipped(/has not confirmed/),
    ],
    ['did not succeed', { state: 'sent', action: ACTION, instance: stopped({}) }, failed(/still on c2/)],
    [
      'copies for hours',
      { state: 'sent', action: ACTION, instance: stopped({ taskState: 'resize_migrating' }), elapsedMs: 9e9 },
      { do: 'wait' },
    ],
  ])('%s', (_, change, expected) => {
    expect(decideMigration(facts(change), COLD, LIMITS)).toMatchObject(expected);
  });
});

describe('the confirmation of a cold migration', () => {
  const there = (change: Partial<Instance> = {}) => instance({ host: 'c1', vmState: 'resized', ...change });
  it.each<[string, Partial<Facts>, object]>([
    ['is requested', { instance: there() }, { do: 'call' }],
    ['is not needed where Nova confirmed it by itself', { instance: there({ vmState: 'stopped' }) }, done],
    ['is under way, without a task', { state: 'sent', action: ACTION, instance: there() }, { do: 'wait' }],
    ['is over', { state: 'sent', action: ACTION, instance: there({ vmState: 'stopped' }) }, done],
    [
      'is over for an instance that its user started',
      { state: 'sent', action: ACTION, instance: there({ vmState: 'active' }) },
      done,
    ],
    ['failed', { state: 'sent', action: FAILED, instance: there() }, failed(/ended in an error/)],
    ['left an error', { state: 'sent', action: ACTION, instance: there({ vmState: 'error' }) }, failed(/state error/)],
    [
      'takes too long: its outcome is unknown',
      { state: 'sent', action: ACTION, instance: there(), elapsedMs: 90_001 },
      { do: 'settle', state: 'unknown' },
    ],
    [
      'of a migration that was reverted fails',
      { state: 'sent', instance: instance({ vmState: 'stopped' }) },
      failed(/left c1 again, for c2/),
    ],
    ['of a deleted instance is skipped', { instance: 'gone' }, skipped(/deleted/)],
    ['may have been lost', { state: 'unknown', instance: there() }, { do: 'note silence' }],
    ['was lost', { state: 'intent', instance: there(), readsWithoutTrace: 3, withoutTraceMs: 10_000 }, { do: 'call' }],
    ['waits for what Nova does', { instance: there({ taskState: 'deleting' }) }, { do: 'wait' }],
  ])('%s', (_, change, expected) => {
    expect(decideConfirmation(facts(change), 'c1', LIMITS)).toMatchObject(expected);
  });
});

describe('in every combination of facts', () => {
  const anything = fc.record({
    state: fc.constantFrom<StepState>('planned', 'intent', 'sent', 'unknown'),
    host: fc.constantFrom('c1', 'c2', 'c3', null),
    vmState: fc.constantFrom('active', 'paused', 'stopped', 'resized', 'error', 'suspended'),
    taskState: fc.constantFrom(null, 'migrating', 'resize_migrating', 'powering-off'),
    action: fc.constantFrom(undefined, ACTION, FAILED),
    elapsedMs: fc.nat(200_000),
    readsWithoutTrace: fc.nat(5),
    withoutTraceMs: fc.nat(30_000),
  });

  it('nothing is requested that may be in progress, of a busy instance, or elsewhere than it was planned', () => {
    fc.assert(
      fc.property(anything, fc.constantFrom(LIVE, COLD), ({ host, vmState, taskState, ...rest }, journey) => {
        const known = { ...rest, instance: instance({ host, vmState, taskState }) };
        const isSilent = rest.readsWithoutTrace >= READS_WITHOUT_TRACE && rest.withoutTraceMs >= LIMITS.queueWaitMs;
        for (const [decision, where] of [
          [decideMigration(known, journey, LIMITS), 'c2'],
          [decideConfirmation(known, 'c1', LIMITS), 'c1'],
        ] as const) {
          if (decision.do !== 'call') continue;
          expect([host, taskState, rest.state === 'sent']).toEqual([where, null, false]);
          if (rest.state !== 'planned') expect([rest.action, isSilent]).toEqual([undefined, true]);
        }
      }),
      { numRuns: 5000 },
    );
  });
});
