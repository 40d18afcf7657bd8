/** The files with which a repository greets contributors: CI, templates and the editor's settings agree with the rest. */
import { globSync, readFileSync, readlinkSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');
const manifest = JSON.parse(read('package.json'));

interface Job {
  readonly steps: readonly { readonly run?: string; readonly with?: Readonly<Record<string, unknown>> }[];
}

describe('CI', () => {
  const jobs = Object.values<Job>(parse(read('.github/workflows/ci.yml')).jobs);

  it('calls .ci/run and nothing else, so that CI can be repeated anywhere', () => {
    expect(jobs.flatMap(({ steps }) => steps.flatMap(({ run }) => run ?? []))).toEqual(['.ci/run']);
    expect(statSync(join(ROOT, '.ci/run')).mode & 0o111).toBe(0o111);
    expect(read('.ci/run')).toMatch(/^exec npm test$/m);
  });

  it('starts with the oldest Node that package.json accepts', () => {
    const versions = jobs.flatMap(({ steps }) => steps.flatMap((step) => step.with?.['node-version'] ?? []));
    expect(versions.map((version) => `>=${version}`)).toEqual([manifest.engines.node]);
  });

  it('may only read the repository', () => {
    expect(parse(read('.github/workflows/ci.yml')).permissions).toEqual({ contents: 'read' });
  });
});

describe('templates of issues', () => {
  it.each(globSync('.github/ISSUE_TEMPLATE/*.yml', { cwd: ROOT }))(
    '%s is a form with fields of different names',
    (path) => {
      const { name, description, body } = parse(read(path));
      expect([name, description]).toEqual([expect.any(String), expect.any(String)]);
      const ids = body.flatMap(({ id }: { readonly id?: string }) => id ?? []);
      expect(new Set(ids).size).toBe(ids.length);
      expect(ids.length).toBeGreaterThan(2);
    },
  );
});

it('the types beside the example of a module are a link to their source', () => {
  // A copy would become old without notice, and the packages turn the link into one to the installed types.
  expect(readlinkSync(join(ROOT, 'docs/examples/tasks/task.d.ts'))).toBe('../../../protocol/task-module.ts');
});

it('an editor indents and ends lines as Biome does', () => {
  const { formatter } = JSON.parse(read('biome.json'));
  const settings = read('.editorconfig');
  expect(settings).toContain(`indent_style = ${formatter.indentStyle}\nindent_size = ${formatter.indentWidth}\n`);
  expect(settings).toContain(`max_line_length = ${formatter.lineWidth}\n`);
});

it('commands that CONTRIBUTING.md names are scripts of package.json', () => {
  const named = [...read('CONTRIBUTING.md').matchAll(/\bnpm (?:run )?([a-z:]+)/g)].map(([, name = '']) => name);
  const scripts = named.filter((name) => name !== 'install' && name !== 'scripts' && name !== 'package');
  expect(scripts.filter((name) => !Object.hasOwn(manifest.scripts, name))).toEqual([]);
});
