import { describe, expect, it } from 'vitest';
import type { Instance } from '../../cloud/cloud.ts';
import { decideInstanceAction, type InstanceActionFacts } from './instance-action-decision.ts';

const LIMITS = { effectMs: 10_000, queueWaitMs: 5_000, calls: 3 };
const INSTANCE: Instance = {
  uuid: 'i',
  name: 'web',
  host: 'c1',
  vmState: 'active',
  taskState: null,
  powerState: 1,
  locked: false,
  metadata: {},
  projectId: 'p',
  userId: 'u',
};
const IN_ERROR: Instance = { ...INSTANCE, vmState: 'error' };
const ACTION = { action: 'rebuild', requestId: 'req-1', isFailed: false, startedAt: null, userId: 'u' };
const FAILED = { ...ACTION, isFailed: true };
const MIGRATION = {
  id: 'm-1',
  type: 'live-migration',
  instanceUuid: 'i',
  sourceHost: 'c1',
  destinationHost: 'c2',
  status: 'running',
  createdAt: new Date(0),
} as const;
const busy = (taskState: string): Instance => ({ ...INSTANCE, taskState });

const decide = (change: Partial<InstanceActionFacts>) =>
  decideInstanceAction(
    {
      state: 'planned',
      instance: INSTANCE,
      isHostUp: true,
      action: undefined,
      elapsedMs: 0,
      readsWithoutTrace: 0,
      withoutTraceMs: 0,
      readsWithoutReason: 0,
      ...change,
    },
    LIMITS,
  );

describe('a reboot or rebuild', () => {
  it.each<[string, Partial<InstanceActionFacts>, object]>([
    ['is requested', {}, { do: 'call' }],
    ['is not requested while Nova does something else', { instance: busy('powering-off') }, { do: 'wait' }],
    ['times out on a busy instance', { instance: busy('spawning'), elapsedMs: 10_001 }, { state: 'failed' }],
    ['is not requested of a host that is down', { isHostUp: false }, { state: 'failed', reason: /only EVACUATE/ }],
    ['of a deleted instance is skipped', { state: 'sent', instance: 'gone' }, { state: 'skipped' }],
    ['that was there before the intent is none of ours', { action: ACTION }, { do: 'call' }],
    ['is under way', { state: 'sent', action: ACTION, instance: busy('rebuilding') }, { do: 'wait' }],
    ['is over', { state: 'sent', action: ACTION }, { state: 'done' }],
    ['whose reply was lost is found', { state: 'unknown', action: ACTION }, { state: 'done' }],
    ['that another engine requested is found', { state: 'intent', action: ACTION }, { state: 'done' }],
    ['ended in an error', { state: 'sent', action: FAILED }, { state: 'failed', reason: /req-1 ended in an error$/ }],
    [
      'ended in an error that Nova explains',
      { state: 'sent', action: FAILED, instance: { ...IN_ERROR, fault: 'No image' } },
      { state: 'failed', reason: /req-1 ended in an error: No image$/ },
    ],
    [
      'left an error that Nova may yet explain',
      { state: 'sent', action: ACTION, instance: IN_ERROR, readsWithoutReason: 2 },
      { do: 'wait' },
    ],
    [
      'left an error that Nova does not explain',
      { state: 'sent', action: ACTION, instance: IN_ERROR, readsWithoutReason: 3 },
      { state: 'failed', reason: /state error after it$/ },
    ],
    [
      'left an error',
      { state: 'sent', action: ACTION, instance: { ...IN_ERROR, fault: 'No image' } },
      { state: 'failed', reason: /state error after it: No image$/ },
    ],
    [
      'takes too long',
      { state: 'sent', action: ACTION, instance: busy('rebuild_spawning'), elapsedMs: 10_001 },
      { state: 'unknown', reason: /did not end in time/ },
    ],
    [
      "that may have been requested stays open behind Nova's other operations on the instance",
      { state: 'intent', instance: busy('image_snapshot'), elapsedMs: 10_001 },
      { state: 'unknown', reason: /is busy with it/ },
    ],
    ['may have been lost: first poll', { state: 'intent' }, { do: 'note silence' }],
    [
      'may have been lost: few polls',
      { state: 'unknown', readsWithoutTrace: 2, withoutTraceMs: 60_000 },
      { do: 'note silence' },
    ],
    [
      'may have been lost: too soon',
      { state: 'unknown', readsWithoutTrace: 9, withoutTraceMs: 4_999 },
      { do: 'note silence' },
    ],
    ['was lost', { state: 'unknown', readsWithoutTrace: 3, withoutTraceMs: 5_000 }, { do: 'call' }],
    [
      'that Nova accepted is never requested again',
      { state: 'sent', readsWithoutTrace: 9, withoutTraceMs: 9e9 },
      { do: 'wait' },
    ],
    [
      'was lost, and may be repeated',
      { state: 'unknown', readsWithoutTrace: 3, withoutTraceMs: 5_000, calls: 2 },
      { do: 'call' },
    ],
    [
      'was lost as often as it may be',
      { state: 'unknown', readsWithoutTrace: 3, withoutTraceMs: 5_000, calls: 3, lastError: 'Nova responded 500' },
      { state: 'failed', reason: /^Nova responded 500 \(requested 3 times\)$/ },
    ],
    [
      'whose last engine died in the last call that is allowed',
      { state: 'intent', readsWithoutTrace: 3, withoutTraceMs: 5_000, calls: 3, lastError: null },
      { state: 'failed', reason: /^Nova shows nothing of it/ },
    ],
    [
      'times out on an instance that others migrate, and names the record',
      { instance: busy('migrating'), elapsedMs: 10_001, migration: MIGRATION },
      { state: 'failed', reason: /task migrating\): its migration m-1 from c1 to c2 is running$/ },
    ],
    [
      'is not requested of an instance that others moved meanwhile',
      { firstHost: 'c0' },
      { state: 'skipped', reason: /another user moved it to c1 meanwhile/ },
    ],
    ['is requested of an instance that stayed where it was', { firstHost: 'c1' }, { do: 'call' }],
    ['that was requested is followed to where others moved it', { state: 'sent', firstHost: 'c0' }, { do: 'wait' }],
    ['that Nova accepted and forgot', { state: 'sent', elapsedMs: 10_001 }, { state: 'unknown' }],
  ])('%s', (_, facts, decision) => {
    const { reason, ...rest } = decision as { reason?: RegExp };
    expect(decide(facts)).toMatchObject({ ...rest, ...(reason ? { reason: expect.stringMatching(reason) } : {}) });
  });
});
