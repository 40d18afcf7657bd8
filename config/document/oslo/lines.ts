/**
 * The lines of a section as oslo.config reads them: `NAME = VALUE` or `NAME: VALUE`; a line that begins with a blank or a tab
 * continues the value, even one that resembles a comment; an empty line, a comment and a new option end it; `#` and `;` begin
 * a comment in the first column only; brackets and open quotes mean nothing.
 *
 * Source: oslo.config 9.0.0 and 9.7.1, iniparser.
 */

import { errorAt, type Position, type Problem } from '../problem.ts';
import type { Piece } from '../value.ts';
import { stripEnd, stripStart } from './blanks.ts';

/** Where the parts of a section go. */
export interface OsloSink {
  section(text: string, at: Position): void;
  option(name: string, at: Position, pieces: readonly Piece[]): void;
  problem(problem: Problem): void;
}

export class OsloLines {
  readonly #file: string;
  readonly #sink: OsloSink;
  #option: { readonly name: string; readonly at: Position; readonly pieces: Piece[] } | undefined;

  constructor(file: string, sink: OsloSink) {
    this.#file = file;
    this.#sink = sink;
  }

  take(line: string, number: number): void {
    const text = stripEnd(line);
    const at = { file: this.#file, line: number, column: 1 };
    if (text === '') this.end();
    else if (text.startsWith(' ') || text.startsWith('\t')) this.#continue(text, at);
    else {
      this.end();
      if (text.startsWith('[')) this.#sink.section(text, at);
      else if (!text.startsWith('#') && !text.startsWith(';')) this.#begin(text, at);
    }
  }

  /** The current value is complete. */
  end(): void {
    const option = this.#option;
    this.#option = undefined;
    if (option !== undefined) this.#sink.option(option.name, option.at, option.pieces);
  }

  #continue(text: string, { line }: Position): void {
    const piece = stripStart(text);
    const column = text.length - piece.length + 1;
    if (this.#option !== undefined) this.#option.pieces.push({ text: piece, line, column });
    else {
      const message = 'a line that begins with a blank continues an option, but there is none before it';
      this.#sink.problem(errorAt({ file: this.#file, line, column }, message));
    }
  }

  #begin(text: string, at: Position): void {
    const separator = text.search(/[=:]/);
    const name = stripEnd(stripStart(text.slice(0, Math.max(0, separator))));
    // The line is not repeated: it may hold a password.
    if (name === '') {
      const message = 'expected NAME = VALUE or NAME: VALUE; a line that continues a value begins with a blank';
      this.#sink.problem(errorAt(at, message));
      return;
    }
    const value = stripStart(text.slice(separator + 1));
    this.#option = { name, at, pieces: [{ text: value, line: at.line, column: text.length - value.length + 1 }] };
  }
}
