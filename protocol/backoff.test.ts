import { expect, it } from 'vitest';
import { backoff } from './backoff.ts';

it('doubles with each wait up to the longest', () => {
  const waits = [0, 1, 2, 3, 4, 5_000].map((before) => backoff(before, { firstMs: 500, maxMs: 5_000 }));
  expect(waits).toEqual([500, 1_000, 2_000, 4_000, 5_000, 5_000]);
});

it('grows by another factor if there is one', () => {
  expect([0, 1, 2].map((before) => backoff(before, { firstMs: 10, maxMs: 1_000, factor: 3 }))).toEqual([10, 30, 90]);
  expect(backoff(5_000, { firstMs: 0, maxMs: 1_000 })).toBe(0);
  expect(backoff(9, { firstMs: 10, maxMs: 1_000, factor: 1 })).toBe(10);
});
