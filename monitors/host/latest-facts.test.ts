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
const words = (bmc: LatestFacts) => bmc.facts().map(({ source, host, state }) => `${source} ${host} ${state}`);

test('a new fact of a source about a host replaces its earlier fact there, and nothing else', () => {
  const bmc = new LatestFacts(['ping', 'consul']);
  bmc.put('ping', [fact('ping', 'a', 'up'), fact('ping', 'a', 'up', 'storage'), fact('ping', 'b', 'up')]);
  bmc.put('consul', [fact('consul', 'a', 'up')]);
  bmc.add('ping', [fact('ping', 'a', 'down', 'storage')]);
  expect(words(bmc).sort()).toEqual(['consul a up', 'ping a down', 'ping a up', 'ping b up']);
});

test('facts of a blind source no longer count', () => {
  const bmc = new LatestFacts(['consul', 'ping']);
  bmc.put('consul', [fact('consul', 'a', 'down')]);
  bmc.put('ping', [fact('ping', 'a', 'up')]);
  expect([bmc.cannotSee('consul', 'no response'), bmc.cannotSee('consul', 'no response')]).toEqual(['news', 'known']);
  expect(words(bmc)).toEqual(['ping a up']);
  expect([bmc.isComplete, bmc.isRead, bmc.blindSources()]).toEqual([false, true, [['consul', 'no response']]]);
});

test('Pacemaker has no state of any host until it has responded, and while it is blind', () => {
  const bmc = new LatestFacts(['pacemaker', 'ipmi']);
  bmc.put('ipmi', [fact('ipmi', 'a', 'down')]);
  expect(words(bmc)).toEqual(['ipmi a down', 'pacemaker a unknown']);
  expect(bmc.facts()[1]?.detail).toBe('Pacemaker has not responded yet');
  bmc.put('pacemaker', [fact('pacemaker', 'a', 'down')]);
  expect(words(bmc).sort()).toEqual(['ipmi a down', 'pacemaker a down']);
  bmc.cannotSee('pacemaker', 'no response');
  expect(words(bmc)).toEqual(['ipmi a down', 'pacemaker a unknown']);
  expect([bmc.factsOf('pacemaker'), bmc.factsOf('ipmi').length]).toEqual([[], 1]);
});
