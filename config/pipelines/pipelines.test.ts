import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseDocument } from '../document/document.ts';
import { formatProblem } from '../document/problem.ts';
import { DEFAULT_PIPELINES } from './default-lists.ts';
import { FLOWS, hasTasks, optionOfFlow, PHASES } from './pipelines.ts';
import { readPipelines } from './read-pipelines.ts';

const HEAD = '[taskflow_driver_recovery_flows]\n';

function read(text: string) {
  const document = parseDocument('f', new TextEncoder().encode(text));
  expect(document.problems.map(formatProblem)).toEqual([]);
  return readPipelines(document.sections[0]);
}

function listsOf(value: string) {
  const { pipelines, problems } = read(`${HEAD}host_auto_failure_recovery_tasks = ${value}`);
  expect(problems.map(formatProblem)).toEqual([]);
  const { pre, main, post } = pipelines.host_auto;
  return { pre, main, post };
}

test.each([
  [`pre:['a','b'],main:['c'],post:['d']`, ['a', 'b'], ['c'], ['d']],
  [`{'pre': ['a'], 'main': [], 'post': []}`, ['a'], [], []],
  [`{"pre": ["a"], "main": ["b"]}`, ['a'], ['b'], []],
  ['pre:[a, b_task],post:[c.d-e]', ['a', 'b_task'], [], ['c.d-e']],
  [`main:['a',],`, [], ['a'], []],
  [`pre:['a']main:['b'] post:['c']`, ['a'], ['b'], ['c']],
  [`post:['c'],main:['b'],pre:['a']`, ['a'], ['b'], ['c']],
  [`pre:['a'],\n  main:['b',\n\n# why\n  'c'],\n  post:\n    ['d']`, ['a'], ['b', 'c'], ['d']],
  [`{\n'pre': ['a'],\n'main': ['b'],\n'post': ['c']}`, ['a'], ['b'], ['c']],
  [`{'pre' :\n[ 'a' ] 'main': ['b'],}`, ['a'], ['b'], []],
  [`"pre:['a'],main:['b']"`, ['a'], ['b'], []],
  [`pre:['a'], # first this\n  main:['b'] ; then that`, ['a'], ['b'], []],
])('%j is understood', (value, pre, main, post) => {
  expect(listsOf(value)).toEqual({ pre, main, post });
});

test('the policy for a flow whose engine ended can be set for each flow', () => {
  const { pipelines, problems } = read(
    `${HEAD}host_auto_failure_recovery_after_crash = restart\n` +
      `process_failure_recovery_tasks = pre:['a']\nprocess_failure_recovery_after_crash = rollback`,
  );
  expect(problems).toEqual([]);
  expect(FLOWS.map((flow) => pipelines[flow].afterCrash)).toEqual([
    'restart',
    'resume',
    'resume',
    'rollback',
    'resume',
    'resume',
  ]);
  expect(pipelines.host_auto).toEqual({ ...DEFAULT_PIPELINES.host_auto, afterCrash: 'restart' });
  expect(pipelines.process.pre).toEqual(['a']);
});

test.each([
  [
    'instance_failure_recovery_after_crash = retry',
    'f:2:41: "instance_failure_recovery_after_crash" takes one of resume, restart, rollback, not "retry"',
  ],
  [
    'instance_failure_recovery_after_crsh = resume',
    'f:2:1: unknown option "instance_failure_recovery_after_crsh"; did you mean "instance_failure_recovery_after_crash"?',
  ],
])('%j is refused', (line, message) => {
  expect(read(HEAD + line).problems.map(formatProblem)).toEqual([message]);
});

test('without the section, or without an option, the lists are the built-in ones', () => {
  expect(readPipelines(undefined)).toEqual({ pipelines: DEFAULT_PIPELINES, problems: [] });
  const { pipelines } = read(`${HEAD}process_failure_recovery_tasks = main:['a']`);
  expect(pipelines.host_auto).toBe(DEFAULT_PIPELINES.host_auto);
  expect(pipelines.process.main).toEqual(['a']);
});

test('a returned host causes no action by default, and an empty list for it is no problem', () => {
  expect(hasTasks(DEFAULT_PIPELINES.host_return)).toBe(false);
  expect(read(`${HEAD}host_return_recovery_tasks = main:[]`)).toMatchObject({ problems: [] });
  const { pipelines } = read(`${HEAD}host_return_recovery_tasks = main:['a']`);
  expect([pipelines.host_return.main, hasTasks(pipelines.host_return)]).toEqual([['a'], true]);
});

test('each task keeps its place', () => {
  const { pipelines } = read(`${HEAD}host_rh_failure_recovery_tasks = pre:['a'],\n  main:[ b,\n"c"]`);
  expect(pipelines.host_rh.places).toEqual({
    pre: [{ file: 'f', line: 2, column: 39 }],
    main: [
      { file: 'f', line: 3, column: 10 },
      { file: 'f', line: 4, column: 1 },
    ],
    post: [],
  });
});

