import { describe, expect, test } from 'vitest';
import { hostMonitor } from './host-monitor.ts';

describe('host_names', () => {
  test('maps names of Pacemaker to names of Nova', () => {
    expect(hostMonitor.hostNames.parse('a:a.example, b:c\n d:d')).toEqual({
      value: { a: 'a.example', b: 'c', d: 'd' },
    });
  });

  test.each([
    ['a', 'takes NODE:HOST, not "a"'],
    ['a:', 'takes NODE:HOST, not "a:"'],
    ['a:b:c', 'takes NODE:HOST, not "a:b:c"'],
    ['a:x/y', 'takes NODE:HOST, not "a:x/y"'],
    ['a:b, a:c', 'has a name twice, in "a:c"'],
    ['a:b, c:b', 'has a name twice, in "c:b"'],
  ])('refuses %s', (text, fault) => {
    expect(hostMonitor.hostNames.parse(text)).toMatchObject({ fault });
  });
});

test('compute_hosts takes names only', () => {
  expect(hostMonitor.computeHosts.parse('n1, n2\nn3')).toEqual({ value: ['n1', 'n2', 'n3'] });
  expect(hostMonitor.computeHosts.parse('n1, n/2')).toEqual({ fault: 'takes names of nodes, not "n/2"', offset: 4 });
});
