import { describe, expect, test } from 'vitest';
import { isSameCrash } from './same-crash-decision.ts';

const SECOND = 1_000;
const DAY = 86_400 * SECOND;

/** The first crash: accepted in second 100, restarted in second 103. */
const RESTART = { at: 103 * SECOND };
const first = (stamp = 100) => ({ accepted_at: 100 * SECOND, generated_at: stamp * SECOND });
/** The second report: accepted in second `at`, and its stamp. */
const second = (at: number, stamp: number) => ({ at: at * SECOND, generatedAt: stamp * SECOND });

describe('a report accepted after the restart, without a measured age', () => {
  test.each([
    // The sentence, the stamp of the first, acceptance and stamp of the second, whether it is the same crash.
    ['delivered late', 100, 130, 100.2, true],
    ['delivered late, by a clock that is 90 s behind', 10, 130, 10.2, true],
    ['the same event by another monitor of the host', 100, 130, 99.8, true],
    ['a crash after the restart', 100, 125, 125, false],
    ['a crash soon after the restart', 100, 105, 105, false],
    ['a crash after the restart, by a clock that was set back by an hour', 100, 125, -3475, false],
    ['a crash after the restart, by a clock that is 90 s behind', 100, 125, 35, false],
    ['a crash after the restart, by a clock that is 90 s ahead', 100, 125, 215, false],
  ])('%s', (_, stamp, at, stampOfSecond, expected) => {
    expect(isSameCrash(second(at, stampOfSecond), first(stamp), RESTART)).toBe(expected);
  });
});

describe('a report with the age that its sender measured', () => {
  test.each([
    ['on its way since before the restart', 130, 29, 100, true],
    ['on its way since after the restart', 130, 26, 100, false],
    ['fresh, although its stamp is 90 s behind', 190, 0, 100, false],
    ['on its way since the restart, to the second, and the stamp is before it', 130, 27, 100, true],
    ['on its way since the restart, to the second, and the stamp is after it', 130, 27, 104, false],
  ])('%s', (_, at, age, stamp, expected) => {
    expect(isSameCrash({ ...second(at, stamp), ageMs: age * SECOND }, first(), RESTART)).toBe(expected);
  });
});

describe("the engine's clock was set by a day", () => {
  test.each([undefined, 0])('back, after the restart: the crash is another one (age %s)', (age) => {
    const report = { ...second(125, 125), ...(age === undefined ? {} : { ageMs: age }) };
    expect(isSameCrash({ ...report, at: report.at - DAY }, first(), RESTART)).toBe(false);
  });

  test('back or ahead, before the restart: the crash is another one', () => {
    for (const shift of [-DAY, DAY]) {
      const restart = { at: RESTART.at + shift };
      expect(isSameCrash({ ...second(125, 125), at: 125 * SECOND + shift }, first(), restart)).toBe(false);
    }
  });
});
