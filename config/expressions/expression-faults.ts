/** Messages for an invalid condition or template: with the position, and the probable intention. */

export const COMPARISONS = ['==', '!=', '<', '<=', '>', '>=', 'in'] as const;

/** A fault, and its position in the text. */
export class ExpressionFault extends Error {
  override readonly name = 'ExpressionFault';
  readonly offset: number;

  constructor(message: string, offset: number) {
    super(message);
    this.offset = offset;
  }
}

/** What other languages write where this one has another sign. */
const SIGNS: readonly (readonly [written: string, meant: string])[] = [
  ['&', 'and'],
  ['|', 'or'],
  ['=', '=='],
  ['!', 'not'],
];

/** Of a text in which no word begins at `begin`; what other languages would write there is known. @param base see `parseExpression` */
export function notUnderstood(text: string, begin: number, base: number): ExpressionFault {
  const character = text[begin] ?? '';
  if (character === '{' || character === '}') {
    const message = 'has braces, which a condition does not need; write the name of the value alone: host_name == "c1"';
    return new ExpressionFault(message, base + begin);
  }
  for (const [written, meant] of SIGNS) {
    if (character !== written) continue;
    const sign = text.startsWith(written.repeat(2), begin) ? written.repeat(2) : written;
    return new ExpressionFault(`has "${sign}"; did you mean "${meant}"?`, base + begin);
  }
  const message = `cannot be understood from "${text.slice(begin, begin + 10)}" on`;
  return unquoted(text, begin, base) ?? new ExpressionFault(message, base + begin);
}

const WORD_CHARACTER = /[^\s()[\],"'=<>!{}|&]/;

/** For a word like compute-1.example.org, which is no name of a value. */
export function unquoted(text: string, index: number, base: number): ExpressionFault | undefined {
  let begin = index;
  while (begin > 0 && WORD_CHARACTER.test(text[begin - 1] ?? '')) begin -= 1;
  let end = index;
  while (end < text.length && WORD_CHARACTER.test(text[end] ?? '')) end += 1;
  const word = text.slice(begin, end);
  if (!/^\w/.test(word) || word.length > 100) return undefined;
  return new ExpressionFault(`has ${word}, which is no name of a value; a text needs quotes: "${word}"`, base + begin);
}

/** Words of other languages for the operators between two values. */
const WORDS = new Map([
  ['is', '=='],
  ['eq', '=='],
  ['equals', '=='],
  ['ne', '!='],
  ['gt', '>'],
  ['ge', '>='],
  ['lt', '<'],
  ['le', '<='],
]);

/** The probable intention of a word behind a value; the end of a message. */
export function meantBy(word: string, next: string | undefined): string {
  if (word === 'not') return '; write "not" before the whole comparison: not host_name in ["c1"]';
  const meant = word === 'is' && next === 'not' ? '!=' : WORDS.get(word.toLowerCase());
  const operators = `; between two values write ${COMPARISONS.join(', ')}, and, or`;
  return meant === undefined ? operators : `${operators}; did you mean "${meant}"?`;
}
