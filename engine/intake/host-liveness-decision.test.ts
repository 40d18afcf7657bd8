import { describe, expect, it } from 'vitest';
import type { ComputeService } from '../cloud/cloud.ts';
import { decideLife } from './host-liveness-decision.ts';

const NOTHING = { isRequested: false, isProven: false };

/** A service whose last heartbeat Nova recorded at this second. */
function read(second: number | null, change: Partial<ComputeService> = {}): ComputeService {
  const updatedAt = second === null ? null : new Date(second * 1000);
  const enabled = { status: 'enabled', state: 'up', forcedDown: false, disabledReason: null } as const;
  return { id: 's', host: 'c1', ...enabled, updatedAt, ...change };
}

describe('a host that was reported dead', () => {
  it('is dead at once when Nova shows it down, or when an operator forced it down', () => {
    expect(decideLife([read(0, { state: 'down' })], NOTHING)).toBe('dead');
    expect(decideLife([read(0, { forcedDown: true })], NOTHING)).toBe('dead');
  });

  it('is read again when Nova shows it up, unless it is proven dead or the request is under way', () => {
    expect(decideLife([read(0)], NOTHING)).toBe('read again');
    expect(decideLife([read(0)], { isRequested: false, isProven: true })).toBe('dead');
    expect(decideLife([read(0)], { isRequested: true, isProven: false })).toBe('dead');
  });

  it('is dead when its heartbeat does not change, or when Nova has no time of it', () => {
    expect(decideLife([read(0), read(0)], NOTHING)).toBe('dead');
    expect(decideLife([read(null), read(null)], NOTHING)).toBe('dead');
  });

  it('lives when its heartbeat keeps changing, with any clocks', () => {
    expect(decideLife([read(0), read(20)], NOTHING)).toBe('read again');
    expect(decideLife([read(0), read(20), read(50)], NOTHING)).toBe('alive');
    expect(decideLife([read(100), read(80), read(60)], NOTHING)).toBe('alive');
    expect(decideLife([read(0), read(60), read(60), read(120)], NOTHING)).toBe('alive');
  });

  it('is dead after one heartbeat that waited in a queue, as soon as Nova shows it down', () => {
    expect(decideLife([read(0), read(5), read(5)], NOTHING)).toBe('read again');
    expect(decideLife([read(0), read(5), read(5, { state: 'down' })], NOTHING)).toBe('dead');
    expect(decideLife([read(0), read(5), read(5), read(5), read(5), read(5)], NOTHING)).toBe('dead');
  });

  it('shows no life by what an operator changes of its service', () => {
    const disabled = { status: 'disabled', disabledReason: 'maintenance' } as const;
    expect(decideLife([read(0), read(7, disabled)], NOTHING)).toBe('read again');
    expect(decideLife([read(0), read(7, disabled), read(7, disabled)], NOTHING)).toBe('dead');
    expect(decideLife([read(0), read(7, { forcedDown: true, state: 'down' })], NOTHING)).toBe('dead');
    expect(decideLife([read(0), read(7, disabled), read(20, disabled), read(30, disabled)], NOTHING)).toBe('alive');
  });
});
