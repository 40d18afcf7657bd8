import { describe, expect, test } from 'vitest';
import { knownAfter, SAME_FENCING_MS, unknownFencings } from './new-fencing-decision.ts';

const [A, B, C] = [100_000, 200_000, 300_000];

describe('of the fencings in the history', () => {
  test('those that are not known are new, in any order and between any others', () => {
    expect(unknownFencings([C, A, B], [A, C])).toEqual([B]);
    expect(unknownFencings([A, C], [A, C])).toEqual([]);
  });

  test('one whose time differs by the clocks of nodes is not new, and does not change the known one', () => {
    expect(unknownFencings([A + SAME_FENCING_MS], [A])).toEqual([]);
    expect(unknownFencings([A + SAME_FENCING_MS + 1], [A])).toEqual([A + SAME_FENCING_MS + 1]);
    expect(knownAfter([A], [A + SAME_FENCING_MS])).toEqual([A]);
  });

  test('those that the history has lost and shows again are not new', () => {
    expect(unknownFencings([A], knownAfter(knownAfter([], [A]), [B]))).toEqual([]);
  });

  test('as many are kept as Pacemaker keeps, and an older one is not new', () => {
    const many = Array.from({ length: 600 }, (_, index) => (index + 1) * 60_000);
    const known = knownAfter([], many);
    expect([known.length, known[0], known.at(-1)]).toEqual([500, 101 * 60_000, 600 * 60_000]);
    expect(unknownFencings(many, known)).toEqual([]);
  });
});
