import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isOld, pruneDecision, type RetentionFacts } from './prune-decision.ts';

const DAY = 86_400_000;
const LIMITS = { retentionMs: 90 * DAY, maxClosed: 100_000 };
const NOW = 20_000 * DAY;
const FACTS: RetentionFacts = { now: NOW, heldAt: NOW - 10_000, heldForMs: 5_000, servedMs: 400 * DAY, closed: 10 };
const stamped = (servedDaysAgo: number, closed_at = NOW) => ({
  closed_at,
  closed_served_ms: FACTS.servedMs - servedDaysAgo * DAY,
});
const unstamped = (closed_at: number | null) => ({ closed_at, closed_served_ms: null });

describe('a closed recovery is old', () => {
  test('when engines have held the lease for the retention since it was closed', () => {
    const decision = pruneDecision(LIMITS, FACTS);
    expect(isOld(stamped(91), decision)).toBe(true);
    expect(isOld(stamped(90), decision)).toBe(true);
    expect(isOld(stamped(89), decision)).toBe(false);
    // The wall clock of its closing and that of now have no effect.
    expect(isOld(stamped(89, 0), decision)).toBe(false);
    expect(isOld(stamped(91, NOW + 5_000 * DAY), decision)).toBe(true);
  });

  test('without a stamp, by the wall clock', () => {
    const decision = pruneDecision(LIMITS, FACTS);
    expect(isOld(unstamped(NOW - 91 * DAY), decision)).toBe(true);
    expect(isOld(unstamped(NOW - 89 * DAY), decision)).toBe(false);
  });

  test.each([0, -5])('never with a retention of %i', (retentionMs) => {
    const decision = pruneDecision({ ...LIMITS, retentionMs }, FACTS);
    for (const one of [stamped(399), unstamped(0)]) expect(isOld(one, decision)).toBe(false);
  });

  test('never while it is open', () => {
    expect(isOld(unstamped(null), pruneDecision(LIMITS, FACTS))).toBe(false);
  });
});

describe('a jump of the wall clock', () => {
  test('ages nothing by more than a day beyond what the journal proves', () => {
    for (const jump of [DAY, 2 * DAY, 3_650 * DAY]) {
      const decision = pruneDecision(LIMITS, { ...FACTS, now: NOW + jump });
      expect(isOld(unstamped(NOW - 88 * DAY), decision)).toBe(false);
      expect(isOld(stamped(89), decision)).toBe(false);
    }
  });

  test('back ages nothing at all', () => {
    for (const jump of [DAY, 3_650 * DAY]) {
      const decision = pruneDecision(LIMITS, { ...FACTS, now: NOW - jump });
      expect(isOld(unstamped(NOW - 90 * DAY), decision)).toBe(false);
    }
  });

  test('moves the age of a stamped recovery by nothing, whichever way', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 400 }), fc.integer({ min: -8_000, max: 8_000 }), (days, jumpDays) => {
        const still = pruneDecision(LIMITS, FACTS);
        const jumped = pruneDecision(LIMITS, { ...FACTS, now: NOW + jumpDays * DAY, heldAt: NOW - jumpDays * DAY });
        expect(isOld(stamped(days), jumped)).toBe(isOld(stamped(days), still));
      }),
    );
  });
});

test('too many are those beyond the bound; 0 is no bound', () => {
  expect(pruneDecision(LIMITS, { ...FACTS, closed: 100_000 }).surplus).toBe(0);
  expect(pruneDecision(LIMITS, { ...FACTS, closed: 100_007 }).surplus).toBe(7);
  expect(pruneDecision({ ...LIMITS, maxClosed: 0 }, { ...FACTS, closed: 1e9 }).surplus).toBe(0);
});

test('a step of unknown outcome keeps its recovery for 30 days', () => {
  expect(pruneDecision(LIMITS, FACTS).unsettledSince).toBe(NOW - 30 * DAY);
});
