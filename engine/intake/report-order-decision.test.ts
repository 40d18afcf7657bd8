import { describe, expect, test } from 'vitest';
import { clampedStamp, orderOfReports, type ReportOrder, type Stamped, skewOf } from './report-order-decision.ts';

const SECOND = 1_000;
const DAY = 86_400 * SECOND;

/** Accepted as the `id`-th report, in second `at` of the engine's clock, stamped with second `stamp` of the sender's. */
function report(id: number, at: number, stamp: number): Stamped {
  return { id, accepted_at: at * SECOND, generated_at: stamp * SECOND };
}

describe('orderOfReports', () => {
  test.each<[string, Stamped, Stamped, ReportOrder]>([
    // The sentence, the death, the return.
    ['a death after a return', report(2, 60, 60), report(1, 0, 0), 'death newer'],
    ['a return after a death', report(1, 0, 0), report(2, 60, 60), 'return newer'],
    ['a return whose stamp is 90 s ahead, then a death', report(2, 60, 60), report(1, 0, 90), 'death newer'],
    ['a return stamped in 2038, then a death', report(2, 60, 60), report(1, 0, 2e9), 'death newer'],
    ['a death whose stamp is 90 s ahead, then a return', report(1, 0, 90), report(2, 60, 60), 'return newer'],
    ['both stamps ahead', report(2, 60, 150), report(1, 0, 90), 'death newer'],
    ['equal stamps', report(2, 1, 1), report(1, 1, 1), 'death newer'],
    ['a death that was delivered after the return', report(2, 61, 10), report(1, 60, 60), 'in doubt'],
    ['a return that was delivered after the death', report(1, 60, 60), report(2, 61, 10), 'in doubt'],
    ['a death by a clock that is 90 s behind', report(2, 60, -30), report(1, 0, 0), 'in doubt'],
    ['a return by a clock that is 90 s behind', report(1, 0, 0), report(2, 60, -30), 'in doubt'],
    [
      'the engine set back by a day before the return',
      report(1, DAY / SECOND, DAY / SECOND),
      report(2, 60, DAY / SECOND + 60),
      'in doubt',
    ],
    [
      'the engine set ahead by a day before the death',
      report(2, DAY / SECOND + 60, 60),
      report(1, 0, 0),
      'death newer',
    ],
  ])('%s', (_, death, back, expected) => {
    expect(orderOfReports(death, back)).toBe(expected);
  });
});

test('a stamp is clamped to the acceptance, and a late delivery keeps its own', () => {
  expect(clampedStamp({ generated_at: 90, accepted_at: 10 })).toBe(10);
  expect(clampedStamp({ generated_at: 5, accepted_at: 10 })).toBe(5);
});

test('a clock ahead of the engine has a skew, an old stamp has none', () => {
  expect(skewOf(100, 10)).toBe(90);
  expect(skewOf(10, 100)).toBe(0);
});
