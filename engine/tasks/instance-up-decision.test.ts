import { describe, expect, it } from 'vitest';
import type { InstanceAction } from '../cloud/cloud.ts';
import type { StepState } from '../journal/rows.ts';
import { isUp, wasSeenDown, wasStartedSince } from './instance-up-decision.ts';

const UP = { vmState: 'active', taskState: null, powerState: 1 };
const instance = (change: Partial<typeof UP> | { taskState: string }) => ({
  uuid: 'i',
  name: 'web',
  host: 'c1',
  locked: false,
  metadata: {},
  projectId: 'p',
  userId: 'u',
  ...UP,
  ...change,
});

it.each([
  ['running', {}, true],
  ['of which Nova has no power state', { powerState: 0 }, true],
  ['that Nova calls active and found off', { powerState: 4 }, false],
  ['that Nova calls active and found crashed', { powerState: 6 }, false],
  ['that is busy', { taskState: 'powering-off' }, false],
  ['stopped', { vmState: 'stopped', powerState: 4 }, false],
])('an instance %s is up: %s', (_, change, up) => {
  expect(isUp(instance(change))).toBe(up);
});

describe('a flow saw an instance stopped', () => {
  const steps = (...states: StepState[]) => states.map((state) => ({ state }));
  it.each<[string, StepState[], StepState[], boolean]>([
    ['that stopped it', ['done'], [], true],
    ['that requested its start', [], ['sent'], true],
    ['whose start was refused', [], ['failed'], true],
    ['that found it running', [], ['skipped'], false],
    ['that did not come to stop it', ['planned'], ['planned'], false],
    ['whose stop did not show', ['failed', 'unknown'], [], false],
  ])('%s', (_, stops, starts, seen) => {
    expect(wasSeenDown({ stops: steps(...stops), starts: steps(...starts) })).toBe(seen);
  });
});

describe('an instance was started since', () => {
  const action = (name: string, requestId: string, isFailed = false): InstanceAction => ({
    action: name,
    requestId,
    isFailed,
    startedAt: null,
    userId: 'alice',
  });
  const STOP = action('stop', 'req-2');
  it.each<[string, InstanceAction[], boolean]>([
    ['by a start after the stop', [action('start', 'req-3'), STOP], true],
    ['by a reboot', [action('reboot', 'req-3')], true],
    ['not by a start before the stop', [STOP, action('start', 'req-3')], false],
    ['not by a start that failed', [action('start', 'req-3', true), STOP], false],
    ['not by what had been requested before the recovery', [action('start', 'req-1')], false],
    ['not by anything else', [action('createImage', 'req-3')], false],
  ])('%s', (_, actions, started) => {
    expect(wasStartedSince(actions, ['req-1'])).toBe(started);
  });
});
