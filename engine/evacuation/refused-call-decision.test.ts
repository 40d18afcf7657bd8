import { describe, expect, it } from 'vitest';
import { CloudError, type CloudErrorKind } from '#openstack/cloud-error.ts';
import { decideCall } from './refused-call-decision.ts';

const error = (kind: CloudErrorKind, status?: number, message = 'Nova refused it'): CloudError =>
  new CloudError(kind, message, status === undefined ? {} : { status });

describe('a call about one instance', () => {
  it.each(['unreachable', 'busy', 'no_answer'] as const)('that was not made is made later: %s', (kind) => {
    expect(decideCall(error(kind), 'evacuate', null)).toEqual({ is: 'not now' });
  });

  it('of which the outcome is unknown may have been carried out', () => {
    expect(decideCall(error('unknown', 500), 'evacuate', null)).toEqual({ is: 'in doubt' });
  });

  it.each([
    ['unauthorized', 403, true],
    ['refused', 400, false],
    ['refused', 413, false],
    ['conflict', 409, false],
  ] as const)('that is %s (%i) fails that instance only', (kind, status, isFinal) => {
    const decision = decideCall(error(kind, status), 'evacuate', null);
    expect(decision).toEqual({ is: 'refused', reason: 'Nova refused it', isFinal, readAgain: false });
  });

  it('with a 404 in response leaves it to a read whether the instance is gone', () => {
    expect(decideCall(error('not_found', 404), 'stop', null)).toMatchObject({ is: 'refused', readAgain: true });
  });

  it.each([
    ['not_found', 404],
    ['refused', 400],
  ] as const)('that fails for its target (%s) is not repeated in this flow', (kind, status) => {
    const decision = decideCall(error(kind, status, 'Compute host c9 not found.'), 'evacuate', 'c9');
    expect(decision).toMatchObject({ is: 'refused', isFinal: true });
    expect(decision).toMatchObject({ reason: expect.stringContaining('Compute host c9 not found.') });
  });

  it('to stop or start an instance that is busy is made later', () => {
    expect(decideCall(error('conflict', 409), 'stop', null)).toEqual({ is: 'not now' });
  });
});
