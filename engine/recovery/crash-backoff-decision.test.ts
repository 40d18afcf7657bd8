import { describe, expect, test } from 'vitest';
import type { CrashRow } from '../journal/queries.ts';
import { type CrashDecision, crashBackoff } from './crash-backoff-decision.ts';

const MINUTE = 60_000;
const INSTANCE = '7d5bd4ee-9c4b-4d7e-a5a8-1f1f0f6a3b11';

/** Crashes accepted in these minutes, the oldest first; the last one is about to start. */
function crashes(minutes: readonly number[], retried: readonly number[] = []): readonly CrashRow[] {
  return minutes
    .map((minute, index): CrashRow => {
      const accepted_at = minute * MINUTE;
      const isLast = index === minutes.length - 1;
      return {
        id: index + 1,
        uuid: `crash-${index + 1}`,
        accepted_at,
        closed_at: isLast ? null : accepted_at + 1_000,
        status: isLast ? 'new' : 'finished',
        retried: retried.includes(index) ? 1 : 0,
      };
    })
    .reverse();
}

function decide(rows: readonly CrashRow[], waitedMs = 0): CrashDecision {
  return crashBackoff({ instance: INSTANCE, recovery: rows[0]?.uuid ?? '', crashes: rows, waitedMs });
}

const every = (minutes: number, times: number) => Array.from({ length: times }, (_, n) => n * minutes);

describe('crashBackoff', () => {
  test('starts the first recovery at once', () => {
    expect(decide(crashes([0]))).toEqual({ do: 'start' });
  });

  test('doubles the delay with each further crash, up to a bound', () => {
    const delays = Array.from({ length: 8 }, (_, n) => decide(crashes(every(1, n + 2))));
    expect(delays.map((one) => (one.do === 'wait' ? one.ms / 1_000 : one.do))).toEqual([
      5, 10, 20, 40, 80, 160, 320, 320,
    ]);
    expect(delays[1]).toMatchObject({
      reason: `Instance '${INSTANCE}' crashed 3 times within 120 s: restart delayed by 10 s`,
    });
  });

  test('counts the time that it was open, and starts when the delay is over', () => {
    expect(decide(crashes([0, 1, 2]), 4_000)).toMatchObject({ do: 'wait', ms: 6_000 });
    expect(decide(crashes([0, 1, 2]), 10_000)).toEqual({ do: 'start' });
  });

  test('makes the tenth crash a dead letter that explains itself, however long it waited', () => {
    expect(decide(crashes([...every(5, 9), 55]), MINUTE * MINUTE)).toEqual({
      do: 'dead letter',
      message: `Instance '${INSTANCE}' crashed 10 times within 55 min: it is not restarted any more; find out why, e.g. from its console log, then run "recovery-agent retry crash-10".`,
    });
  });

  test('forgets crashes that are older than the window', () => {
    expect(decide(crashes([0, 61]))).toEqual({ do: 'start' });
    expect(decide(crashes(every(20, 40)))).toMatchObject({ do: 'wait', ms: 20_000 });
  });

  test('starts what an operator retries at once, and counts from there', () => {
    expect(decide(crashes(every(1, 12), [11]))).toEqual({ do: 'start' });
    expect(decide(crashes(every(1, 12), [9]))).toMatchObject({ do: 'wait', ms: 5_000 });
  });

  test('counts no crash that was accepted after it', () => {
    const rows = crashes(every(1, 3));
    expect(crashBackoff({ instance: INSTANCE, recovery: 'crash-1', crashes: rows, waitedMs: 0 })).toEqual({
      do: 'start',
    });
  });

  test('survives a clock that was set by a day, and keeps counting on an engine whose clock is 90 s behind', () => {
    expect(decide(crashes([1440, 1441, 2]))).toEqual({ do: 'start' });
    expect(decide(crashes([0, 1, 1441]))).toEqual({ do: 'start' });
    expect(decide(crashes([0, 1, -0.5]))).toMatchObject({ do: 'wait', ms: 10_000 });
  });
});
