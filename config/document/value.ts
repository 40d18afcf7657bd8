/**
 * The value of an option, from the pieces of lines it is written on.
 *
 * Invariant: what quotes, backslashes and comments mean is decided by `ini`, line by line; a value in quotes as a whole is
 * decided at once, over all its lines. Every character of the value can be traced back to its place in the file.
 */

import { unsafe } from 'ini';
import type { Position } from './problem.ts';

/** What one line adds to a value: without the blanks around it, and where it begins. */
export interface Piece {
  readonly text: string;
  readonly line: number;
  readonly column: number;
}

export interface Value {
  readonly text: string;
  /** Position of the character at an offset of the text. */
  place(offset: number): Position;
}

/** Where a comment begins in a line that is not in quotes: `#` or `;` without a backslash before it. -1: there is none. */
export function commentStart(text: string): number {
  for (let index = 0; index < text.length; index++) {
    if (text[index] === '\\') index++;
    else if (text[index] === '#' || text[index] === ';') return index;
  }
  return -1;
}

/** A comment that may well have been meant to belong to the value. */
export interface Cut {
  readonly index: number;
  readonly where: 'in quotes' | 'after a character';
}

/** Limit of reports for one line; further ones are reported when these are corrected. */
const MAX_CUTS = 10;

/**
 * Positions of comments that do not resemble one: between quotes that are closed on the same line, or directly after a
 * character that is no blank. Up to the first that does. An apostrophe within a word is no quote.
 */
export function cutsByComment(text: string): readonly Cut[] {
  const cuts: Cut[] = [];
  let quote = '';
  for (let index = 0; index < text.length && cuts.length < MAX_CUTS; index++) {
    const character = text[index] ?? '';
    if (character === '\\') index++;
    else if (character === '#' || character === ';') {
      // An empty value that begins with one is clearly a comment.
      const isApart = index === 0 || /\s/.test(text[index - 1] ?? '');
      if (quote !== '' && text.includes(quote, index)) cuts.push({ index, where: 'in quotes' });
      else if (!isApart) cuts.push({ index, where: 'after a character' });
      else break;
    } else if (quote !== '') quote = character === quote ? '' : quote;
    else if (character === '"' || (character === "'" && !/\w/.test(text[index - 1] ?? ''))) quote = character;
  }
  return cuts;
}

/** Where the quote at the beginning of a text is closed. Between double quotes a backslash takes the next character along. */
export function closingQuote(text: string): number {
  for (let index = 1; index < text.length; index++) {
    if (text[index] === '\\' && text[0] === '"') index++;
    else if (text[index] === text[0]) return index;
  }
  return -1;
}

/** The quote that encloses a value as a whole. On one line this is ini's rule: it begins and ends with the same one. */
export function enclosingQuote(pieces: readonly Piece[]): '"' | "'" | undefined {
  const raw = pieces.map((piece) => piece.text).join('\n');
  const quote = raw[0];
  if ((quote !== '"' && quote !== "'") || raw.length < 2 || !raw.endsWith(quote)) return undefined;
  return pieces.length === 1 || closingQuote(raw) === raw.length - 1 ? quote : undefined;
}

/** An unquoted line for itself. The dot keeps ini from taking quotes at both ends of one line for those of the value. */
function withoutComment(text: string): string {
  return unsafe(`.${text}`).slice(1);
}

function unquoted(pieces: readonly Piece[], quote: '"' | "'"): string {
  const texts = pieces.map((piece) => piece.text);
  // Between double quotes ini reads JSON, where a newline is written as an escape.
  if (quote === '"') return unsafe(texts.join('\\n'));
  const raw = texts.join('\n');
  const value: unknown = unsafe(raw);
  // Between single quotes ini turns text that resembles JSON into numbers, lists and objects; an option is text.
  return typeof value === 'string' ? value : raw.slice(1, -1);
}

export function readValue(file: string, pieces: readonly Piece[]): Value {
  const quote = enclosingQuote(pieces);
  const text =
    quote === undefined ? pieces.map((piece) => withoutComment(piece.text)).join('\n') : unquoted(pieces, quote);
  let starts: readonly number[] | undefined;
  return {
    text,
    place(offset) {
      starts ??= lineStarts(text);
      const index = lastNotAbove(starts, offset);
      const piece = pieces[index] ?? pieces.at(-1) ?? { text: '', line: 1, column: 1 };
      const characters = offset - (starts[index] ?? 0);
      const column = quote === undefined ? rawLength(piece.text, characters) : characters + (index === 0 ? 1 : 0);
      return { file, line: piece.line, column: piece.column + column };
    },
  };
}

function lineStarts(text: string): readonly number[] {
  return [0, ...Array.from(text.matchAll(/\n/g), (match) => match.index + 1)];
}

/** The index of the last of some ascending numbers that is not above a limit; 0 if all are. */
function lastNotAbove(numbers: readonly number[], limit: number): number {
  let low = 0;
  let high = numbers.length;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if ((numbers[middle] ?? 0) <= limit) low = middle;
    else high = middle;
  }
  return low;
}

/** Number of characters of the line before the given character of the value: an escape is two of the line. */
function rawLength(raw: string, characters: number): number {
  if (!raw.includes('\\')) return characters;
  let index = 0;
  for (let seen = 0; seen < characters; seen++) index += /^\\[\\;#]/.test(raw.slice(index, index + 2)) ? 2 : 1;
  return index;
}
