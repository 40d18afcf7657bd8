/**
 * An INI file as sections of options, each with its place; no opinion yet on what the names mean.
 *
 * A line that begins with a blank continues the value before it, as in oslo.config; so does any line while a bracket, a
 * brace or the quote around the value is open, unless it is clearly a new section or option. Lines that begin with `#` or
 * `;` are comments, also between the lines of a value. Whatever cannot be understood is a problem; reading goes on.
 */

import { unsafe } from 'ini';
import { OpenBrackets, type Opening, partnerOf } from './continuation.ts';
import { errorAt, formatPosition, type Position, type Problem, warningAt } from './problem.ts';
import { linesOf } from './text.ts';
import { cutsByComment, enclosingQuote, type Piece, readValue, type Value } from './value.ts';

export interface DocumentOption {
  readonly name: string;
  /** Where the name stands. */
  readonly at: Position;
  readonly value: Value;
}

export interface DocumentSection {
  readonly name: string;
  readonly at: Position;
  /** By name. */
  readonly options: ReadonlyMap<string, DocumentOption>;
  /** Names of options that are written but whose values could not be read: what they say is not known. */
  readonly unread: ReadonlySet<string>;
}

export interface Document {
  readonly file: string;
  readonly sections: readonly DocumentSection[];
  readonly problems: readonly Problem[];
}

/** Whether anybody will use an option: what is wrong with the value of another does no harm. */
export type IsUsed = (section: string, option: string) => boolean;

export function parseDocument(file: string, bytes: Uint8Array, isUsed: IsUsed = () => true): Document {
  const text = linesOf(file, bytes);
  if ('problem' in text) return { file, sections: [], problems: [text.problem] };
  const reader = new DocumentReader(file, isUsed);
  for (const [index, line] of text.lines.entries()) reader.take(line, index + 1);
  return reader.finish();
}

