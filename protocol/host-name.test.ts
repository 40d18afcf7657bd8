import { describe, expect, it } from 'vitest';
import { isHostName, isSameHost, matchHost } from './host-name.ts';

describe('a host name', () => {
  it.each(['node-13', 'node_13.local', '10.0.0.1', 'N1', '_x', 'a'.repeat(255)])('is %s', (name) => {
    expect(isHostName(name)).toBe(true);
  });

  it.each(['', '-rf', '.', '..', 'a b', 'a/b', 'a\n', 'ä', 'a'.repeat(256)])('is not %j', (name) => {
    expect(isHostName(name)).toBe(false);
  });
});

describe('two names', () => {
  it.each([
    ['node-13', 'node-13.local'],
    ['node-13.local', 'NODE-13'],
    ['node-13.local.', 'node-13.local'],
    ['node-13.a', 'node-13.a.example.org'],
  ])('%s and %s may name one host', (one, other) => {
    expect(isSameHost(one, other)).toBe(true);
    expect(isSameHost(other, one)).toBe(true);
  });

  it.each([
    ['node-1', 'node-13'],
    ['node-13.a', 'node-13.b'],
    ['a.node-13', 'node-13'],
  ])('%s and %s do not', (one, other) => {
    expect(isSameHost(one, other)).toBe(false);
    expect(isSameHost(other, one)).toBe(false);
  });
});

describe('a name among names', () => {
  it.each([
    ['c1', ['c1.local', 'c1'], { match: 'one', name: 'c1' }],
    ['C1', ['c1.local', 'c1'], { match: 'one', name: 'c1' }],
    ['c1', ['c1.local', 'c2.local'], { match: 'one', name: 'c1.local' }],
    ['c1.local', ['c1', 'c2'], { match: 'one', name: 'c1' }],
    ['c1', ['c1.a', 'c1.b'], { match: 'several', names: ['c1.a', 'c1.b'] }],
    ['c1', ['C1', 'c1.'], { match: 'several', names: ['C1', 'c1.'] }],
    ['c3', ['c1', 'c2'], { match: 'none' }],
    ['c1', [], { match: 'none' }],
  ])('%s among %j', (host, names, expected) => {
    expect(matchHost(host, names)).toEqual(expected);
  });
});
