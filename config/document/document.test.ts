import { describe, expect, test } from 'vitest';
import { parseDocument } from './document.ts';
import { MAX_FILE_BYTES } from './files.ts';
import { formatProblem } from './problem.ts';

const bytes = (text: string) => new TextEncoder().encode(text);
const parse = (text: string) => parseDocument('f', bytes(text));

function values(text: string): Record<string, Record<string, string>> {
  const document = parse(text);
  expect(document.problems.map(formatProblem)).toEqual([]);
  return Object.fromEntries(
    document.sections.map((section) => [
      section.name,
      Object.fromEntries([...section.options.values()].map((option) => [option.name, option.value.text])),
    ]),
  );
}

test('sections keep their names whole, with dots and blanks', () => {
  expect(values('[a.b]\nx=1\n[a]\nx = 2\n[segment rack 1]\nx =3\n["quoted"]\nx = 4\n[\'5\']')).toEqual({
    'a.b': { x: '1' },
    a: { x: '2' },
    'segment rack 1': { x: '3' },
    quoted: { x: '4' },
    5: {},
  });
});

test.each([
  ['plain text', 'plain text'],
  ['"in quotes ; # and all"', 'in quotes ; # and all'],
  [String.raw`"tab\there"`, 'tab\there'],
  ["'single'", 'single'],
  ["'007'", '007'],
  ["'12'", '12'],
  ["'[1, 2]'", '[1, 2]'],
  ['true', 'true'],
  ['null', 'null'],
  ['', ''],
  ['before ; after', 'before'],
  ['before # after', 'before'],
  [String.raw`a\;b\#c\\d\e`, String.raw`a;b#c\d\e`],
  ['a = b = c', 'a = b = c'],
  ["the host's name", "the host's name"],
])('the value %s is read as ini reads it', (written, expected) => {
  expect(values(`[s]\nx = ${written}`)).toEqual({ s: { x: expected } });
});

test('names that mean something to JavaScript or ini are names like any other', () => {
  const document = parse('[__proto__]\n__proto__ = 1\nconstructor = 2\nkey[] = 3\n');
  expect(document.problems).toEqual([]);
  expect(document.sections[0]?.name).toBe('__proto__');
  expect([...(document.sections[0]?.options.keys() ?? [])]).toEqual(['__proto__', 'constructor', 'key[]']);
});

test('a line that begins with a blank continues the value, and comments may be between them', () => {
  expect(values('[s]\nx = a,\n  b, ; why\n# no\n; no\n  # no\n\tc\n\ny = 1')).toEqual({
    s: { x: 'a,\nb,\nc', y: '1' },
  });
});

test('a quote around the value may span lines', () => {
  expect(values(`[s]\nx = "first # one\nsecond\n  third"\ny = 'a\nb'`)).toEqual({
    s: { x: 'first # one\nsecond\nthird', y: 'a\nb' },
  });
});

test('open brackets and braces continue the value in the first column and over empty lines', () => {
  expect(values("[s]\nx = {'pre': ['a'],\n'main': [\n\n'b'\n],\n# no\n'post': ['c']}\ny = 1")).toEqual({
    s: { x: "{'pre': ['a'],\n'main': [\n'b'\n],\n'post': ['c']}", y: '1' },
  });
});

test('brackets inside quotes do not count', () => {
  expect(values(String.raw`[s]${'\n'}x = "\"[1\" [2"`)).toEqual({ s: { x: '"[1" [2' } });
  expect(values(`[s]\nx = "see [1"\ny = ['[', "{"]\nz = 1`)).toEqual({ s: { x: 'see [1', y: `['[', "{"]`, z: '1' } });
});

test('a list may begin at the beginning of a line, even if it resembles a section', () => {
  expect(values('[s]\nx = {pre:\n[a]\nmain: # why\n[ ]\n}\n[t]')).toEqual({
    s: { x: '{pre:\n[a]\nmain:\n[ ]\n}' },
    t: {},
  });
});

test('a byte order mark and CRLF are tolerated', () => {
  expect(values('\uFEFF[s]\r\nx = 1\r\n  2\r\n')).toEqual({ s: { x: '1\n2' } });
});