const COMMENT = /^\s*[#;]/;
const SECTION = /^\[([^\]]*)\]\s*([#;].*)?$/;
/** A section for sure, even where a list is open, unless the next thing to come is a list. */
const CLEARLY_SECTION = /^\[\s*[^\]\s'",][^\]'",]*\]\s*([#;].*)?$/;
const CLEARLY_OPTION = /^[A-Za-z0-9_.-]+[ \t]*=/;
const OPTION_NAME = /^[A-Za-z0-9_.[\]-]+$/;

/** An option whose value may go on in the next line. */
interface Unfinished {
  readonly name: string;
  readonly at: Position;
  readonly pieces: Piece[];
  readonly brackets: OpenBrackets;
}

interface Section extends DocumentSection {
  readonly options: Map<string, DocumentOption>;
  readonly unread: Set<string>;
}

class DocumentReader {
  readonly #file: string;
  readonly #isUsed: IsUsed;
  readonly #sections = new Map<string, Section>();
  readonly #problems: Problem[] = [];
  /** Takes the options of a place where no section is, so that they are read but lost. */
  #section: Section | undefined;
  #outsideReported = false;
  #option: Unfinished | undefined;

  constructor(file: string, isUsed: IsUsed) {
    this.#file = file;
    this.#isUsed = isUsed;
  }

  finish(): Document {
    this.#endOption();
    return { file: this.#file, sections: [...this.#sections.values()], problems: this.#problems };
  }

  take(line: string, number: number): void {
    const text = line.trim();
    const open = this.#option?.brackets.outermost;
    if (text === '') {
      if (open === undefined) this.#endOption();
      return;
    }
    if (COMMENT.test(line)) return;
    const column = line.length - line.trimStart().length + 1;
    const at = { file: this.#file, line: number, column };
    const isSection = CLEARLY_SECTION.test(text) && this.#option?.brackets.awaitsList !== true;
    const looksNew = isSection || CLEARLY_OPTION.test(text);
    if (this.#option !== undefined && (column > 1 || (open !== undefined && !looksNew))) {
      if (open === undefined && looksNew) this.#refuseBlank(this.#option, at);
      else this.#continueOption(this.#option, { text, line: number, column });
      return;
    }
    this.#endOption();
    if (column > 1) {
      this.#problems.push(
        errorAt(at, 'a line that begins with a blank continues an option, but none stands before it'),
      );
    } else if (line.startsWith('[')) this.#beginSection(text, at);
    else this.#beginOption(line, at);
  }

  #beginSection(text: string, at: Position): void {
    const match = SECTION.exec(text);
    const name = match?.[1] === undefined ? '' : String(unsafe(match[1]));
    if (name === '') {
      this.#problems.push(errorAt(at, 'expected a section, written as [NAME] on a line of its own'));
      this.#section = { name: '', at, options: new Map(), unread: new Set() };
      return;
    }
    const known = this.#sections.get(name);
    // A section that is written again continues, as for oslo.config; an option that is given again is refused.
    this.#section = known ?? { name, at, options: new Map(), unread: new Set() };
    if (known === undefined) this.#sections.set(name, this.#section);
  }

  #beginOption(line: string, at: Position): void {
    if (this.#section === undefined && !this.#outsideReported) {
      this.#outsideReported = true;
      this.#problems.push(errorAt(at, 'an option before the first section; put [DEFAULT] above it'));
    }
    const equals = line.indexOf('=');
    const name = line.slice(0, Math.max(0, equals)).trim();
    // The line is not repeated: it may hold a password.
    if (!OPTION_NAME.test(name)) {
      this.#problems.push(errorAt(at, 'expected NAME = VALUE; a line that continues a value begins with a blank'));
      return;
    }
    const raw = line.slice(equals + 1);
    const text = raw.trim();
    const column = equals + 2 + (raw.length - raw.trimStart().length);
    const piece = { text, line: at.line, column };
    this.#option = { name, at, pieces: [piece], brackets: new OpenBrackets() };
    this.#option.brackets.add(piece);
  }

  #continueOption(option: Unfinished, piece: Piece): void {
    option.pieces.push(piece);
    option.brackets.add(piece);
  }

  /** An option or a section that would silently become a part of the value before it. */
  #refuseBlank(option: Unfinished, at: Position): void {
    const message = `the blank makes this line a part of "${option.name}"; remove it, or put the whole value in quotes`;
    this.#problems.push(errorAt(at, message));
  }

  #endOption(): void {
    const option = this.#option;
    if (option === undefined) return;
    this.#option = undefined;
    const open = option.brackets.outermost;
    const value = readValue(this.#file, option.pieces);
    const cuts = this.#isUsed(this.#section?.name ?? '', option.name) ? this.#cuts(option) : [];
    this.#problems.push(...cuts);
    // What closes it may stand behind the cut.
    if (open !== undefined && cuts.length === 0) this.#refuseOpen(option, open);
    if (open !== undefined) this.#section?.unread.add(option.name);
    this.#warnOfQuotes(option, value);
    const earlier = this.#section?.options.get(option.name);
    if (earlier !== undefined) {
      const message = `"${option.name}" already stands at ${formatPosition(earlier.at)}; remove one of the two`;
      this.#problems.push(errorAt(option.at, message));
    } else if (open === undefined) this.#section?.options.set(option.name, { name: option.name, at: option.at, value });
  }

  #refuseOpen(option: Unfinished, open: Opening): void {
    const twice = isHole(option.pieces, open) ? 2 : 1;
    const [closing, opening] = [partnerOf(open).repeat(twice), open.character.repeat(twice)];
    const message = `"${option.name}": no ${closing} closes this ${opening}`;
    this.#problems.push(errorAt({ file: this.#file, line: open.line, column: open.column }, message));
  }

  #warnOfQuotes(option: Unfinished, value: Value): void {
    if (enclosingQuote(option.pieces) !== undefined || !/^(["']).+\1$/s.test(value.text)) return;
    const message = `the quotes stay part of the value of "${option.name}" because a comment follows them`;
    this.#problems.push(warningAt(value.place(0), message));
  }

  /** Where ini's rules end a value sooner than it looks. */
  #cuts(option: Unfinished): Problem[] {
    const problems: Problem[] = [];
    if (enclosingQuote(option.pieces) !== undefined) return problems;
    for (const piece of option.pieces) {
      for (const { index, where } of cutsByComment(piece.text)) {
        const sign = piece.text[index];
        const message =
          where === 'in quotes'
            ? `"${sign}" begins a comment even between quotes and would cut "${option.name}" short; write \\${sign}`
            : `"${sign}" begins a comment and would cut "${option.name}" short; write \\${sign}, or a blank before it if it is a comment`;
        problems.push(errorAt({ file: this.#file, line: piece.line, column: piece.column + index }, message));
      }
    }
    return problems;
  }
}

/** Whether what is open begins a template. */
function isHole(pieces: readonly Piece[], { line, column }: Opening): boolean {
  const piece = pieces.find((each) => each.line === line);
  return piece?.text.startsWith('{{', column - piece.column) ?? false;
}
