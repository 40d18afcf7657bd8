import { expect, it } from 'vitest';
import { parseDocument } from '../../document/document.ts';
import type { Problem } from '../../document/problem.ts';
import { readCustomTask } from '../custom-tasks.ts';

/** Problems of a task whose definition is this module. */
function reported(lines: string): string[] {
  const { sections } = parseDocument('f', new TextEncoder().encode(`[own]\ndriver = module\n${lines}\n`));
  const problems: Problem[] = [];
  for (const section of sections) readCustomTask(section, problems);
  return problems.map(({ line, message }) => `${line}: ${message}`);
}

it.each(['/a/b.js', '/a/b.mjs', '/a/b.ts', '/a/b.mts', '/a/node_modules/b.js', '/a/node_modules.d/b.ts'])(
  'a module can be %s',
  (path) => expect(reported(`module = ${path}\nafter_crash = check\nundo = true\nseverity = high`)).toEqual([]),
);

it.each(['/a/b', '/a/b.cjs', '/a/b.tsx', '/a/b.py', '/a/.mjs/'])('a module cannot be %s', (path) => {
  expect(reported(`module = ${path}`)).toEqual([expect.stringMatching(/^3: "module" takes a file whose name ends in/)]);
});

it('a module in a folder node_modules cannot be TypeScript, which Node does not strip there', () => {
  expect(reported('module = /a/node_modules/b/c.ts')).toEqual([
    expect.stringMatching(/^3: .*node_modules; compile it/),
  ]);
});

it('a module must be given, by an absolute path', () => {
  expect(reported('after_crash = once')).toEqual([expect.stringContaining('needs the option "module"')]);
  expect(reported('module = b.mjs')).toEqual([expect.stringMatching(/^3: .*absolute path/)]);
});
