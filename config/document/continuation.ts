/**
 * Whether a value is finished at the end of a line: not while a bracket, a brace or the quote around it is open.
 *
 * Quotes inside a list end with their line; if one does not, the list is read as if the quote were not there, so that the
 * missing quote is reported where it is missing and not at the end of the file.
 */

import { closingQuote, commentStart, type Piece } from './value.ts';

/** A bracket, brace or quote that waits for its partner. */
export interface Opening {
  readonly character: string;
  readonly line: number;
  readonly column: number;
}

const PARTNERS = new Map([
  ['[', ']'],
  ['{', '}'],
  ['"', '"'],
  ["'", "'"],
]);

/** What closes an opening. */
export function partnerOf(opening: Opening): string {
  return PARTNERS.get(opening.character) ?? opening.character;
}

/** Takes the pieces of one value in their order and keeps what is still open. */
export class OpenBrackets {
  readonly #open: Opening[] = [];
  #first = true;
  #last = '';

  /** The outermost thing still open. */
  get outermost(): Opening | undefined {
    return this.#open[0];
  }

  /** Whether the value so far ends with a colon, after which only a list can follow. */
  get awaitsList(): boolean {
    return this.#last === ':';
  }

  add(piece: Piece): void {
    const rest = this.#skipQuoteAroundValue(piece);
    this.#first = false;
    if (rest < 0) return;
    const comment = commentStart(piece.text.slice(rest));
    const end = comment < 0 ? piece.text.length : rest + comment;
    this.#last = piece.text.slice(0, end).trimEnd().at(-1) ?? this.#last;
    for (let index = rest; index < end; index++) index = this.#take(piece, index, end);
  }

  /** Takes the character at the index; gives the index of the last character it has dealt with. */
  #take(piece: Piece, index: number, end: number): number {
    const character = piece.text[index] ?? '';
    if (character === '[' || character === '{') this.#push(piece, index);
    else if (character === ']' || character === '}') this.#open.pop();
    else if ((character === '"' || character === "'") && this.#open.length > 0) {
      const closing = piece.text.indexOf(character, index + 1);
      if (closing > 0 && closing < end) return closing;
    }
    return index;
  }

  /** Index after the quote that a value begins with; -1 if the whole line is inside it. */
  #skipQuoteAroundValue(piece: Piece): number {
    const opening = this.#open[0];
    if (opening !== undefined && (opening.character === '"' || opening.character === "'")) {
      const closing = piece.text.indexOf(opening.character);
      if (closing >= 0) this.#open.pop();
      return closing < 0 ? -1 : closing + 1;
    }
    const quote = piece.text[0];
    if (!this.#first || (quote !== '"' && quote !== "'")) return 0;
    const closing = closingQuote(piece.text);
    if (closing < 0) this.#push(piece, 0);
    return closing < 0 ? -1 : closing + 1;
  }

  #push(piece: Piece, index: number): void {
    this.#open.push({ character: piece.text[index] ?? '', line: piece.line, column: piece.column + index });
  }
}
