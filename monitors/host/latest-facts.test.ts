import { expect, test } from 'vitest';
import { LatestFacts } from './latest-facts.ts';
import type { Fact } from './sources/source.ts';

const fact = (source: Fact['source'], host: string, says: Fact['says'], network?: 'storage'): Fact => ({
  source,
  host,
  says,
  at: 1,
  detail: `${source} ${says}`,
  ...(network === undefined ? {} : { network }),
});
const words = (board: LatestFacts) => board.facts().map(({ source, host, says }) => `${source} ${host} ${says}`);

test('a new fact of a source about a host replaces its earlier fact there, and nothing else', () => {
  const board = new LatestFacts(['ping', 'consul']);
  board.put('ping', [fact('ping', 'a', 'up'), fact('ping', 'a', 'up', 'storage'), fact('ping', 'b', 'up')]);
  board.put('consul', [fact('consul', 'a', 'up')]);
  board.add('ping', [fact('ping', 'a', 'down', 'storage')]);
  expect(words(board).sort()).toEqual(['consul a up', 'ping a down', 'ping a up', 'ping b up']);
});

test('facts of a blind source no longer count', () => {
  const board = new LatestFacts(['consul', 'ping']);
  board.put('consul', [fact('consul', 'a', 'down')]);
  board.put('ping', [fact('ping', 'a', 'up')]);
  expect([board.cannotSee('consul', 'no response'), board.cannotSee('consul', 'no response')]).toEqual([
    'news',
    'known',
  ]);
  expect(words(board)).toEqual(['ping a up']);
  expect([board.isComplete, board.isRead, board.blindSources()]).toEqual([false, true, [['consul', 'no response']]]);
});

test('Pacemaker has no state of any host until it has responded, and while it is blind', () => {
  const board = new LatestFacts(['pacemaker', 'ipmi']);
  board.put('ipmi', [fact('ipmi', 'a', 'down')]);
  expect(words(board)).toEqual(['ipmi a down', 'pacemaker a unknown']);
  expect(board.facts()[1]?.detail).toBe('Pacemaker has not responded yet');
  board.put('pacemaker', [fact('pacemaker', 'a', 'down')]);
  expect(words(board).sort()).toEqual(['ipmi a down', 'pacemaker a down']);
  board.cannotSee('pacemaker', 'no response');
  expect(words(board)).toEqual(['ipmi a down', 'pacemaker a unknown']);
  expect([board.factsOf('pacemaker'), board.factsOf('ipmi').length]).toEqual([[], 1]);
});
