/** The value of an option as oslo.config reads it, before its references are replaced: quotes count in the first line only. */

import type { Position } from '../problem.ts';
import type { Piece, Value } from '../value.ts';

export function readOsloValue(file: string, pieces: readonly Piece[]): Value {
  const lines = pieces.map((piece, index) => (index === 0 ? withoutQuotes(piece) : piece));
  const text = lines.map((line) => line.text).join('\n');
  return {
    text,
    place(offset): Position {
      let start = 0;
      for (const { text: line, line: number, column } of lines) {
        if (offset <= start + line.length) return { file, line: number, column: column + offset - start };
        start += line.length + 1;
      }
      const last = lines.at(-1) ?? { line: 1, column: 1, text: '' };
      return { file, line: last.line, column: last.column + last.text.length };
    },
  };
}

/** A quote alone is a pair to oslo.config, with nothing in it. */
function withoutQuotes(piece: Piece): Piece {
  const { text, line, column } = piece;
  const isQuoted = (text.startsWith('"') || text.startsWith("'")) && text.at(-1) === text[0];
  return isQuoted ? { text: text.slice(1, Math.max(1, text.length - 1)), line, column: column + 1 } : piece;
}
