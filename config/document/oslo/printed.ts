/** The value of an option as Python prints it: what a reference is replaced by. */

import { stripEnd, stripStart } from './blanks.ts';
import type { Kind } from './registry.ts';

const WHOLE = /^[+-]?\d+(_\d+)*$/;
const FLAGS: ReadonlyMap<string, string> = new Map([
  ...['true', '1', 'on', 'yes'].map((word): [string, string] => [word, 'True']),
  ...['false', '0', 'off', 'no'].map((word): [string, string] => [word, 'False']),
]);

/** Undefined: oslo.config refuses the text, or its releases differ. */
export function printed(text: string, kind: Kind): string | undefined {
  if (kind === 'flag') return FLAGS.get(text.toLowerCase());
  // The dot of a fully qualified name is taken away, some releases refuse it.
  if (kind === 'host' && text.endsWith('.')) return undefined;
  if (kind !== 'whole') return text;
  const digits = stripStart(stripEnd(text));
  if (digits === '') return '';
  return WHOLE.test(digits) ? String(BigInt(digits.replaceAll('_', '').replace(/^\+/, ''))) : undefined;
}
