import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Outcome } from './exchange.ts';
import { effectOf, mayRepeat, waitBeforeNext } from './retry.ts';
import { retryAfter } from './retry-after.ts';

const answer = (status: number, headers = {}, body = ''): Outcome => ({ kind: 'answer', status, headers, body });
const later = { 'retry-after': '1' };
const own = { 'x-openstack-request-id': 'req-1' };

describe('a request with an effect', () => {
  test.each<[string, Outcome, boolean]>([
    ['never left', { kind: 'not_sent', why: 'x' }, true],
    ['was held back', { kind: 'stale' }, true],
    ['got a 429', answer(429), true],
    ['got a 413 with Retry-After', answer(413, later), true],
    ['got a 413 without', answer(413), false],
    ['got a 503 with Retry-After and a request id', answer(503, { ...later, ...own }), true],
    ['got a 503 with Retry-After and a fault', answer(503, later, '{"serviceUnavailable":{"message":"x"}}'), true],
    ['got a 503 with Retry-After of a proxy', answer(503, later), false],
    ['got a 503 with Retry-After and other JSON', answer(503, later, '{"error":{"message":"x"}}'), false],
    ['got a 503 with a page', answer(503, { ...later, ...own, 'content-type': 'text/html' }, '<html>'), false],
    ['got a 502 with Retry-After', answer(502, { ...later, ...own }), false],
    ['got a 504 with Retry-After', answer(504, { ...later, ...own }), false],
    ['got a 503 without', answer(503), false],
    ['got a 503 with an unreadable one', answer(503, { 'retry-after': 'soon' }), false],
    ['got a 500', answer(500, { 'retry-after': '1' }), false],
    ['got a 409', answer(409), false],
    ['lost its answer', { kind: 'lost', why: 'x' }, false],
    ['got too much', { kind: 'oversized', status: 200, bytes: 1 }, false],
  ])('that %s: may it be repeated?', (_, outcome, may) => {
    expect(mayRepeat(effectOf(outcome, 'Nova'), 'unless_done')).toBe(may);
  });
});

describe('Retry-After', () => {
  const date = 'Sat, 03 Jan 2026 10:00:00 GMT';
  test.each([
    [{}, undefined],
    [{ 'retry-after': '12' }, 12],
    [{ 'retry-after': 'Sat, 03 Jan 2026 10:01:00 GMT', date }, 60],
    [{ 'retry-after': 'Sat, 03 Jan 2026 09:00:00 GMT', date }, 0],
    [{ 'retry-after': 'Sat, 03 Jan 2026 09:00:00 GMT' }, 0],
    [{ 'retry-after': '-3 or so' }, undefined],
  ])('of %o is %s s', (headers, seconds) => {
    expect(retryAfter(headers)).toBe(seconds);
  });
});

test('the wait is never longer than the rest of the time, the request of the cloud, and the limit', () => {
  const pace = { tries: 4, backoffMs: 500, backoffMaxMs: 8_000, retryAfterMaxMs: 30_000 };
  const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
  const seconds = fc.option(fc.nat(100), { nil: undefined });
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 6 }),
      seconds,
      fc.integer({ min: -10, max: 60_000 }),
      random,
      (tried, requested, left, r) => {
        const waitMs = waitBeforeNext(tried, requested, left, r, pace);
        if (waitMs === undefined) return;
        expect(tried).toBeLessThan(4);
        expect(waitMs).toBeLessThan(left);
        expect(waitMs).toBeGreaterThanOrEqual((requested ?? 0) * 1000);
        expect(waitMs).toBeLessThanOrEqual((requested ?? 0) * 1000 + Math.min(8_000, 500 * 2 ** (tried - 1)));
        expect(requested ?? 0).toBeLessThanOrEqual(30);
      },
    ),
  );
  expect(waitBeforeNext(1, 31, 60_000, 0, pace)).toBeUndefined();
  expect(waitBeforeNext(1, 30, 60_000, 0, pace)).toBe(30_000);
  expect(waitBeforeNext(3, undefined, 60_000, 0.5, pace)).toBe(1_000);
});
