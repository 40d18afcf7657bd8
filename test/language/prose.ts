/** What of a file is prose: text for readers, without code and without what is quoted literally. */
import { readFileSync } from 'node:fs';
import { parseSync, Visitor } from 'oxc-parser';
import type { Prose } from './words.ts';

const blank = (text: string): string => text.replaceAll(/[^\n]/g, ' ');
const withoutCode = (text: string): string => text.replaceAll(/`(?:[^`\n]|\n(?!\n))*`/g, blank);
const linesFrom = (first: number, text: string): Prose[] =>
  text.split('\n').map((line, index) => ({ line: first + index, text: line }));

/** Prose of a file by the end of its name. */
export function proseOf(path: string): Prose[] {
  const text = readFileSync(path, 'utf8');
  if (path.endsWith('.ts') || path.endsWith('.mjs')) return proseOfProgram(path, text);
  if (path.endsWith('.md')) return proseOfDocument(text);
  if (path.endsWith('.8')) return proseOfManPage(text);
  return proseOfComments(text);
}

/** The document without code, targets of links, and the messages and titles of tests in tables. */
export function proseOfDocument(document: string): Prose[] {
  const prose = withoutCode(
    document.replaceAll(/^( *)```.*\n[\s\S]*?^\1```$/gm, blank).replaceAll(/^ {4,}.*$/gm, blank),
  ).replaceAll(/\]\([^)\n]*\)/g, blank);
  return linesFrom(1, prose).map(({ line, text }) => ({
    line,
    text: text.startsWith('|') ? text.replaceAll(/"[^"]*"/g, blank) : text,
  }));
}

/** Comments, and literals of more than one word: messages, help, descriptions of options, titles of tests. */
export function proseOfProgram(path: string, program: string): Prose[] {
  const { program: tree, comments, errors } = parseSync(path, program);
  if (errors.length > 0) throw new Error(`${path}: ${errors.map(({ message }) => message).join('; ')}`);
  const lines = lineNumbers(program);
  const prose = comments.flatMap(({ start, value }) => linesFrom(lines(start), withoutCode(value)));
  const addLiteral = (start: number, literal: string): void => {
    if (/\S\s+\S/.test(literal)) prose.push(...linesFrom(lines(start), withoutCode(literal)));
  };
  const literals = new Visitor({
    Literal: ({ start, value }) => {
      if (typeof value === 'string') addLiteral(start, value);
    },
    TemplateElement: ({ start, value }) => addLiteral(start, value.raw),
  });
  literals.visit(tree);
  return prose.sort((a, b) => a.line - b.line);
}

/** The text of a roff page without its examples. */
function proseOfManPage(page: string): Prose[] {
  return linesFrom(1, page.replaceAll(/^\.EX$[\s\S]*?^\.EE$/gm, blank));
}

/** Comments that begin with `#`: scripts, configuration files, units. */
function proseOfComments(file: string): Prose[] {
  return linesFrom(1, file).flatMap(({ line, text }) => {
    const comment = /(?:^|\s)#(?!!)(.*)$/.exec(text)?.[1];
    return comment === undefined ? [] : [{ line, text: withoutCode(comment) }];
  });
}

/** Line of an offset, from 1 on. */
export function lineNumbers(text: string): (offset: number) => number {
  const starts = [0];
  for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) starts.push(at + 1);
  return (offset) => starts.findLastIndex((start) => start <= offset) + 1;
}
