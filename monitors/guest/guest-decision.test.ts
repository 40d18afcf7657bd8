import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Answer, judgeGuest, type Life, type LivenessPolicy, reported } from './liveness.ts';

const MASAKARI: LivenessPolicy = { threshold: 3, disconnected: 'ignore' };
const LETTERS: Readonly<Record<string, Answer>> = {
  a: 'answered',
  s: 'silent',
  d: 'disconnected',
  h: 'held',
  u: 'unknown',
};

/** Plays answers, `|` being another start of the domain. Gives the phase at the end and after which answers it was reported. */
function play(told: string, policy = MASAKARI): { phase: string; reports: number[] } {
  let life: Life | undefined;
  let domainId = 1;
  const reports: number[] = [];
  for (const [index, letter] of Array.from(told.replaceAll(' ', '')).entries()) {
    const answer = LETTERS[letter];
    if (answer === undefined) {
      domainId += 1;
      continue;
    }
    const judgement = judgeGuest(life, domainId, answer, policy);
    life = judgement.isDue ? reported(judgement.life) : judgement.life;
    if (judgement.isDue) reports.push(index + 1);
  }
  return { phase: life?.phase.name ?? 'none', reports };
}

describe('a guest', () => {
  test.each<[string, string, string, number[]]>([
    ['answers', 'aaa', 'healthy', []],
    ['never answered since its start: it is not reported', 'ssssssss', 'discovery', []],
    ['failed as often as the threshold', 'a sss', 'error', []],
    ['failed once more', 'a ssss', 'reported', [5]],
    ['goes on failing: one report', 'a ssssssss', 'reported', [5]],
    ['answered in between: the count begins anew', 'a sss a sss', 'error', []],
    ['could not be asked in between: the count goes on', 'a sss u s', 'reported', [6]],
    ['was paused or moved in between: the count begins anew', 'a sss h sss', 'error', []],
    ['is paused: no failure', 'a hhhhhhhh', 'healthy', []],
    ['boots again: it is waited for', 'a sss d ssss', 'discovery', []],
    ['has its agent stopped: no failure', 'a dddddddd', 'discovery', []],
    ['was started anew: the count begins anew', 'a sss | s', 'discovery', []],
    ['was recovered, and fails again', 'a ssss | s d a ssss', 'reported', [5, 13]],
    ['came back by itself, and fails again', 'a ssss a ssss', 'reported', [5, 10]],
  ])('%s', (_, told, phase, reports) => {
    expect(play(told)).toEqual({ phase, reports });
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
    const due = Array.from('assssss', (letter) => {
      const judgement = judgeGuest(life, 1, LETTERS[letter] ?? 'unknown', MASAKARI);
      life = judgement.life;
      return judgement.isDue;
    });
    expect(due).toEqual([false, false, false, false, true, true, true]);
  });
});

const stories = fc.string({ unit: fc.constantFrom('a', 's', 'd', 'h', 'u', '|'), maxLength: 60 });

test('whatever happens, a report needs an answer since the start, then four failures and nothing that speaks against them', () => {
  fc.assert(
    fc.property(stories, (story) => {
      for (const end of play(story).reports) {
        expect(story.slice(0, end)).toMatch(/a[u]*[hu]*(?:su*){3}s$/);
      }
    }),
  );
});

test('whatever happens, between two reports the guest answered', () => {
  fc.assert(
    fc.property(stories, (story) => {
      const { reports } = play(story);
      for (const [index, end] of reports.slice(1).entries()) {
        expect(story.slice(reports[index], end)).toContain('a');
      }
    }),
  );
});
