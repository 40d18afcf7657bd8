/** The documents name files and folders that exist: a rename that leaves a page behind is reported with that page. */
import { existsSync, globSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');

/** The paths in code spans of a page: with a folder of this repository in front, or a file at its root. Names of placeholders are none. */
function pathsIn(page: string): string[] {
  const spans = [...page.matchAll(/`([^`\n]+)`/g)].map(([, text = '']) => text);
  const isPath = (text: string): boolean =>
    /^(?:\.ci|\.github|agents|config|docs|engine|monitors|ocf|packaging|protocol|test)\/[\w./@-]*$/.test(text) ||
    /^(?:(?:package|package-lock|biome|tsconfig)\.json|[\w.-]+\.(?:md|ts))$/.test(text);
  return [...new Set(spans.filter((text) => isPath(text) && !text.includes('NAME')))];
}

const missingIn = (page: string): string[] => pathsIn(page).filter((path) => !existsSync(join(ROOT, path)));

/** A decision keeps the paths of its date, and a changelog those of its version. */
const PAGES = globSync('{*,docs/**/*}.md', { cwd: ROOT }).filter(
  (path) => !/^(CHANGELOG\.md$|docs\/decisions\/)/.test(path),
);

it.each(PAGES)('%s names files that exist', (path) => {
  expect(missingIn(read(path))).toEqual([]);
});

it.each([
  ['docs/internals/architecture.md', 100],
  ['CONTRIBUTING.md', 40],
])('%s names more than %d files', (path, count) => {
  expect(pathsIn(read(path)).length).toBeGreaterThan(count);
});

it('a path that is gone is found, a placeholder and code are not', () => {
  const page = 'See `engine/no-such.ts`, `no-such.md`, `engine/tasks/NAME.ts`, `lease_lost` and `npm test`.';
  expect(missingIn(page)).toEqual(['engine/no-such.ts', 'no-such.md']);
});

it('the page of the architecture has every module of the engine and of the monitors', () => {
  const page = read('docs/internals/architecture.md');
  const modules = ['engine', 'monitors'].flatMap((parent) =>
    readdirSync(join(ROOT, parent), { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => `${parent}/${name}/`),
  );
  expect(pathsIn(page)).toEqual(expect.arrayContaining(modules));
});
