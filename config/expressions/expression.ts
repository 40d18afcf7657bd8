/**
 * The small language of conditions and templates of custom tasks: values by name, comparisons, and words between them.
 *
 *     instances.count > 0 and not (host_name in ["c1", "c2"])
 *
 * This file contains the tree of an expression. `lexer.ts` and `parser.ts` read it from a text, `evaluator.ts` gives its value.
 */

import { type COMPARISONS, ExpressionFault } from './expression-faults.ts';

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
