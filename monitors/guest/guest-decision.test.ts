import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Answer, decideGuest, type Life, type LivenessPolicy, reported } from './guest-decision.ts';

const MASAKARI: LivenessPolicy = { threshold: 3, disconnected: 'ignore' };
const LETTERS: Readonly<Record<string, Answer>> = {
  a: 'answered',
  s: 'silent',
  d: 'disconnected',
  h: 'held',
  u: 'unknown',
};

/** Runs the results, `|` is another start of the domain. Returns the last phase and the numbers of the results that were reported. */
function play(received: string, policy = MASAKARI): { phase: string; reports: number[] } {
  let life: Life | undefined;
  let domainId = 1;
  const reports: number[] = [];
  for (const [index, mark] of Array.from(received.replaceAll(' ', '')).entries()) {
    const answer = LETTERS[mark];
    if (answer === undefined) {
      domainId += 1;
      continue;
    }
    const decision = decideGuest(life, domainId, answer, policy);
    life = decision.isDue ? reported(decision.life) : decision.life;
    if (decision.isDue) reports.push(index + 1);
  }
  return { phase: life?.phase.name ?? 'none', reports };
}

describe('a guest', () => {
  test.each<[string, string, string, number[]]>([
    ['answers', 'aaa', 'healthy', []],
    ['no response since its start: it is not reported', 'ssssssss', 'discovery', []],
    ['failed as often as the threshold', 'a sss', 'error', []],
    ['failed once more', 'a ssss', 'reported', [5]],
    ['continues to fail: one report', 'a ssssssss', 'reported', [5]],
    ['responded in between: the count restarts', 'a sss a sss', 'error', []],
    ['could not be queried in between: the count continues', 'a sss u s', 'reported', [6]],
    ['was paused or moved in between: the count restarts', 'a sss h sss', 'error', []],
    ['is paused: no failure', 'a hhhhhhhh', 'healthy', []],
    ['boots again: the monitor waits', 'a sss d ssss', 'discovery', []],
    ['has its agent stopped: no failure', 'a dddddddd', 'discovery', []],
    ['was started again: the count restarts', 'a sss | s', 'discovery', []],
    ['was recovered, and fails again', 'a ssss | s d a ssss', 'reported', [5, 13]],
    ['came back by itself, and fails again', 'a ssss a ssss', 'reported', [5, 10]],
  ])('%s', (_, received, phase, reports) => {
    expect(play(received)).toEqual({ phase, reports });
  });

  test('with Masakari’s view of closed channels, a stopped agent is a failure', () => {
    expect(play('a dddd', { threshold: 3, disconnected: 'failure' })).toEqual({ phase: 'reported', reports: [5] });
    expect(play('dddddd', { threshold: 3, disconnected: 'failure' })).toEqual({ phase: 'discovery', reports: [] });
  });

  test('with a threshold of none, the first failure is reported', () => {
    expect(play('a s', { threshold: 0, disconnected: 'ignore' }).reports).toEqual([2]);
  });

  test('stays due until its report is kept', () => {
    let life: Life | undefined;
    const due = Array.from('assssss', (mark) => {
      const decision = decideGuest(life, 1, LETTERS[mark] ?? 'unknown', MASAKARI);
      life = decision.life;
      return decision.isDue;
    });
    expect(due).toEqual([false, false, false, false, true, true, true]);
  });
});

const stories = fc.string({ unit: fc.constantFrom('a', 's', 'd', 'h', 'u', '|'), maxLength: 60 });

test('in every sequence, a report requires a response since the start, then four failures and no contrary fact', () => {
  fc.assert(
    fc.property(stories, (story) => {
      for (const end of play(story).reports) {
        expect(story.slice(0, end)).toMatch(/a[u]*[hu]*(?:su*){3}s$/);
      }
    }),
  );
});

test('in every sequence, the guest responds between two reports', () => {
  fc.assert(
    fc.property(stories, (story) => {
      const { reports } = play(story);
      for (const [index, end] of reports.slice(1).entries()) {
        expect(story.slice(reports[index], end)).toContain('a');
      }
    }),
  );
});
