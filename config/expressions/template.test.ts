import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { evaluate, isTrue } from './evaluator.ts';
import { ExpressionFault, pathsOf, type Value } from './expression.ts';
import { parseExpression } from './parser.ts';
import { allPaths, fill, fillAll, fillText, parseTemplate, templatePaths } from './template.ts';

const VALUES = {
  host_name: 'c1',
  instances: [
    { uuid: 'a', name: 'web', state: 'active' },
    { uuid: 'b', name: 'db', state: 'stopped' },
  ],
  ticket: { id: 7, owner: null },
  empty: [],
};

const is = (text: string): boolean => isTrue(evaluate(parseExpression(text), VALUES));

describe('a condition', () => {
  test.each([
    'host_name == "c1"',
    "host_name == 'c1' and true",
    'instances.count > 1',
    'instances.count >= 2 and instances.count <= 2.0',
    'not empty',
    'not (host_name in ["c2", "c3"])',
    '"db" in instances.name',
    '"eb" in instances.0.name',
    'ticket.id == 7 or nothing.there',
    'ticket.owner == null',
    'ticket.owner default "x" == "x"',
    'not not instances',
    'ticket == ticket and instances != empty',
    '-1 < 0',
    'host_name=="c1"and"db"in instances.name',
    'ticket.owner default"x"=="x"',
  ])('%s holds', (text) => expect(is(text)).toBe(true));

  test.each([
    'host_name == "C1"',
    'nothing',
    'ticket.id == "7"',
    'host_name > 1',
    'ticket.id in 7',
    'false or null or 0 or "" or []',
    'instances.count.count',
    'ticket.constructor',
    'ticket.__proto__',
  ])('%s does not', (text) => expect(is(text)).toBe(false));

  test('binds not before and, and before or', () => {
    expect(is('true or true and false')).toBe(true);
    expect(is('not false and false')).toBe(false);
  });

  test.each([
    ['host_name = "c1"', 'did you mean "=="?', 10],
    ['host_name ==', 'ends where a value is expected', 12],
    ['(true', 'lacks a ")"', 5],
    ['[1, 2', 'lacks a "]"', 5],
    ['a b', 'has "b" where it should end', 2],
    ['and a', 'needs a value before "and"', 0],
    ['"\\x"', 'an escape that JSON does not know', 0],
    [`${'('.repeat(60)}1${')'.repeat(60)}`, 'nested too deep', 50],
    ['', 'ends where a value', 0],
  ])('%s is refused with its place', (text, message, offset) => {
    try {
      parseExpression(text);
      expect.unreachable();
    } catch (error) {
      expect(error).toBeInstanceOf(ExpressionFault);
      expect(error).toMatchObject({ offset, message: expect.stringContaining(message) });
    }
  });

  test('lists the values that it uses', () => {
    const paths = pathsOf(parseExpression('a.b > 1 and not (c in [d, "e"]) or f default g'));
    expect(paths.map(({ steps, at }) => [steps.join('.'), at])).toEqual([
      ['a.b', 0],
      ['c', 17],
      ['d', 23],
      ['f', 35],
      ['g', 45],
    ]);
  });

  test('neither hangs nor throws on any text', () => {
    const word = fc.constantFrom(
      'a',
      'a.b',
      '1',
      '"x"',
      'and',
      'or',
      'not',
      'in',
      'default',
      '(',
      ')',
      '[',
      ']',
      ',',
      '<',
      '==',
    );
    fc.assert(
      fc.property(fc.array(fc.oneof(word, fc.string({ maxLength: 3 })), { maxLength: 30 }), (words) => {
        try {
          evaluate(parseExpression(words.join(' ')), VALUES);
        } catch (error) {
          expect(error).toBeInstanceOf(ExpressionFault);
        }
      }),
    );
  });
});

describe('a template', () => {
  test.each<[string, Value]>([
    ['Host {{ host_name }}: {{instances.count}}', 'Host c1: 2'],
    ['{{ instances.count }}', 2],
    ['{{ instances.name }}', ['web', 'db']],
    ['of {{ instances.name }}', 'of web, db'],
    ['{{ instances.name | join "; " }}', 'web; db'],
    ['{{ instances.name | lines }}', 'web\ndb'],
    ['{{ ticket | json }}', '{"id":7,"owner":null}'],
    ['{{ ticket.owner default "no one" }}', 'no one'],
    ['<{{ ticket.owner }}>', '<>'],
    ['{{ "{{" }}', '{{'],
    ['{{ "}}" }} and more', '}} and more'],
    ['no braces } {', 'no braces } {'],
  ])('%s', (text, expected) => expect(fill(parseTemplate(text), VALUES)).toEqual(expected));

  test('does not read what is filled in as a template', () => {
    expect(fillText(parseTemplate('{{ a }}!'), { a: '{{ b }}', b: 'x' })).toBe('{{ b }}!');
  });

  test.each([
    ['{{ host_name', 0, 'has "{{" without "}}"'],
    ['x {{ a | shout }}', 7, 'has "| shout"'],
    ['x {{ a b }}', 7, 'has "b" where it should end'],
  ])('%s is refused with its place', (text, offset, message) => {
    expect(() => parseTemplate(text)).toThrow(
      expect.objectContaining({ offset, message: expect.stringContaining(message) }),
    );
  });

  test('fills texts inside a structure and keeps kinds', () => {
    const body = {
      text: 'Host {{ host_name }}',
      n: '{{ instances.count }}',
      deep: [{ all: '{{ instances }}' }, 1, null],
    };
    expect(fillAll(body, VALUES)).toEqual({ text: 'Host c1', n: 2, deep: [{ all: VALUES.instances }, 1, null] });
    expect(allPaths(body).map(({ steps }) => steps[0])).toEqual(['host_name', 'instances', 'instances']);
    expect(templatePaths(parseTemplate('{{ a.b }} {{ c }}')).map(({ steps }) => steps.join('.'))).toEqual(['a.b', 'c']);
  });
});

test('a value can be written otherwise where it is filled in', () => {
  const filled = fillText(parseTemplate('/a/{{ x }}?b={{ y }}'), { x: 'ä/é', y: ['1', '2'] }, encodeURIComponent);
  expect(filled).toBe('/a/%C3%A4%2F%C3%A9?b=1%2C%202');
});
