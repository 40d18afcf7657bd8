/** Blanks as Python's `str.strip` knows them: those of JavaScript without U+FEFF, and the separators U+001C to U+001F and U+0085. */

const BLANK = '[\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000]';
const LEADING = new RegExp(`^${BLANK}+`);
const IS_BLANK = new RegExp(BLANK);

export function stripStart(text: string): string {
  return text.replace(LEADING, '');
}

export function stripEnd(text: string): string {
  let end = text.length;
  while (end > 0 && IS_BLANK.test(text[end - 1] ?? '')) end--;
  return text.slice(0, end);
}
