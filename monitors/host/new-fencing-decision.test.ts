import { describe, expect, test } from 'vitest';
import { knownAfter, SAME_FENCING_MS, unknownFencings } from './known-fencings.ts';

const [A, B, C] = [100_000, 200_000, 300_000];

describe('of the fencings in the history', () => {
  test('those that are not known are news, in whatever order and between whichever others', () => {
    expect(unknownFencings([C, A, B], [A, C])).toEqual([B]);
    expect(unknownFencings([A, C], [A, C])).toEqual([]);
  });

  test('one whose time differs by the clocks of nodes is no news, and does not move the known one', () => {
    expect(unknownFencings([A + SAME_FENCING_MS], [A])).toEqual([]);
    expect(unknownFencings([A + SAME_FENCING_MS + 1], [A])).toEqual([A + SAME_FENCING_MS + 1]);
    expect(knownAfter([A], [A + SAME_FENCING_MS])).toEqual([A]);
  });

  test('those that the history has lost and shows again are no news', () => {
    expect(unknownFencings([A], knownAfter(knownAfter([], [A]), [B]))).toEqual([]);
  });

  test('as many are kept as Pacemaker keeps, and what is older than all of them is no news', () => {
    const many = Array.from({ length: 600 }, (_, index) => (index + 1) * 60_000);
    const known = knownAfter([], many);
    expect([known.length, known[0], known.at(-1)]).toEqual([500, 101 * 60_000, 600 * 60_000]);
    expect(unknownFencings(many, known)).toEqual([]);
  });
});
