/** docs/concepts/security.md: each entry of the threat model names a measure, and tests that exist. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');

interface Entry {
  readonly attempt: string;
  readonly measure: string;
  readonly tests: readonly string[];
}

const HEAD = ['attempt', 'measure', 'test'];

function entriesIn(page: string): Entry[] {
  return page.split('\n').flatMap((line) => {
    if (!line.startsWith('|') || /^\|[ |-]+\|$/.test(line)) return [];
    const cells = line
      .slice(1, -1)
      .split(' | ')
      .map((cell) => cell.trim());
    const [attempt = '', measure = '', test = ''] = cells;
    if (cells.length === 3 && cells.every((cell, index) => cell === HEAD[index])) return [];
    return [{ attempt, measure, tests: test.split('<br>') }];
  });
}

const TEST = /^`([^`]+\.test\.ts)`: "(.+)"$/;

/** Why a test that the page names is none; undefined where it is one. */
function faultOf(named: string): string | undefined {
  const [, file = '', title = ''] = TEST.exec(named) ?? [];
  if (file === '') return `no file and title: ${named}`;
  if (!existsSync(join(ROOT, file))) return `no such file: ${file}`;
  const source = read(file);
  const quotes = ["'", '"', '`'];
  // The title is the first argument of a call, in its line or in one of its own.
  const isThere = quotes.some(
    (quote) => source.includes(`(${quote}${title}${quote},`) || source.includes(`\n    ${quote}${title}${quote},\n`),
  );
  return isThere || source.includes(`['${title}',`) || source.includes(`'${title}',\n`)
    ? undefined
    : `no such title in ${file}: ${title}`;
}

const entries = entriesIn(read('docs/concepts/security.md'));

describe('the threat model', () => {
  it('has attackers, and for each entry an attempt, a measure and a test', () => {
    expect(entries.length).toBeGreaterThan(50);
    expect(
      entries.filter(({ attempt, measure, tests }) => attempt === '' || measure === '' || tests[0] === ''),
    ).toEqual([]);
  });

  it('names tests that exist', () => {
    expect(entries.flatMap(({ tests }) => tests.flatMap((test) => faultOf(test) ?? []))).toEqual([]);
  });

  it('would notice a test that is gone', () => {
    expect(faultOf('`test/security-page.test.ts`: "would notice a test that is gone"')).toBeUndefined();
    expect(faultOf('`test/security-page.test.ts`: "has another title"')).toMatch(/^no such title/);
    expect(faultOf('`test/no-such.test.ts`: "x"')).toMatch(/^no such file/);
  });
});

it('SECURITY.md and the threat model refer to each other', () => {
  expect(read('SECURITY.md')).toContain('(docs/concepts/security.md)');
  expect(read('docs/concepts/security.md')).toContain('SECURITY.md');
});
