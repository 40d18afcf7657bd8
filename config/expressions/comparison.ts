/**
 * Whether two operands can ever be equal or ordered, by their kinds known before a failure: a list is never greater than a number.
 *
 * Pure. An operand of unknown kind gives no fault. Any value may be null, which equals only null.
 */
import type { Comparison, Expression } from './expression.ts';
import { type Shape, shapeAt } from './shape.ts';

/** What values there are, by name. */
export type Known = ReadonlyMap<string, Shape>;

type Kind = 'number' | 'text' | 'boolean' | 'null' | 'list' | 'structure' | 'any';

/** Why a comparison always has the same result; completes a sentence about its task. Undefined: it can be true or false. */
export function faultOfComparison(comparison: Comparison, known: Known): string | undefined {
  const { is, left, right } = comparison;
  if (canHold(comparison, known)) return undefined;
  const [one, other] = [described(left, known), described(right, known)];
  const what = is === 'in' ? `searches ${other} for ${one}` : `compares ${one} with ${other}`;
  const meant = meantBy(comparison, known);
  const hint = meant === undefined ? '' : `; did you mean ${meant}?`;
  return `${what}, which is ${is === '!=' ? 'always' : 'never'} true${hint}`;
}

/** Whether the operands of `!=` can be equal; of any other, whether it can be true. */
function canHold({ is, left, right }: Comparison, known: Known): boolean {
  const [one, other] = [kindOf(left, known), kindOf(right, known)];
  if (is === '==' || is === '!=') return canEqual(one, other);
  if (is === 'in') return canBeIn(one, right, known);
  const ordered = ['number', 'text', 'any'];
  return ordered.includes(one) && ordered.includes(other) && (one === other || one === 'any' || other === 'any');
}

function canEqual(one: Kind, other: Kind): boolean {
  return one === other || [one, other].some((kind) => kind === 'any' || kind === 'null');
}

function canBeIn(one: Kind, right: Expression, known: Known): boolean {
  if (right.is === 'list') {
    return right.items.length === 0 || right.items.some((item) => canEqual(one, kindOf(item, known)));
  }
  const shape = right.is === 'path' ? shapeOf(right.steps, known) : 'any';
  if (typeof shape === 'object' && 'listOf' in shape) return canEqual(one, kindOfShape(shape.listOf));
  const other = kindOf(right, known);
  return other === 'any' || other === 'list' || (other === 'text' && (one === 'text' || one === 'any'));
}

function shapeOf([name = '', ...rest]: readonly string[], known: Known): Shape {
  return shapeAt(known.get(name) ?? 'any', rest);
}

function kindOfShape(shape: Shape): Kind {
  if (typeof shape === 'string') return shape;
  return 'listOf' in shape ? 'list' : 'structure';
}

function kindOf(expression: Expression, known: Known): Kind {
  switch (expression.is) {
    case 'value':
      return kindOfValue(expression.value);
    case 'path':
      return kindOfShape(shapeOf(expression.steps, known));
    case 'list':
      return 'list';
    case 'default': {
      const [one, other] = [kindOf(expression.left, known), kindOf(expression.right, known)];
      return one === other ? one : 'any';
    }
    default:
      return 'boolean';
  }
}

function kindOfValue(value: unknown): Kind {
  if (typeof value === 'string') return 'text';
  if (typeof value === 'number' || typeof value === 'boolean') return typeof value as 'number' | 'boolean';
  return value === null ? 'null' : 'any';
}

function described(expression: Expression, known: Known): string {
  const kind = kindOf(expression, known);
  if (expression.is === 'path') return `${kind === 'any' ? '' : `the ${kind} `}${expression.steps.join('.')}`;
  if (expression.is !== 'value') return kind === 'any' ? 'a value' : `a ${kind}`;
  return kind === 'null' ? 'null' : `the ${kind} ${JSON.stringify(expression.value)}`;
}

/** The comparison that a person most likely meant, as it would be written. */
function meantBy({ is, left, right }: Comparison, known: Known): string | undefined {
  const [one, other] = [written(left), written(right)];
  if (one === undefined || other === undefined) return undefined;
  const kinds = [kindOf(left, known), kindOf(right, known)];
  if (kinds[0] === 'list' && kinds[1] === 'number' && is !== 'in') return shown(countOf(left, known), is, other);
  if (kinds[0] === 'number' && kinds[1] === 'list' && is !== 'in') return shown(one, is, countOf(right, known));
  if (kinds[0] === 'text' && kinds[1] === 'list')
    return is === '!=' ? not(inside(one, right, known)) : inside(one, right, known);
  if (kinds[0] === 'list' && kinds[1] === 'text')
    return is === '!=' ? not(inside(other, left, known)) : inside(other, left, known);
  if (is !== '==' && is !== '!=') return undefined;
  if (kinds[0] === 'text' && right.is === 'value') return shown(one, is, JSON.stringify(String(right.value)));
  if (kinds[1] === 'text' && left.is === 'value') return shown(JSON.stringify(String(left.value)), is, other);
  return undefined;
}

function written(expression: Expression): string | undefined {
  if (expression.is === 'path') return expression.steps.join('.');
  return expression.is === 'value' ? JSON.stringify(expression.value) : undefined;
}

function shown(one: string | undefined, is: Comparison['is'], other: string | undefined): string | undefined {
  return one === undefined || other === undefined ? undefined : `${one} ${is} ${other}`;
}

function not(comparison: string | undefined): string | undefined {
  return comparison === undefined ? undefined : `not ${comparison}`;
}

/** How many items the list has that a path leads to, or goes through. */
function countOf(list: Expression, known: Known): string | undefined {
  if (list.is !== 'path') return undefined;
  const lengths = list.steps.map((_, index) => index + 1);
  const length = lengths.find((each) => kindOfShape(shapeOf(list.steps.slice(0, each), known)) === 'list');
  return length === undefined ? undefined : [...list.steps.slice(0, length), 'count'].join('.');
}

/** A text among the texts of a list: of instances, among their names. */
function inside(text: string, list: Expression, known: Known): string | undefined {
  if (list.is !== 'path') return undefined;
  const paths = [list.steps, [...list.steps, 'name']];
  const texts = paths.find((steps) => {
    const shape = shapeOf(steps, known);
    return typeof shape === 'object' && 'listOf' in shape && shape.listOf === 'text';
  });
  return texts && `${text} in ${texts.join('.')}`;
}
