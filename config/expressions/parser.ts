/** From the text of a condition or template to its expression; each fault has its offset. */

import type { Expression } from './expression.ts';
import { COMPARISONS, ExpressionFault, meantBy } from './expression-faults.ts';
import { type Token, tokensOf } from './lexer.ts';

/** Deep nesting is a mistake or an attack. */
const MAX_DEPTH = 50;

class Parser {
  readonly #tokens: readonly Token[];
  #next = 0;
  #depth = 0;

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  whole(): Expression {
    const expression = this.#either();
    const { kind, text, at } = this.#peek();
    if (kind === 'end') return expression;
    const hint = kind === 'path' ? meantBy(text, this.#tokens[this.#next + 1]?.text) : '';
    throw new ExpressionFault(`has "${text}" where it should end${hint}`, at);
  }

  #peek(): Token {
    return this.#tokens[this.#next] ?? { kind: 'end', text: '', at: 0 };
  }

  #takes(...words: readonly string[]): string | undefined {
    const { kind, text } = this.#peek();
    if ((kind !== 'mark' && kind !== 'path') || !words.includes(text)) return undefined;
    this.#next += 1;
    return text;
  }

  #either(): Expression {
    this.#depth += 1;
    if (this.#depth > MAX_DEPTH) throw new ExpressionFault('is nested too deep', this.#peek().at);
    let left = this.#both();
    while (this.#takes('or')) left = { is: 'or', left, right: this.#both() };
    this.#depth -= 1;
    return left;
  }

  #both(): Expression {
    let left = this.#negated();
    while (this.#takes('and')) left = { is: 'and', left, right: this.#negated() };
    return left;
  }

  #negated(): Expression {
    let isNot = false;
    while (this.#takes('not')) isNot = !isNot;
    const operand = this.#compared();
    return isNot ? { is: 'not', operand } : operand;
  }

  #compared(): Expression {
    const { at } = this.#peek();
    const left = this.#replaced();
    const mark = COMPARISONS.find((candidate) => this.#takes(candidate));
    return mark ? { is: mark, left, right: this.#replaced(), at } : left;
  }

  #replaced(): Expression {
    const left = this.#operand();
    return this.#takes('default') ? { is: 'default', left, right: this.#operand() } : left;
  }

  #operand(): Expression {
    const { kind, text, at } = this.#peek();
    this.#next += 1;
    if (kind === 'number') return { is: 'value', value: Number(text) };
    if (kind === 'text') return { is: 'value', value: textOf(text, at) };
    if (kind === 'path') {
      if (text === 'true' || text === 'false') return { is: 'value', value: text === 'true' };
      if (text === 'null') return { is: 'value', value: null };
      if (['and', 'or', 'in', 'default'].includes(text))
        throw new ExpressionFault(`needs a value before "${text}"`, at);
      return { is: 'path', steps: text.split('.'), at };
    }
    if (text === '(') {
      const inner = this.#either();
      if (!this.#takes(')')) throw new ExpressionFault('lacks a ")"', this.#peek().at);
      return inner;
    }
    if (text === '[') {
      const items: Expression[] = [];
      while (!this.#takes(']')) {
        items.push(this.#either());
        if (!this.#takes(',') && this.#peek().text !== ']') throw new ExpressionFault('lacks a "]"', this.#peek().at);
      }
      return { is: 'list', items };
    }
    throw new ExpressionFault(
      text === '' ? 'ends where a value is expected' : `has "${text}" where a value is expected`,
      at,
    );
  }
}

function textOf(quoted: string, at: number): string {
  if (quoted.startsWith("'")) return quoted.slice(1, -1);
  try {
    return String(JSON.parse(quoted));
  } catch {
    throw new ExpressionFault('has a text with an escape that JSON does not know', at);
  }
}

/** @param base offset of the text within what faults are counted from. Throws `ExpressionFault`. */
export function parseExpression(text: string, base = 0): Expression {
  return new Parser(tokensOf(text, base)).whole();
}