test.each([
  [`pre:['a'],\n mian:['b']`, '3:2: unknown phase "mian"; did you mean "main"?'],
  [`before:['a']`, '2:37: unknown phase "before"; the phases are pre, main and post'],
  [`pre:['a'],main:['b'],\n pre:['c']`, '3:2: phase "pre" is already given at f:2:37'],
  [`pre:['a],main:['b']`, "2:42: no ' ends the word that begins here"],
  [`pre:['a],\n main:['b']`, `2:42: no ' ends the word that begins here`],
  [`pre:['a'\n'b']`, '3:1: unexpected "\'" after "a"; tasks are separated by commas and the list ends with "]"'],
  [`pre:['a' = 'b']`, '2:46: unexpected "=" after "a"; tasks are separated by commas and the list ends with "]"'],
  [`pre:['a',,'b']`, '2:46: unexpected "," instead of the name of a task'],
  [`pre=['a']`, '2:40: unexpected "=" where ":" is expected after "pre"'],
  [`pre:'a'`, '2:41: unexpected "\'" where "[" is expected to begin the list of "pre"'],
  [`pre:['a']]`, '2:46: unexpected "]" instead of a phase: pre, main or post'],
  [`{'pre':['a']} main:['b']`, '2:51: unexpected "m" after the end of the lists'],
  ['pre', '2:40: the value ends where ":" is expected after "pre"'],
  [`pre:['a b']`, '2:42: a name consists of letters, digits and the characters _ . -'],
  [`pre:['']`, '2:42: a name consists of letters, digits and the characters _ . -'],
  ['pre:[@]', '2:42: unexpected "@" instead of the name of a task'],
  ['', '2:37: no list of tasks; where nothing is to be done, write main:[]'],
  ['{}', '2:37: no list of tasks; where nothing is to be done, write main:[]'],
  ['pre:[]', '2:1: warning: "host_auto_failure_recovery_tasks" names no task: such a failure ends without any action'],
])('%j is reported where it is wrong', (value, expected) => {
  const { problems } = read(`${HEAD}host_auto_failure_recovery_tasks =  ${value}`);
  expect(problems.map(formatProblem)).toEqual([`f:${expected}`]);
});

test('an unknown flow is reported with the nearest one', () => {
  const { problems } = read(`${HEAD}host_auto_recovery_tasks = pre:['a']`);
  expect(problems.map(formatProblem)).toEqual([
    'f:2:1: unknown option "host_auto_recovery_tasks"; did you mean "host_auto_failure_recovery_tasks"?',
  ]);
});

const task = fc.stringMatching(/^[A-Za-z_][A-Za-z0-9_.-]{0,20}$/);
const lists = fc.record({ pre: fc.array(task), main: fc.array(task), post: fc.array(task) });
/** Nothing, blanks, a continued line, or a comment and a continued line. */
const gap = fc.constantFrom('', ' ', '  ', '\n  ', ' # why\n\t', '\n; why\n ', '\n# why\n\n  ');
const inside = fc.constantFrom('', ' ', '\n  ', '\n', '\n\n', ' ;\n');
const quoting = fc.constantFrom("'", '"', '');

test('lists written in either notation are read back', () => {
  const written = fc
    .record({
      lists,
      braces: fc.boolean(),
      order: fc.shuffledSubarray([...PHASES], { minLength: 3 }),
      quote: quoting,
      comma: fc.constantFrom(',', ' '),
      trailing: fc.boolean(),
      blanks: fc.infiniteStream(inside),
      outer: fc.infiniteStream(gap),
    })
    .map(({ lists, braces, order, quote, comma, trailing, blanks, outer }) => {
      const blank = () => blanks.next().value ?? '';
      const between = () => (braces ? blank() : (outer.next().value ?? ''));
      const word = (name: string) => `${quote}${name}${quote}`;
      const list = (names: readonly string[]) =>
        `[${blank()}${names.map((name) => word(name) + blank()).join(`,${blank()}`)}${trailing && names.length > 0 ? ',' : ''}${blank()}]`;
      const body = order.map((phase) => `${word(phase)}${between()}:${between()}${list(lists[phase])}${between()}`);
      const text = body.join(`${comma}${between()}`) + (trailing ? ',' : '');
      // Only inside braces an empty line is allowed between two lists.
      const value = braces ? `{${blank()}${text}${blank()}}` : text.replaceAll(/\n[ \t]*(?=\n)/g, '');
      return { lists, value };
    });
  fc.assert(
    fc.property(fc.constantFrom(...FLOWS), written, (flow, { lists, value }) => {
      const document = parseDocument('f', new TextEncoder().encode(`${HEAD}${optionOfFlow(flow)} = ${value}\n`));
      const { pipelines, problems } = readPipelines(document.sections[0]);
      expect([...document.problems, ...problems].filter((problem) => problem.severity === 'error')).toEqual([]);
      expect(pipelines[flow]).toMatchObject(lists);
    }),
    { numRuns: 500 },
  );
});

test('no value, however odd, does anything but give lists or problems', () => {
  const odd = fc.string({ unit: fc.constantFrom(...`[]{}'",:= \n\t#;\\premainpost`) });
  fc.assert(
    fc.property(odd, (value) => {
      const text = `${HEAD}host_auto_failure_recovery_tasks = ${value}`;
      const document = parseDocument('f', new TextEncoder().encode(text));
      const lines = text.split('\n');
      for (const problem of [...document.problems, ...readPipelines(document.sections[0]).problems]) {
        expect(problem.line).toBeLessThanOrEqual(lines.length);
        expect(problem.column).toBeLessThanOrEqual((lines[problem.line - 1]?.length ?? 0) + 1);
      }
    }),
    { numRuns: 1000 },
  );
});
