/** From the text of a condition to its tokens, each with its offset. */

import { notUnderstood, unquoted } from './expression-faults.ts';

const TOKEN =
  /\s*(?:(?<path>[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z0-9_]+)*)|(?<number>-?\d+(?:\.\d+)?)|(?<text>"(?:[^"\\]|\\.)*"|'[^']*')|(?<mark>==|!=|<=|>=|[<>()[\],]))/y;

export interface Token {
  readonly kind: 'path' | 'number' | 'text' | 'mark' | 'end';
  readonly text: string;
  readonly at: number;
}

export function tokensOf(text: string, base: number): Token[] {
  const tokens: Token[] = [];
  let index = 0;
  while (text.slice(index).trim() !== '') {
    TOKEN.lastIndex = index;
    const found = TOKEN.exec(text);
    const begin = index + (/^\s*/.exec(text.slice(index))?.[0].length ?? 0);
    const isGlued = begin === index && isOperand(tokens.at(-1));
    if (!found?.groups) throw notUnderstood(text, begin, base);
    const [kind, word] = Object.entries(found.groups).find(([, value]) => value !== undefined) ?? ['mark', ''];
    const token = { kind: kind as Token['kind'], text: word ?? '', at: base + begin };
    if (isGlued && isOperand(token)) throw unquoted(text, begin, base) ?? notUnderstood(text, begin, base);
    tokens.push(token);
    index = TOKEN.lastIndex;
  }
  tokens.push({ kind: 'end', text: '', at: base + text.length });
  return tokens;
}

const OPERATOR_WORDS = ['and', 'or', 'not', 'in', 'default'];

function isOperand(token: Token | undefined): boolean {
  if (token === undefined || OPERATOR_WORDS.includes(token.text)) return false;
  return token.kind !== 'mark' && token.kind !== 'end';
}
