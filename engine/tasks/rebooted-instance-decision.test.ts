import { describe, expect, it } from 'vitest';
import type { InstanceAction } from '../cloud/cloud.ts';
import { decideRebooted } from './rebooted-instance-decision.ts';

const FAILED_AT = Date.UTC(2026, 10, 28, 3);
const STOPPED = { vmState: 'stopped', taskState: null };

function action(change: Partial<InstanceAction> = {}): InstanceAction {
  const startedAt = new Date(FAILED_AT + 90_000);
  return { action: 'stop', requestId: 'req-1', isFailed: false, startedAt, userId: null, ...change };
}

describe('an instance of a host that was rebooted', () => {
  it('is started when Nova itself stopped it after the failure', () => {
    expect(decideRebooted(STOPPED, [action()], FAILED_AT)).toEqual({ do: 'start' });
    expect(decideRebooted(STOPPED, [action({ startedAt: null })], FAILED_AT)).toEqual({ do: 'start' });
  });

  it('stays off when a user stopped it, or did something after Nova had', () => {
    expect(decideRebooted(STOPPED, [action({ userId: 'alice' })], FAILED_AT)).toEqual({ do: 'leave' });
    const resized = action({ action: 'resize', userId: 'alice' });
    expect(decideRebooted(STOPPED, [resized, action()], FAILED_AT)).toEqual({ do: 'leave' });
    expect(decideRebooted(STOPPED, [], FAILED_AT)).toEqual({ do: 'leave' });
  });

  it('stays off when it was off long before the failure', () => {
    const before = action({ startedAt: new Date(FAILED_AT - 3_600_000) });
    expect(decideRebooted(STOPPED, [before], FAILED_AT)).toEqual({ do: 'leave' });
  });

  it('is not changed while it runs, and waited for while Nova is busy with it', () => {
    expect(decideRebooted({ vmState: 'active', taskState: null }, null, FAILED_AT)).toEqual({ do: 'leave' });
    expect(decideRebooted({ vmState: 'error', taskState: null }, null, FAILED_AT)).toEqual({ do: 'leave' });
    expect(decideRebooted({ vmState: 'active', taskState: 'powering-off' }, null, FAILED_AT)).toEqual({ do: 'wait' });
  });
});
