import { expect, test } from 'vitest';
import { parseDocument } from '../document/document.ts';
import { formatProblem } from '../document/problem.ts';
import { DEFAULT_SEGMENT, readSegments, segmentOf } from './segments.ts';

function read(text: string) {
  const { sections } = parseDocument('f', new TextEncoder().encode(text));
  const { segments, problems } = readSegments(new Map(sections.map((section) => [section.name, section])));
  return { segments, problems: problems.map(formatProblem) };
}

test('without segments every host is in one', () => {
  const { segments } = read('');
  expect(segments).toEqual([DEFAULT_SEGMENT]);
  expect(segmentOf(segments, 'anything')).toBe(DEFAULT_SEGMENT);
});

test('hosts are separated by commas, blanks or newlines', () => {
  const { segments, problems } = read(
    '[failover_segment rack 1]\nrecovery_method = rh_priority\nenabled = Off\nhosts = a, b c,\n  d ; the last\nreserved_hosts = r1 r0\nservice_type = X\ndescription = in the cellar',
  );
  expect(problems).toEqual([]);
  expect(segments).toEqual([
    {
      name: 'rack 1',
      recoveryMethod: 'rh_priority',
      enabled: false,
      hosts: ['a', 'b', 'c', 'd'],
      reservedHosts: ['r1', 'r0'],
      acceptedProofs: null,
      serviceType: 'X',
      description: 'in the cellar',
    },
  ]);
});

test('a host and a reserved host belong to their segment, others to none', () => {
  const { segments } = read('[failover_segment a]\nhosts = a1\n[failover_segment b]\nhosts = b1\nreserved_hosts = b2');
  expect(segmentOf(segments, 'a1')?.name).toBe('a');
  expect(segmentOf(segments, 'b1')?.name).toBe('b');
  expect(segmentOf(segments, 'b2')?.name).toBe('b');
  expect(segmentOf(segments, 'c1')).toBeUndefined();
});

test.each([
  [
    '[failover_segment a]\nhosts = x,\n  y\n[failover_segment b]\nhosts = z y',
    'f:5:11: host "y" is already named at f:3:3; a host belongs to one segment, once',
  ],
  [
    '[failover_segment a]\nhosts = x\nreserved_hosts = x',
    'f:3:18: host "x" is already named at f:2:9; a host belongs to one segment, once',
  ],
  [
    '[failover_segment a]\nhosts = x x',
    'f:2:11: host "x" is already named at f:2:9; a host belongs to one segment, once',
  ],
  [
    '[failover_segment a]\nhosts = x y/z',
    'f:2:11: "y/z" is no host name: letters, digits and - . _, at most 255 of them, the first no "-" or "."',
  ],
  [
    '[failover_segment a]\nhosts = x\nrecovery_method = manual',
    'f:3:19: "recovery_method" takes one of auto, reserved_host, auto_priority, rh_priority, not "manual"',
  ],
  [
    '[failover_segment a]\nhosts = x\nreserved_host = y',
    'f:3:1: unknown option "reserved_host"; did you mean "reserved_hosts"?',
  ],
  ['[failover_segment]\nhosts = x', 'f:1:1: a segment needs a name of at most 255 characters: [failover_segment NAME]'],
  [
    '[failover_segment a]\nhosts = x\n[failover_segment  a]\nhosts = y',
    'f:3:1: segment "a" is already defined at f:1:1',
  ],
  [
    '[failover_segment a]\nhosts = x\nrecovery_method = reserved_host',
    'f:3:1: warning: segment "a" has no reserved hosts for its recovery method reserved_host',
  ],
  ['[failover_segment a]', 'f:1:1: warning: segment "a" has no hosts'],
])('%j is reported', (text, expected) => {
  expect(read(text).problems).toEqual([expected]);
});
