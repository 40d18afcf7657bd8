/**
 * The small language of conditions and templates of custom tasks: values by name, comparisons, and words between them.
 *
 *     instances.count > 0 and not (host_name in ["c1", "c2"])
 *
 * Total: it has no loops, no calls and no way to fail on a value it does not like; what is not there is null. An operand
 * that is not true or false counts as true unless it is null, "", 0 or an empty list.
 */
import { COMPARISONS, ExpressionFault, meantBy, notUnderstood, unquoted } from './expression-faults.ts';

export { ExpressionFault };

export type Value = null | boolean | number | string | readonly Value[] | { readonly [name: string]: Value };

export type Expression =
  | { readonly is: 'value'; readonly value: Value }
  /** At: offset of its first character in the text. */
  | { readonly is: 'path'; readonly steps: readonly string[]; readonly at: number }
  | { readonly is: 'list'; readonly items: readonly Expression[] }
  | { readonly is: 'not'; readonly operand: Expression }
  | Comparison
  | { readonly is: 'and' | 'or' | 'default'; readonly left: Expression; readonly right: Expression };

export interface Comparison {
  readonly is: (typeof COMPARISONS)[number];
  readonly left: Expression;
  readonly right: Expression;
  /** Offset of its first character in the text. */
  readonly at: number;
}

/** Deep nesting is a mistake or an attack. */
const MAX_DEPTH = 50;
const TOKEN =
  /\s*(?:(?<path>[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z0-9_]+)*)|(?<number>-?\d+(?:\.\d+)?)|(?<text>"(?:[^"\\]|\\.)*"|'[^']*')|(?<mark>==|!=|<=|>=|[<>()[\],]))/y;

interface Token {
  readonly kind: 'path' | 'number' | 'text' | 'mark' | 'end';
  readonly text: string;
  readonly at: number;
}

function tokensOf(text: string, base: number): Token[] {
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
      text === '' ? 'ends where a value should stand' : `has "${text}" where a value should stand`,
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

/** Every path of an expression. */
export function pathsOf(expression: Expression): readonly (Expression & { readonly is: 'path' })[] {
  switch (expression.is) {
    case 'value':
      return [];
    case 'path':
      return [expression];
    case 'list':
      return expression.items.flatMap(pathsOf);
    case 'not':
      return pathsOf(expression.operand);
    default:
      return [...pathsOf(expression.left), ...pathsOf(expression.right)];
  }
}

/** Every comparison of an expression. */
export function comparisonsOf(expression: Expression): readonly Comparison[] {
  switch (expression.is) {
    case 'value':
    case 'path':
      return [];
    case 'list':
      return expression.items.flatMap(comparisonsOf);
    case 'not':
      return comparisonsOf(expression.operand);
    default: {
      const inner = [...comparisonsOf(expression.left), ...comparisonsOf(expression.right)];
      return 'at' in expression ? [expression, ...inner] : inner;
    }
  }
}

export type Values = { readonly [name: string]: Value };

/** What a path leads to; null where it leads nowhere. `count` of a list is its length; another name gives that of each item. */
export function follow(steps: readonly string[], values: Values): Value {
  let value: Value = values;
  for (const step of steps) value = stepInto(value, step);
  return value;
}

function stepInto(value: Value, step: string): Value {
  if (Array.isArray(value)) {
    if (step === 'count') return value.length;
    if (/^\d+$/.test(step)) return value[Number(step)] ?? null;
    return value.map((item: Value) => stepInto(item, step));
  }
  if (value === null || typeof value !== 'object') return null;
  return Object.hasOwn(value, step) ? ((value as Values)[step] ?? null) : null;
}

export function isTrue(value: Value): boolean {
  return Array.isArray(value) ? value.length > 0 : Boolean(value);
}

export function evaluate(expression: Expression, values: Values): Value {
  switch (expression.is) {
    case 'value':
      return expression.value;
    case 'path':
      return follow(expression.steps, values);
    case 'list':
      return expression.items.map((item) => evaluate(item, values));
    case 'not':
      return !isTrue(evaluate(expression.operand, values));
    case 'and':
      return isTrue(evaluate(expression.left, values)) && isTrue(evaluate(expression.right, values));
    case 'or':
      return isTrue(evaluate(expression.left, values)) || isTrue(evaluate(expression.right, values));
    case 'default':
      return evaluate(expression.left, values) ?? evaluate(expression.right, values);
    default:
      return compare(expression.is, evaluate(expression.left, values), evaluate(expression.right, values));
  }
}

function compare(mark: Comparison['is'], left: Value, right: Value): boolean {
  if (mark === '==') return isSame(left, right);
  if (mark === '!=') return !isSame(left, right);
  if (mark === 'in') {
    if (typeof right === 'string') return typeof left === 'string' && right.includes(left);
    return Array.isArray(right) && right.some((item: Value) => isSame(left, item));
  }
  // Numbers with numbers and texts with texts; nothing else has an order.
  const order =
    typeof left === 'number' && typeof right === 'number'
      ? left - right
      : typeof left === 'string' && typeof right === 'string'
        ? left < right
          ? -1
          : Number(left > right)
        : Number.NaN;
  switch (mark) {
    case '<':
      return order < 0;
    case '<=':
      return order <= 0;
    case '>':
      return order > 0;
    case '>=':
      return order >= 0;
  }
}

/** JSON's sense of the same, whatever order the names stand in. */
function isSame(left: Value, right: Value): boolean {
  if (left === right) return true;
  if (left === null || right === null || typeof left !== 'object' || typeof right !== 'object') return false;
  if (Array.isArray(left) !== Array.isArray(right)) return false;
  const [a, b] = [Object.entries(left), Object.entries(right)];
  return (
    a.length === b.length &&
    a.every(([name, value]) => Object.hasOwn(right, name) && isSame(value, (right as Values)[name] ?? null))
  );
}
