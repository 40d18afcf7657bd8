import { expect, test } from 'vitest';
import { sourcePlace } from '#test/world/source-place.ts';
import { healthOf } from './blind-decision.ts';
import { Gaps } from './coverage.ts';
import { expectedHosts, watchingOf } from './expected-hosts.ts';
import { LatestFacts } from './latest-facts.ts';
import { MASAKARI_MATRIX, PACEMAKER_FENCED } from './policy.ts';
import type { Fact } from './sources/source.ts';

const up = (source: Fact['source'], host: string, more: Partial<Fact> = {}): Fact => ({
  ...{ source, host, state: 'up', at: 1, detail: 'up' },
  ...more,
});
const expectedIn = (inventory: string, segments: readonly string[] = []) =>
  expectedHosts(sourcePlace(inventory).options.hostSources.inventory, segments, 'controller-1');

function latestOf(...facts: readonly Fact[]): LatestFacts {
  const sources = [...new Set(facts.map(({ source }) => source))];
  const latest = new LatestFacts(sources);
  for (const source of sources) {
    latest.put(
      source,
      facts.filter((fact) => fact.source === source),
    );
  }
  return latest;
}

test('the hosts of the inventory and of the segments except this one are expected, each once for any form of its name', () => {
  const { hosts, fault } = expectedIn('hosts: { a: {}, b.example.org: {}, controller-1: {} }', ['b', 'c']);
  expect([...hosts]).toEqual([
    ['a', 'the inventory'],
    ['b.example.org', 'the inventory'],
    ['c', 'a failover segment'],
  ]);
  expect(fault).toBeUndefined();
});

test('an inventory that cannot be read is a fault, and the segments are expected', () => {
  const { hosts, fault } = expectedIn('hosts: [', ['c']);
  expect([[...hosts.keys()], fault]).toEqual([['c'], expect.stringContaining('this is not YAML')]);
});

test('a host that Pacemaker does not know is not watched, also if its BMC is read; similar names are shown', () => {
  const expected = expectedIn('hosts: { a: {}, node-13: {} }', ['c']);
  const latest = latestOf(up('pacemaker', 'a'), up('pacemaker', 'node-13.local'), up('ipmi', 'node-13'));
  expect(watchingOf(expected, latest, PACEMAKER_FENCED)).toEqual({
    expected: 3,
    watched: 2,
    unwatched: [
      {
        host: 'node-13',
        detail: 'in the inventory, but Pacemaker does not know it; it knows node-13.local',
      },
      { host: 'c', detail: 'in a failover segment, but Pacemaker does not know it' },
    ],
    unlisted: [],
  });
});

test('a host of Pacemaker that the inventory lacks is unlisted if another source needs the inventory', () => {
  const expected = expectedIn('hosts: { a: {} }');
  const facts = [up('pacemaker', 'a'), up('pacemaker', 'b')];
  expect(watchingOf(expected, latestOf(...facts), PACEMAKER_FENCED)?.unlisted).toEqual([]);
  expect(watchingOf(expected, latestOf(...facts, up('redfish', 'a')), PACEMAKER_FENCED)?.unlisted).toEqual(['b']);
});

test('with a matrix a host is watched if a source has it on a network of the matrix', () => {
  const expected = expectedIn('hosts: { a: {}, b: {} }');
  const latest = latestOf(up('consul', 'a', { network: 'storage' }), up('heartbeat', 'b'));
  expect(watchingOf(expected, latest, MASAKARI_MATRIX)?.unwatched.map(({ host }) => host)).toEqual(['b']);
});

test('there is no result while the source that decides is blind', () => {
  const latest = latestOf(up('pacemaker', 'x'));
  latest.cannotSee('pacemaker', 'no response');
  expect(watchingOf(expectedIn('hosts: { a: {} }'), latest, PACEMAKER_FENCED)).toBeUndefined();
});

test('a node of compute_hosts that Pacemaker does not list is not watched', () => {
  const detail = 'Pacemaker knows no node b; see [host] compute_hosts';
  const latest = latestOf(up('pacemaker', 'a'), up('pacemaker', 'b', { state: 'unknown', isUnlisted: true, detail }));
  const watching = watchingOf(expectedIn('hosts: {}'), latest, PACEMAKER_FENCED);
  expect(watching?.unwatched).toEqual([{ host: 'b', detail }]);
  expect(healthOf(latest, PACEMAKER_FENCED, watching, 1)).toMatchObject({ is: 'seeing' });
});

test('the monitor is blind if none of the expected hosts is watched', () => {
  const latest = latestOf(up('pacemaker', 'x'), up('pacemaker', 'y'));
  const expected = expectedIn('hosts: { a: {}, b: {} }');
  const health = healthOf(latest, PACEMAKER_FENCED, watchingOf(expected, latest, PACEMAKER_FENCED), 1);
  expect(health).toEqual({
    is: 'blind',
    reason: 'none of 2 expected hosts is watched, a: in the inventory, but Pacemaker does not know it',
  });
});

test('a segment may have another form of a host name, as the engine finds it', () => {
  const latest = latestOf(up('pacemaker', 'a.example.org'));
  const watching = watchingOf(expectedIn('hosts: {}', ['a']), latest, PACEMAKER_FENCED);
  expect(watching).toEqual({ expected: 1, watched: 1, unwatched: [], unlisted: [] });
});

test('hosts that are not watched are logged at the start, at a change and at the end', () => {
  const lines: string[] = [];
  const gaps = new Gaps((level, message, fields) => lines.push(`${level} ${message} ${fields?.hosts ?? ''}`.trim()));
  const expected = expectedIn('hosts: { a: {}, b: {} }');
  for (const names of [['a', 'b'], ['a'], ['a'], ['x'], ['a', 'b'], ['a', 'b']]) {
    const latest = latestOf(...names.map((name) => up('pacemaker', name)));
    const watching = watchingOf(expected, latest, PACEMAKER_FENCED);
    if (watching !== undefined) gaps.noteWatching(watching);
  }
  expect(lines).toEqual([
    'warning expected hosts are not watched b',
    'warning expected hosts are not watched a, b',
    'info all expected hosts are watched',
  ]);
});
