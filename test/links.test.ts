/** The documents as a reader uses them: each link leads to a file, here and in the packages, and each page names its reader first. */
import { existsSync, globSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { examples, pages } from '#packaging/packages/description.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');
const DOCUMENTS = globSync('{*,.github/**/*,docs/**/*,test/**/*}.md', { cwd: ROOT }).sort();
/** Pages with another beginning: a decision has its date and status, a changelog its versions. */
const PAGES = DOCUMENTS.filter((path) => !/^(CHANGELOG\.md$|docs\/decisions\/|\.github\/|test\/)/.test(path));

const withoutCode = (page: string): string =>
  page.replaceAll(/^( *)```.*\n[\s\S]*?^\1```$/gm, '').replaceAll(/`[^`\n]*`/g, '');

interface Link {
  /** Relative to the root; empty: the page itself. */
  readonly path: string;
  readonly anchor: string | undefined;
}

/** The links of a page that lead to files of this repository. */
function linksOf(path: string, page: string): Link[] {
  return [...withoutCode(page).matchAll(/\]\(([^)\s]*)\)/g)].flatMap(([, target = '']) => {
    if (/^[a-z]+:/.test(target)) return [];
    const [file = '', anchor] = target.split('#');
    return [{ path: file === '' ? path : normalize(join(dirname(path), file)), anchor }];
  });
}

/** The anchors of a page, as GitHub and GitLab make them from its headings. */
function anchorsOf(page: string): string[] {
  const headings = page.replaceAll(/^( *)```.*\n[\s\S]*?^\1```$/gm, '').matchAll(/^#+ (.+)$/gm);
  return [...headings].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );
}

/** Why a link leads nowhere; undefined where it leads to something. */
function faultOf({ path, anchor }: Link): string | undefined {
  if (!existsSync(join(ROOT, path))) return `no such file: ${path}`;
  if (anchor === undefined) return undefined;
  if (!statSync(join(ROOT, path)).isFile()) return `a folder has no headings: ${path}#${anchor}`;
  return anchorsOf(read(path)).includes(anchor) ? undefined : `no such heading: ${path}#${anchor}`;
}

const firstParagraph = (page: string): string => /^(?!#|\s)[^\n]+(?:\n[^\n]+)*/m.exec(page)?.[0] ?? '';

describe('a link', () => {
  it.each(DOCUMENTS)('of %s leads to a file and a heading', (path) => {
    expect(linksOf(path, read(path)).flatMap((link) => faultOf(link) ?? [])).toEqual([]);
  });

  it.each([
    ['[a](no-such.md)', ['no such file: docs/no-such.md']],
    ['[a](concepts/glossary.md#no-such)', ['no such heading: docs/concepts/glossary.md#no-such']],
    ['[a](concepts#glossary)', ['a folder has no headings: docs/concepts#glossary']],
    ['[a](#documents) [b](concepts/) [c](https://example.org/no-such.md) `[d](e)`', []],
  ])('is checked: %s', (page, faults) => {
    expect(linksOf('docs/README.md', page).flatMap((link) => faultOf(link) ?? [])).toEqual(faults);
  });

  it('of a page that the packages install leads to a file that they install too', () => {
    const installed = [...pages(ROOT), ...examples(ROOT)].map(({ path }) =>
      path.replace(/^\/usr\/share\/doc\/[^/]+/, 'docs'),
    );
    const isInstalled = (path: string): boolean => installed.includes(path.replace(/\/$/, ''));
    const documents = installed.filter((path) => path.endsWith('.md'));
    expect(documents.length).toBeGreaterThan(20);
    const outside = documents.flatMap((path) =>
      linksOf(path, read(path)).flatMap((link) => (isInstalled(link.path) ? [] : [`${path}: ${link.path}`])),
    );
    expect(outside).toEqual([]);
  });
});

describe('the first paragraph', () => {
  it.each(PAGES)('of %s names its reader', (path) => {
    expect(firstParagraph(read(path))).toMatch(/^For [^.:]+\. /);
  });

  it.each(PAGES.filter((path) => path.startsWith('docs/')))('of %s states what the page is for', (path) => {
    expect(firstParagraph(read(path))).toMatch(/^For [^.:]+\. This page /);
  });
});
