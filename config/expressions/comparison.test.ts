import { describe, expect, test } from 'vitest';
import { faultOfComparison } from './comparison.ts';
import { comparisonsOf } from './expression.ts';
import { parseExpression } from './parser.ts';
import type { Shape } from './shape.ts';

const KNOWN = new Map<string, Shape>([
  ['host_name', 'text'],
  ['hosts', { listOf: 'text' }],
  ['instances', { listOf: { fields: { name: 'text', ha_enabled: 'any' } } }],
  ['numbers', { listOf: 'number' }],
  ['ticket', 'any'],
]);

function faults(text: string): (string | undefined)[] {
  return comparisonsOf(parseExpression(text)).map((comparison) => faultOfComparison(comparison, KNOWN));
}

describe('a comparison that always has the same result is refused', () => {
  test.each([
    ['instances > 3', 'compares the list instances with the number 3', 'never', 'instances.count > 3'],
    ['3 <= instances', 'compares the number 3 with the list instances', 'never', '3 <= instances.count'],
    ['instances.name == 3', 'compares the list instances.name with the number 3', 'never', 'instances.count == 3'],
    ['instances != 0', 'compares the list instances with the number 0', 'always', 'instances.count != 0'],
    ['host_name == 3', 'compares the text host_name with the number 3', 'never', 'host_name == "3"'],
    [
      'instances.name == "db"',
      'compares the list instances.name with the text "db"',
      'never',
      '"db" in instances.name',
    ],
    ['hosts != "c1"', 'compares the list hosts with the text "c1"', 'always', 'not "c1" in hosts'],
    ['"db" in instances', 'searches the list instances for the text "db"', 'never', '"db" in instances.name'],
  ])('%s', (text, what, holds, meant) => {
    expect(faults(text)).toEqual([`${what}, which is ${holds} true; did you mean ${meant}?`]);
  });

  test.each([
    ['host_name > 3', 'compares the text host_name with the number 3'],
    ['instances.0 == "a"', 'compares the structure instances.0 with the text "a"'],
    ['instances.count > "3"', 'compares the number instances.count with the text "3"'],
    ['host_name < null', 'compares the text host_name with null'],
    ['3 in host_name', 'searches the text host_name for the number 3'],
    ['host_name in 3', 'searches the number 3 for the text host_name'],
    ['host_name in numbers', 'searches the list numbers for the text host_name'],
    ['host_name in [1, 2]', 'searches a list for the text host_name'],
    ['(not host_name) == "x"', 'compares a boolean with the text "x"'],
    ['numbers.0 == host_name', 'compares the number numbers.0 with the text host_name'],
  ])('%s', (text, what) => {
    expect(faults(text)).toEqual([expect.stringMatching(/^.*, which is never true/)]);
    expect(faults(text)[0]).toContain(what);
  });
});

test('every comparison is checked, at any depth', () => {
  expect(faults('not (host_name == "a" or (instances > 3 and ticket == 1))').map(Boolean)).toEqual([
    false,
    true,
    false,
  ]);
});

test.each([
  'instances.count > 3',
  'host_name > "c"',
  'host_name == null',
  'instances == null',
  'ticket > 3',
  'ticket.id == "x"',
  'ticket in ["a", 1]',
  '"a" in ticket',
  'nothing > 3',
  'host_name in hosts',
  'host_name in ["c1", 2]',
  'host_name in []',
  '"c" in host_name',
  'ticket in host_name',
  'instances.0.ha_enabled == true',
  'true in instances.ha_enabled',
  'instances == instances',
  'instances.7.name == "db"',
  'host_name default 3 == 3',
])('%s can be true or false', (text) => expect(faults(text)).toEqual([undefined]));
