/** Text from outside on its way to a terminal or a log: it must not steer the one or forge lines in the other. */

/** Control and format characters (escape sequences, line ends, changes of direction) become blanks. */
export function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, ' ');
}

/** The same for a text of several lines. */
export function printableLines(text: string): string {
  return text.split('\n').map(printable).join('\n');
}