test('every character of a value is traced back to its place', () => {
  const text = String.raw`[s]
x = ab\#cd,
   ef "gh" # comment
	ij
y = "quoted"`;
  const [x, y] = [...(parse(text).sections[0]?.options.values() ?? [])];
  const at = (needle: string) => x?.value.place(x.value.text.indexOf(needle));
  expect(x?.value.text).toBe('ab#cd,\nef "gh"\nij');
  expect(at('ab')).toEqual({ file: 'f', line: 2, column: 5 });
  expect(at('cd')).toEqual({ file: 'f', line: 2, column: 9 });
  expect(at('ef')).toEqual({ file: 'f', line: 3, column: 4 });
  expect(at('gh')).toEqual({ file: 'f', line: 3, column: 8 });
  expect(at('ij')).toEqual({ file: 'f', line: 4, column: 2 });
  expect(x?.at).toEqual({ file: 'f', line: 2, column: 1 });
  expect(y?.value.place(0)).toEqual({ file: 'f', line: 5, column: 6 });
});

test.each([
  ['verify_interval = 1\nx = 2\n[s]', '1:1: an option before the first section; put [DEFAULT] above it'],
  ['[s]\nx = 1\n\n[t]\n[s]\nx = 2', '6:1: "x" is already set at f:2:1; remove one of the two'],
  ['[s]\nx = 1\ny = 2\nx = 3', '4:1: "x" is already set at f:2:1; remove one of the two'],
  ['[s]\npassword: secret', '2:1: expected NAME = VALUE; a line that continues a value begins with a blank'],
  ['[s]\npassword secret = x', '2:1: expected NAME = VALUE; a line that continues a value begins with a blank'],
  ['[s]\n= 1', '2:1: expected NAME = VALUE; a line that continues a value begins with a blank'],
  ['[s]\n  x = 1', '2:3: a line that begins with a blank continues an option, but there is none before it'],
  ['[s]\nx = 1\n\n  2', '4:3: a line that begins with a blank continues an option, but there is none before it'],
  ['[s]\nx = 1\n y = 2', '3:2: the blank makes this line a part of "x"; remove it, or put the whole value in quotes'],
  ['[s]\nx = 1\n [t]', '3:2: the blank makes this line a part of "x"; remove it, or put the whole value in quotes'],
  ['[s', '1:1: expected a section, written as [NAME] on a line of its own'],
  ['[]', '1:1: expected a section, written as [NAME] on a line of its own'],
  ['[s] x', '1:1: expected a section, written as [NAME] on a line of its own'],
  ["[s]\nx = pre:['a',\n'b'\ny = 1", '2:9: "x": no ] closes this ['],
  ["[s]\nx = {'pre': ['a']\n[t]\ny = 1", '2:5: "x": no } closes this {'],
  ['[s]\nx = "abc\n[t]', '2:5: "x": no " closes this "'],
  ["[s]\nx = 'abc", `2:5: "x": no ' closes this '`],
  ['[s]\nx = {{ a }', '2:5: "x": no }} closes this {{'],
  ['[s]\nx = [b] {{ a', '2:9: "x": no }} closes this {{'],
])('%j is refused', (text, expected) => {
  expect(parse(text).problems.map(formatProblem)).toEqual([`f:${expected}`]);
});

test.each([
  ['[s]\nx = "a" # b', '2:5: warning: the quotes stay part of the value of "x" because a comment follows them'],
])('%j is taken, with a warning', (text, expected) => {
  expect(parse(text).problems.map(formatProblem)).toEqual([`f:${expected}`]);
});

