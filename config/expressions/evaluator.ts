/**
 * The value of an expression.
 *
 * Total: it has no loops, no calls and no way to fail on a value it does not like; a value that is missing is null. An operand
 * that is not true or false counts as true unless it is null, "", 0 or an empty list.
 */

import type { Comparison, Expression, Value } from './expression.ts';

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

/** Equality as in JSON; the order of names does not matter. */
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
