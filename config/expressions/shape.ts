/** Shapes of the values that tasks can use, as far as they are known before a failure: enough to find a misspelt name. */
import { didYouMean } from '../document/nearest.ts';

export type Shape =
  | 'text'
  | 'number'
  /** Nothing is known of it; any path into it may exist. */
  | 'any'
  | { readonly listOf: Shape }
  | { readonly fields: { readonly [name: string]: Shape } };

/** What a task or a flow gives, by name. */
export type Shapes = { readonly [name: string]: Shape };

/** The shape of the value at a path; `any` if the path does not exist or nothing is known. */
export function shapeAt(shape: Shape, steps: readonly string[]): Shape {
  const [step, ...rest] = steps;
  if (step === undefined) return shape;
  if (typeof shape === 'string') return 'any';
  if ('listOf' in shape) {
    if (step === 'count') return shapeAt('number', rest);
    if (/^\d+$/.test(step)) return shapeAt(shape.listOf, rest);
    return { listOf: shapeAt(shape.listOf, steps) };
  }
  const field = Object.hasOwn(shape.fields, step) ? shape.fields[step] : undefined;
  return field === undefined ? 'any' : shapeAt(field, rest);
}

/**
 * Why a path exists in no value of this shape; completes a sentence about the value. Undefined: it may exist.
 * @param others names besides those of the shape that may have been meant
 */
export function faultOfPath(
  shape: Shape,
  steps: readonly string[],
  others: readonly string[] = [],
): string | undefined {
  const [step, ...rest] = steps;
  if (step === undefined || shape === 'any') return undefined;
  if (typeof shape === 'string') return `is a ${shape} and has no "${step}"${didYouMean(step, others)}`;
  if ('listOf' in shape) {
    if (step === 'count') return faultOfPath('number', rest);
    if (/^\d+$/.test(step)) return faultOfPath(shape.listOf, rest);
    // A step after a list applies to each of its items, which have no count.
    return faultOfPath(shape.listOf, steps, ['count']);
  }
  const field = Object.hasOwn(shape.fields, step) ? shape.fields[step] : undefined;
  if (field !== undefined) return faultOfPath(field, rest);
  return `has no "${step}"${didYouMean(step, [...Object.keys(shape.fields), ...others])}`;
}