describe('a sign of a comment that may belong to the value', () => {
  const reported = (line: string) => parse(`[s]\n${line}`).problems.map(formatProblem);
  const cut = (place: string, sign: string) =>
    `f:${place}: "${sign}" begins a comment and would cut "x" short; write \\${sign}, or a blank before it if it is a comment`;
  const cutInQuotes = (place: string, sign: string) =>
    `f:${place}: "${sign}" begins a comment even between quotes and would cut "x" short; write \\${sign}`;

  test.each([
    ['x = https://x.example.org/#chan?a=1', cut('2:27', '#')],
    ['x = /x a;b c;d ; e;f', cut('2:9', ';'), cut('2:13', ';')],
    ['x = /x a;b "c ; d"', cut('2:9', ';'), cutInQuotes('2:15', ';')],
    ['x = /x ab "c ; d"', cutInQuotes('2:14', ';')],
    ["x = /x 'c # d' e", cutInQuotes('2:11', '#')],
    [`x = {a: "b ; c"}`, cutInQuotes('2:12', ';')],
    ['x = --y="b ; c"', cutInQuotes('2:12', ';')],
    ["x = pre:['a'],\n  main:['b']#c", cut('3:13', '#')],
    ['x = a "b\\" ; c" d', cutInQuotes('2:12', ';')],
  ])('is refused in %j', (line, ...expected) => expect(reported(line)).toEqual(expected));

  test.each([
    'x = a ; b',
    'x = a # it is "b"',
    "x = pre:['a'], # first this\n  main:['b'] ; then that",
    "x = the host's ; its guests'",
    'x = 5" ; wide',
    'x = "a ; b"',
    "x = 'a;b\n  c # d'",
    'x = ; nothing',
    'x = #nothing',
    'x = https://x.example.org/\\#chan',
    'x = /x "c \\; d"',
  ])('is none in %j', (line) => expect(reported(line)).toEqual([]));

  test('is accepted in an option that is not used', () => {
    const { problems } = parseDocument('f', bytes('[s]\nx = a#b\ny = a#b'), (_, option) => option === 'y');
    expect(problems.map(({ line }) => line)).toEqual([3]);
  });
});

test('what is no text of sensible size is refused', () => {
  const problems = (content: Uint8Array) => parseDocument('f', content).problems.map(formatProblem);
  expect(problems(new Uint8Array(MAX_FILE_BYTES + 1).fill(10))).toEqual([
    'f:1:1: the file is larger than 1048576 bytes; this is no configuration',
  ]);
  expect(problems(bytes('[s]\nx = \0'))).toEqual(['f:2:5: a NUL byte; this is no text file']);
  expect(problems(new Uint8Array([...bytes('[s]\nä = '), 0xff, 0x41]))).toEqual([
    'f:2:5: this is no valid UTF-8; save the file as UTF-8',
  ]);
  expect(problems(new Uint8Array([...bytes('[s]\nx = '), 0xe2, 0x82]))).toEqual([
    'f:2:5: this is no valid UTF-8; save the file as UTF-8',
  ]);
});

test('each of many broken options of the largest file has its problem', () => {
  const lines = ['[s]\n'];
  for (let size = 0, index = 0; size < MAX_FILE_BYTES - 40; index++) {
    const option = `x${index} = [\n`;
    lines.push(option);
    size += option.length;
  }
  expect(parse(lines.join('')).problems.length).toBe(lines.length - 1);
});

describe('a file of the largest size costs little more for each byte than one of a sixteenth', () => {
  const filled = (text: string, bytes: number): string => `[s]\nx = 1\n${text.repeat((bytes - 20) / text.length)}`;
  /** CPU time of this thread, µs: other processes on the machine have no part in it. */
  const cost = (text: string): number => {
    const begin = process.threadCpuUsage();
    parse(text);
    const { user, system } = process.threadCpuUsage(begin);
    return user + system;
  };
  const least = (text: string): number => Math.min(cost(text), cost(text), cost(text));

  test.each([
    'y = [\n',
    '[',
    '[a',
    'a',
    'a ',
    "'a",
    'x = "a',
    'x = [a',
    'x = ;a',
    String.raw`x = \#`,
    'x = a\n',
    ' x',
    'x = a;',
    `x = a'b;`,
  ])('filled with %j', (text) => {
    const small = least(filled(text, MAX_FILE_BYTES / 16));
    // 16 for one pass over the bytes, 256 for a pass for each byte; a collection of garbage may come between.
    expect(least(filled(text, MAX_FILE_BYTES)) / Math.max(small, 1_000)).toBeLessThan(100);
  });
});
