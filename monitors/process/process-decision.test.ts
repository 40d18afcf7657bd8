import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  decide,
  type Limits,
  type PollState,
  type Standing,
  UNKNOWN_STANDING,
  whenRestarting,
} from './process-decision.ts';

const SECOND = 1000;
const NOW = 1_800_000_000_000;
const LIMITS: Limits = {
  retries: 3,
  intervalMs: 5 * SECOND,
  backoff: 2,
  maxIntervalMs: 60 * SECOND,
  delayMs: SECOND,
  limit: 10,
  windowMs: 600 * SECOND,
  activationMs: 120 * SECOND,
};
const ago = (seconds: number) => NOW - seconds * SECOND;
const standing = (known: Partial<Standing>): Standing => ({ ...UNKNOWN_STANDING, ...known });

describe('decide', () => {
  test.each<[string, Partial<Standing>, PollState, string]>([
    // The case, the stored state, the poll's result, the decision: the step and, for a wait, until when in seconds.
    ['a process that is up', {}, 'up', 'wait'],
    ['gone just now', {}, 'down', 'wait 1'],
    ['gone for less than the delay', { downSince: ago(0.5) }, 'down', 'wait 0.5'],
    ['gone for the delay', { downSince: ago(1) }, 'down', 'restart'],
    ['was up for long and is gone now', { tries: 2, upSince: ago(9), lastTryAt: ago(9) }, 'down', 'wait 1'],
    ['started once a second ago', { lastTryAt: ago(1), downSince: ago(2) }, 'down', 'wait 4'],
    ['started once, and did not come up', { lastTryAt: ago(5), downSince: ago(6) }, 'down', 'restart'],
    ['after the first restart', { tries: 1, lastTryAt: ago(2) }, 'down', 'wait 3'],
    ['after the wait of the first restart', { tries: 1, lastTryAt: ago(5) }, 'down', 'restart'],
    ['after the second restart the wait is doubled', { tries: 2, lastTryAt: ago(5) }, 'down', 'wait 5'],
    ['after the third the wait is doubled again', { tries: 3, lastTryAt: ago(5) }, 'down', 'wait 15'],
    ['after the last restart the monitor waits', { tries: 4, lastTryAt: ago(4) }, 'down', 'wait 1'],
    ['the last restart did not help', { tries: 4, lastTryAt: ago(5) }, 'down', 'report'],
    ['came up after a restart', { tries: 2, lastTryAt: ago(1) }, 'up', 'wait 5'],
    ['came up, and has not stayed', { tries: 4, lastTryAt: ago(6), upSince: ago(4) }, 'down', 'report'],
    ['reported', { tries: 4, lastTryAt: ago(60), failure: { at: ago(50), report: 'made' } }, 'down', 'wait'],
    ['due to be reported when the monitor ended', { failure: { at: ago(50), report: 'due' } }, 'down', 'report'],
    [
      'restarted too often',
      { restarts: Array(10).fill(ago(300)), lastTryAt: ago(9), downSince: ago(3) },
      'down',
      'report',
    ],
    ['restarted often, but long ago', { restarts: Array(10).fill(ago(700)), downSince: ago(3) }, 'down', 'restart'],
    ['systemd is starting it', { downSince: ago(9) }, 'starting', 'wait 120'],
    ['systemd has been starting it for too long', { startingSince: ago(120) }, 'starting', 'restart'],
    ['an operator has stopped it', { tries: 1, downSince: ago(9), lastTryAt: ago(9) }, 'stopped', 'wait'],
    ['its state is unknown', { tries: 4, downSince: ago(99), lastTryAt: ago(99) }, 'unknown', 'wait'],
    ['the clock was set back', { downSince: NOW + 9_000_000 }, 'down', 'wait 1'],
  ])('%s', (_, known, poll, expected) => {
    const { step } = decide(standing(known), poll, NOW, LIMITS);
    const until = step.do === 'wait' && step.pollAt !== undefined ? ` ${(step.pollAt - NOW) / SECOND}` : '';
    expect(`${step.do}${until}`).toBe(expected);
  });

  test('a failure has ended when the process has stayed up', () => {
    const failed = standing({ tries: 4, failure: { at: ago(60), report: 'made' }, upSince: ago(4) });
    expect(decide(failed, 'up', NOW, LIMITS).standing.failure).toBeDefined();
    const over = decide(failed, 'up', NOW + SECOND, LIMITS).standing;
    expect([over.failure, over.tries]).toEqual([undefined, 0]);
  });

  test('with a backoff of 1 and no delay the waits are those of masakari-monitors', () => {
    const masakari = { ...LIMITS, backoff: 1, delayMs: 0 };
    let { known, now } = { known: UNKNOWN_STANDING, now: NOW };
    const received: string[] = [];
    for (let poll = 0; poll < 20; poll += 1) {
      const { standing: next, step } = decide(known, 'down', now, masakari);
      known = next;
      received.push(`${step.do} ${(now - NOW) / SECOND}`);
      if (step.do === 'report') break;
      if (step.do === 'restart') known = whenRestarting(known, now);
      else now = step.pollAt ?? now;
    }
    const restarts = received.filter((line) => !line.startsWith('wait'));
    expect(restarts).toEqual(['restart 0', 'restart 5', 'restart 10', 'restart 15', 'report 20']);
  });

  test('in every sequence a process is restarted at most as often as the limit allows, and each failure is reported once', () => {
    const polls = fc.array(
      fc.record({
        poll: fc.constantFrom<PollState>('up', 'down', 'down', 'starting', 'stopped', 'unknown'),
        passedMs: fc.integer({ min: 1, max: 20_000 }),
      }),
      { maxLength: 400 },
    );
    fc.assert(
      fc.property(polls, (seen) => {
        let known = UNKNOWN_STANDING;
        let now = NOW;
        let upFor = 0;
        const restarts: number[] = [];
        let reported = 0;
        for (const { poll, passedMs } of seen) {
          const { standing: next, step } = decide(known, poll, now, LIMITS);
          upFor = poll === 'up' ? upFor + passedMs : poll === 'unknown' ? upFor : 0;
          known = next;
          if (step.do !== 'wait') expect(['down', 'starting']).toContain(poll);
          if (step.do === 'restart') {
            restarts.push(now);
            known = whenRestarting(known, now);
          }
          if (step.do === 'report') {
            reported += 1;
            known = { ...known, failure: { ...step.failure, report: 'made' } };
            expect(reported, 'reports without it having been up since').toBe(1);
          }
          if (known.failure === undefined) reported = 0;
          const recent = restarts.filter((at) => now - at < LIMITS.windowMs);
          expect(recent.length).toBeLessThanOrEqual(LIMITS.limit);
          now += passedMs;
        }
        for (const [index, at] of restarts.entries()) {
          const earlier = restarts[index - 1];
          if (earlier !== undefined) expect(at - earlier).toBeGreaterThanOrEqual(LIMITS.delayMs);
        }
      }),
      { numRuns: 300 },
    );
  });
});
