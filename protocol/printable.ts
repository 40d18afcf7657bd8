/**
 * Text from outside for a terminal, a log, a mail or the journal: it must not control the terminal or forge lines in the others.
 *
 * Invariant: only this file decides which characters are replaced.
 */

/** Terminal escapes (C0, C1), line ends, changes of direction, invisible characters, and halves of characters. */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu;

/** Each such character becomes a blank. */
export function printable(text: string): string {
  return text.replace(UNPRINTABLE, ' ');
}

/** The same for a text of several lines. */
export function printableLines(text: string): string {
  return text.split(/\r?\n/).map(printable).join('\n');
}

/** On one line, with at most `limit` UTF-16 units. */
export function printableShort(text: string, limit: number): string {
  const line = printable(text).trim();
  return line.length > limit ? `${line.slice(0, limit - 3).toWellFormed()}...` : line;
}

/** JSON of the same meaning, in which such characters are escaped: JSON itself escapes only some of them. */
export function printableJson(value: unknown, indent?: number): string {
  const json = JSON.stringify(value, null, indent);
  // Line ends of the indentation are the only control characters in JSON outside of a text.
  return json.replace(UNPRINTABLE, (found) =>
    found === '\n' ? found : Array.from({ length: found.length }, (_, at) => escaped(found.charCodeAt(at))).join(''),
  );
}

function escaped(unit: number): string {
  return `\\u${unit.toString(16).padStart(4, '0')}`;
}
