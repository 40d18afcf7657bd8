/**
 * The lines of a section as recovery-agent reads them: `NAME = VALUE`; a line that begins with a blank continues the value, and
 * so does any line while a bracket, a brace or the quote around the value is open, unless it is clearly a new section or option.
 * Lines that begin with `#` or `;` are comments, also between the lines of a value.
 */

import { OpenBrackets, type Opening } from './continuation.ts';
import { errorAt, type Position, type Problem } from './problem.ts';
import type { Piece } from './value.ts';

const COMMENT = /^\s*[#;]/;
/** A section for sure, even where a list is open, unless the next thing to come is a list. */
const CLEARLY_SECTION = /^\[\s*[^\]\s'",][^\]'",]*\]\s*([#;].*)?$/;
const CLEARLY_OPTION = /^[A-Za-z0-9_.-]+[ \t]*=/;
const OPTION_NAME = /^[A-Za-z0-9_.[\]-]+$/;

/** Whether a line resembles a new section or option, so that a blank before it is probably a mistake. */
export function isUnknownLine(text: string): boolean {
  return CLEARLY_SECTION.test(text) || CLEARLY_OPTION.test(text);
}

export function blankProblem(name: string, at: Position): Problem {
  return errorAt(at, `the blank makes this line a part of "${name}"; remove it, or put the whole value in quotes`);
}

export interface OwnOption {
  readonly name: string;
  readonly at: Position;
  readonly pieces: readonly Piece[];
  /** What is never closed. */
  readonly open: Opening | undefined;
}

/** Where the parts of a section go. */
export interface OwnSink {
  section(text: string, at: Position): void;
  /** An option begins; its name may yet be refused. */
  begin(at: Position): void;
  option(option: OwnOption): void;
  problem(problem: Problem): void;
}

/** An option whose value may continue in the next line. */
interface Unfinished {
  readonly name: string;
  readonly at: Position;
  readonly pieces: Piece[];
  readonly brackets: OpenBrackets;
}

export class OwnLines {
  readonly #file: string;
  readonly #sink: OwnSink;
  #option: Unfinished | undefined;

  constructor(file: string, sink: OwnSink) {
    this.#file = file;
    this.#sink = sink;
  }

  /** @param separator ends the name of an option */
  take(line: string, number: number, separator: RegExp): void {
    const text = line.trim();
    const open = this.#option?.brackets.outermost;
    if (text === '') {
      if (open === undefined) this.end();
      return;
    }
    if (COMMENT.test(line)) return;
    const column = line.length - line.trimStart().length + 1;
    const at = { file: this.#file, line: number, column };
    const isSection = CLEARLY_SECTION.test(text) && this.#option?.brackets.awaitsList !== true;
    const isNew = isSection || CLEARLY_OPTION.test(text);
    if (this.#option !== undefined && (column > 1 || (open !== undefined && !isNew))) {
      if (open === undefined && isNew) this.#sink.problem(blankProblem(this.#option.name, at));
      else this.#continue(this.#option, { text, line: number, column });
      return;
    }
    this.end();
    if (column > 1) {
      const message = 'a line that begins with a blank continues an option, but there is none before it';
      this.#sink.problem(errorAt(at, message));
    } else if (line.startsWith('[')) this.#sink.section(text, at);
    else this.#begin(line, at, separator);
  }

  /** The current value is complete. */
  end(): void {
    const option = this.#option;
    this.#option = undefined;
    if (option !== undefined) this.#sink.option({ ...option, open: option.brackets.outermost });
  }

  #begin(line: string, at: Position, separator: RegExp): void {
    this.#sink.begin(at);
    const end = line.search(separator);
    const name = line.slice(0, Math.max(0, end)).trim();
    // The line is not repeated: it may hold a password.
    if (!OPTION_NAME.test(name)) {
      const message = 'expected NAME = VALUE; a line that continues a value begins with a blank';
      this.#sink.problem(errorAt(at, message));
      return;
    }
    const raw = line.slice(end + 1);
    const column = end + 2 + (raw.length - raw.trimStart().length);
    const piece = { text: raw.trim(), line: at.line, column };
    this.#option = { name, at, pieces: [piece], brackets: new OpenBrackets() };
    this.#option.brackets.add(piece);
  }

  #continue(option: Unfinished, piece: Piece): void {
    option.pieces.push(piece);
    option.brackets.add(piece);
  }
}
