/**
 * Dollar signs in values of Masakari's own options, as oslo.config reads them: `$$` and `\$` are a dollar sign.
 *
 * oslo.config replaces `$name` and `${name}` by the value of an option. Nothing here is replaced: such a value is refused, so that a password
 * never means another one than it meant to Masakari.
 */
import type { OptionSpec } from './kinds.ts';

// The names of Python's string.Template, as oslo.config widens them by the dot of a group.
const REFERENCE = /\$(?:\$|[_a-z][._a-z0-9]*|\{[_a-z][._a-z0-9]*\})/gi;

/** The value with its dollar signs; undefined where it refers to another option. */
export function withDollars(text: string): string | undefined {
  const parts = text.replaceAll('\\$', '$$$$');
  if ([...parts.matchAll(REFERENCE)].some(([found]) => found !== '$$')) return undefined;
  return parts.replaceAll('$$', '$$');
}

/** An option that reads its text as oslo.config does. */
export function fromOslo(spec: OptionSpec<string>): OptionSpec<string> {
  return {
    ...spec,
    parse(text) {
      const value = withDollars(text);
      const cure = 'write the value itself, and $$ for a dollar sign';
      return value === undefined
        ? { fault: `refers to another option with $, which is not supported; ${cure}` }
        : spec.parse(value);
    },
  };
}
