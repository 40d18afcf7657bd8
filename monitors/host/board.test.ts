import { expect, test } from 'vitest';
import { Board } from './board.ts';
import type { Fact } from './fact.ts';

const fact = (source: Fact['source'], host: string, says: Fact['says'], network?: 'storage'): Fact => ({
  source,
  host,
  says,
  at: 1,
  detail: `${source} ${says}`,
  ...(network === undefined ? {} : { network }),
});
const words = (board: Board) => board.facts().map(({ source, host, says }) => `${source} ${host} ${says}`);

test('what a source learns of a host replaces what it said of it there, and nothing else', () => {
  const board = new Board(['ping', 'consul']);
  board.put('ping', [fact('ping', 'a', 'up'), fact('ping', 'a', 'up', 'storage'), fact('ping', 'b', 'up')]);
  board.put('consul', [fact('consul', 'a', 'up')]);
  board.add('ping', [fact('ping', 'a', 'down', 'storage')]);
  expect(words(board).sort()).toEqual(['consul a up', 'ping a down', 'ping a up', 'ping b up']);
});

test('what a source said counts no more when it cannot see', () => {
  const board = new Board(['pacemaker', 'ping']);
  board.put('pacemaker', [fact('pacemaker', 'a', 'down')]);
  board.put('ping', [fact('ping', 'a', 'up')]);
  expect([board.cannotSee('pacemaker', 'no answer'), board.cannotSee('pacemaker', 'no answer')]).toEqual([
    'news',
    'known',
  ]);
  expect(words(board)).toEqual(['ping a up']);
  expect([board.isComplete, board.sees, board.blindness()]).toEqual([false, false, 'Pacemaker: no answer']);
});

test('the monitor is blind without Pacemaker, where it is asked, and not without another source', () => {
  const board = new Board(['pacemaker', 'ping']);
  expect([board.sees, board.blindness()]).toEqual([false, undefined]);
  board.put('pacemaker', [fact('pacemaker', 'a', 'up'), fact('pacemaker', 'b', 'unknown')]);
  board.cannotSee('ping', 'not allowed');
  expect([board.sees, board.blindness()]).toEqual([true, undefined]);
});

test('the monitor is blind when Pacemaker can tell nothing of any host', () => {
  const board = new Board(['pacemaker']);
  board.put('pacemaker', [fact('pacemaker', 'a', 'unknown')]);
  expect(board.blindness()).toBe('Pacemaker can tell nothing of any host: pacemaker unknown');
});

test('the monitor is blind when Pacemaker has no compute host to tell of', () => {
  const board = new Board(['pacemaker', 'ping']);
  board.put('ping', [fact('ping', 'a', 'up')]);
  board.put('pacemaker', []);
  expect(board.blindness()).toContain('Pacemaker has no node that is a compute host');
});

test('without Pacemaker it is blind when no source sees', () => {
  const board = new Board(['ping', 'consul']);
  board.cannotSee('ping', 'not allowed');
  expect(board.blindness()).toBeUndefined();
  board.put('consul', [fact('consul', 'a', 'up')]);
  expect(board.sees).toBe(true);
  board.cannotSee('consul', 'no answer');
  expect([board.sees, board.blindness()]).toEqual([false, 'ping: not allowed; consul: no answer']);
});
