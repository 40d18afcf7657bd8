/** What a program says, on its way into a message or the log. */

/** On one line, without control and format characters, and at most so long. */
export function plain(text: string, limit: number): string {
  const line = text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, ' ').trim();
  return line.length > limit ? `${line.slice(0, limit - 3).toWellFormed()}...` : line;
}
