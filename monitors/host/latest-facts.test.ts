import { expect, test } from 'vitest';
import { LatestFacts } from './latest-facts.ts';
import type { Fact } from './sources/source.ts';

const fact = (source: Fact['source'], host: string, state: Fact['state'], network?: 'storage'): Fact => ({
  source,
  host,
  state: state,
  at: 1,
  detail: `${source} ${state}`,
  ...(network === undefined ? {} : { network }),
});
const words = (latest: LatestFacts) => latest.facts().map(({ source, host, state }) => `${source} ${host} ${state}`);

test('a new fact of a source about a host replaces its earlier fact there, and nothing else', () => {
  const latest = new LatestFacts(['ping', 'consul']);
  latest.put('ping', [fact('ping', 'a', 'up'), fact('ping', 'a', 'up', 'storage'), fact('ping', 'b', 'up')]);
  latest.put('consul', [fact('consul', 'a', 'up')]);
  latest.add('ping', [fact('ping', 'a', 'down', 'storage')]);
  expect(words(latest).sort()).toEqual(['consul a up', 'ping a down', 'ping a up', 'ping b up']);
});

test('facts of a blind source no longer count', () => {
  const latest = new LatestFacts(['consul', 'ping']);
  latest.put('consul', [fact('consul', 'a', 'down')]);
  latest.put('ping', [fact('ping', 'a', 'up')]);
  expect([latest.cannotSee('consul', 'no response'), latest.cannotSee('consul', 'no response')]).toEqual([
    'news',
    'known',
  ]);
  expect(words(latest)).toEqual(['ping a up']);
  expect([latest.isComplete, latest.isRead, latest.blindSources()]).toEqual([false, true, [['consul', 'no response']]]);
});

test('Pacemaker has no state of any host until it has responded, and while it is blind', () => {
  const latest = new LatestFacts(['pacemaker', 'ipmi']);
  latest.put('ipmi', [fact('ipmi', 'a', 'down')]);
  expect(words(latest)).toEqual(['ipmi a down', 'pacemaker a unknown']);
  expect(latest.facts()[1]?.detail).toBe('Pacemaker has not responded yet');
  latest.put('pacemaker', [fact('pacemaker', 'a', 'down')]);
  expect(words(latest).sort()).toEqual(['ipmi a down', 'pacemaker a down']);
  latest.cannotSee('pacemaker', 'no response');
  expect(words(latest)).toEqual(['ipmi a down', 'pacemaker a unknown']);
  expect([latest.factsOf('pacemaker'), latest.factsOf('ipmi').length]).toEqual([[], 1]);
});
