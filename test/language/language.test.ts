/**
 * Documents, help, messages, comments and titles of tests are in plain technical English: words of everyday speech that had replaced the
 * terms of the field do not come back. Not counted are docs/decisions, because a decision record keeps the text of its date, and texts that
 * belong to a peer, which `literals.ts` lists.
 */
import { globSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { withoutLiterals } from './literals.ts';
import { namesToReplace } from './names.ts';
import { proseOf, proseOfDocument, proseOfProgram } from './prose.ts';
import { findings, frequencies, type Prose } from './words.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const filesOf = (...patterns: string[]): string[] =>
  patterns
    .flatMap((pattern) => globSync(pattern, { cwd: ROOT }))
    .filter((path) => !/^docs\/decisions\/|\/node_modules\/|^test\/language\//.test(path))
    .sort();

const DOCUMENTS = filesOf('*.md', 'docs/**/*.md', 'packaging/man/*.8');
const FOLDERS = ['agents', 'config', 'engine', 'monitors', 'ocf', 'openstack', 'packaging', 'protocol', 'test', 'docs'];
const programsOf = (folder: string): string[] =>
  filesOf(`${folder}/**/*.{ts,mjs,sh,py,conf,service,slice,tmpfiles}`).filter(
    (path) => !path.startsWith('test/fixtures/'),
  );

const read = new Map<string, readonly Prose[]>();
/** Each file is parsed once. */
function proseIn(path: string): readonly Prose[] {
  const known = read.get(path) ?? withoutLiterals(path, proseOf(`${ROOT}/${path}`));
  read.set(path, known);
  return known;
}

describe('the language of the documents', () => {
  it.each(DOCUMENTS)('%s has no word of the list', (path) => {
    expect(findings(path, proseIn(path))).toEqual([]);
  });

  it('is checked in all documents', () => {
    expect(DOCUMENTS.length).toBeGreaterThan(20);
  });
});

describe('the language of the programs', () => {
  it.each(FOLDERS)('%s has no word of the list in messages, comments and titles of tests', (folder) => {
    expect(programsOf(folder).flatMap((path) => findings(path, proseIn(path)))).toEqual([]);
  });

  it.each(FOLDERS)('%s has no name of a variable, function, type or field with such a word', (folder) => {
    const programs = programsOf(folder).filter((path) => /\.(?:ts|mjs)$/.test(path));
    expect(programs.flatMap((path) => namesToReplace(path, readFileSync(`${ROOT}/${path}`, 'utf8')))).toEqual([]);
  });

  it('is as plain as the language of peers', () => {
    const files = [...DOCUMENTS, ...FOLDERS.flatMap(programsOf)];
    const lines = frequencies(files.flatMap(proseIn));
    process.stdout.write(`words of everyday speech for each 10,000 words:\n  ${lines.join('\n  ')}\n`);
    expect(files.length).toBeGreaterThan(1000);
  });
});

describe('a name', () => {
  it('is reported with its first line and the term of the glossary', () => {
    const program = 'const heardAt = 1;\nclass Judge { #lookAt(): number { return heardAt; } }\n';
    expect(namesToReplace('a.ts', program)).toEqual([
      'a.ts:1: the name "heardAt"; use instead of "heard": receive, received',
      'a.ts:2: the name "Judge"; use instead of "judge": decide, decision',
      'a.ts:2: the name "lookAt"; use instead of "look": read, poll, observation',
    ]);
  });

  it('of a key of documented JSON, or with another word, is not reported', () => {
    expect(namesToReplace('a.ts', 'const { verdict } = dashboard.listen(lookup);')).toEqual([]);
  });
});

describe('a word of the list', () => {
  it('is reported with the line and what to write instead', () => {
    const document = '# A title\n\nThe monitor asks\nNova. Nobody\n\n| state | It goes on |\n';
    expect(findings('page.md', proseOfDocument(document))).toEqual([
      'page.md:3: "asks"; write instead: request, query, read',
      'page.md:4: "Nobody"; write instead: the user, the attacker; no user, every user; any',
      'page.md:6: "goes on"; write instead: continue',
    ]);
  });

  it('is found in comments, messages and titles', () => {
    const program = "/** The task asks. */\nit('tells it', () => fail(`Nova said no.`));\n";
    expect(findings('a.ts', proseOfProgram('a.ts', program)).map((line) => line.split(';')[0])).toEqual([
      'a.ts:1: "asks"',
      'a.ts:2: "tells"',
      'a.ts:2: "said"',
    ]);
  });

  it.each([
    ['a block of code', '```\nask\n```\n'],
    ['a block within a list', '1. One:\n\n   ```sh\n   ask\n   ```\n'],
    ['an indented block', 'Run:\n\n    ask\n'],
    ['code within a line', 'the option `outage_patience`, and `tell\nthem`\n'],
    ['the target of a link', '[decision](decisions/0013-once-unless-it-says-otherwise.md)\n'],
    ['a message in a table', '| "nobody answers" | meaning |\n'],
    ['a word that contains one', 'the dashboard of a task, a lookup\n'],
  ])('is not reported in %s', (_, document) => {
    expect(findings('page.md', proseOfDocument(document))).toEqual([]);
  });

  it('is not reported in names and literals of one word', () => {
    const program = "import { ask } from './ask.ts';\nask('tell', { say: 'said' });\n";
    expect(findings('a.ts', proseOfProgram('a.ts', program))).toEqual([]);
  });
});
