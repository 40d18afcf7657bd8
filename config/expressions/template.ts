/**
 * Texts with values in them: `Host {{ host_name }} had {{ instances.count }} instances`.
 *
 * The braces contain an expression (expression.ts), optionally followed by `| json`, `| lines` or `| join ", "`. A template
 * that is one pair of braces and nothing else gives the value itself, so that numbers and lists keep their kind. What is
 * filled in is never read as a template again.
 */

import { evaluate, type Values } from './evaluator.ts';
import { type Comparison, comparisonsOf, type Expression, ExpressionFault, pathsOf, type Value } from './expression.ts';
import { parseExpression } from './parser.ts';

type Form = { readonly as: 'text' | 'json' | 'lines' } | { readonly as: 'join'; readonly between: string };

interface Hole {
  readonly expression: Expression;
  readonly form: Form;
}

export type Template = readonly (string | Hole)[];

const FORM = /\|\s*(?<word>[A-Za-z]+)\s*(?<argument>"(?:[^"\\]|\\.)*")?\s*$/;

/** Throws `ExpressionFault` with the offset in the text. */
export function parseTemplate(text: string): Template {
  const parts: (string | Hole)[] = [];
  let index = 0;
  for (;;) {
    const open = text.indexOf('{{', index);
    if (open === -1) break;
    if (open > index) parts.push(text.slice(index, open));
    const close = endOfHole(text, open + 2);
    parts.push(parseHole(text.slice(open + 2, close), open + 2));
    index = close + 2;
  }
  if (index < text.length) parts.push(text.slice(index));
  return parts;
}

/** Where the braces close, those in quotes left aside. */
function endOfHole(text: string, from: number): number {
  let quote = '';
  for (let index = from; index < text.length; index++) {
    const character = text[index] ?? '';
    if (quote !== '') {
      if (character === '\\' && quote === '"') index += 1;
      else if (character === quote) quote = '';
    } else if (character === '"' || character === "'") quote = character;
    else if (text.startsWith('}}', index)) return index;
  }
  throw new ExpressionFault('has "{{" without "}}"', from - 2);
}

function parseHole(inner: string, base: number): Hole {
  const found = FORM.exec(inner);
  const expression = parseExpression(inner.slice(0, found?.index), base);
  if (!found?.groups) return { expression, form: { as: 'text' } };
  const { word = '', argument } = found.groups;
  if (word === 'join')
    return { expression, form: { as: 'join', between: argument ? String(JSON.parse(argument)) : ', ' } };
  if ((word === 'json' || word === 'lines') && argument === undefined) return { expression, form: { as: word } };
  throw new ExpressionFault(`has "| ${word}"; there are json, lines and join ", "`, base + found.index);
}

/** Every path of a template. */
export function templatePaths(template: Template): ReturnType<typeof pathsOf> {
  return template.flatMap((part) => (typeof part === 'string' ? [] : pathsOf(part.expression)));
}

/** Every comparison in every text inside a value that was read from JSON or YAML. Throws `ExpressionFault`. */
export function allComparisons(value: Value): readonly Comparison[] {
  if (typeof value === 'string') {
    return parseTemplate(value).flatMap((part) => (typeof part === 'string' ? [] : comparisonsOf(part.expression)));
  }
  if (Array.isArray(value)) return value.flatMap((item: Value) => allComparisons(item));
  if (value === null || typeof value !== 'object') return [];
  return Object.values(value).flatMap((item) => allComparisons(item));
}

/** The value of a template: of a single hole the value itself, else a text. */
export function fill(template: Template, values: Values): Value {
  const [only] = template;
  if (template.length === 1 && typeof only === 'object' && only.form.as === 'text')
    return evaluate(only.expression, values);
  return fillText(template, values);
}

/** @param written the form of a text that is filled in; unchanged if absent */
export function fillText(
  template: Template,
  values: Values,
  written: (text: string) => string = (text) => text,
): string {
  return template.map((part) => (typeof part === 'string' ? part : written(formed(part, values)))).join('');
}

function formed({ expression, form }: Hole, values: Values): string {
  const value = evaluate(expression, values);
  switch (form.as) {
    case 'text':
      return wordsOf(value, ', ');
    case 'json':
      return JSON.stringify(value);
    case 'lines':
      return wordsOf(value, '\n');
    case 'join':
      return wordsOf(value, form.between);
  }
}

function wordsOf(value: Value, between: string): string {
  if (value === null) return '';
  if (Array.isArray(value)) return value.map((item: Value) => wordsOf(item, ', ')).join(between);
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

/** Fills every text inside a value that was read from JSON or YAML. */
export function fillAll(value: Value, values: Values): Value {
  if (typeof value === 'string') return fill(parseTemplate(value), values);
  if (Array.isArray(value)) return value.map((item: Value) => fillAll(item, values));
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, fillAll(item, values)]));
}

/** Every path in every text inside such a value. Throws `ExpressionFault`. */
export function allPaths(value: Value): ReturnType<typeof pathsOf> {
  if (typeof value === 'string') return templatePaths(parseTemplate(value));
  if (Array.isArray(value)) return value.flatMap((item: Value) => allPaths(item));
  if (value === null || typeof value !== 'object') return [];
  return Object.values(value).flatMap((item) => allPaths(item));
}
