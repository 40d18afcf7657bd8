/** The return value of a module, as JSON: only values that JSON can express, so that nothing is lost silently. */
import { lineOf, MAX_ANSWER, messageOf } from './wire.ts';

export type Answer =
  | { readonly json: string }
  /** Completes "what it returned …". */
  | { readonly fault: string };

export function answerOf(returned: unknown): Answer {
  if (returned === undefined || returned === null) return { json: '{}' };
  if (typeof returned !== 'object' || Array.isArray(returned)) {
    return { fault: `is ${Array.isArray(returned) ? 'a list' : `a ${typeof returned}`} and no object` };
  }
  let json: string;
  try {
    json = JSON.stringify(returned, (key, value: unknown) => {
      const what = whatJsonHasNot(value);
      if (what) throw new Error(`"${key}" is ${what}`);
      return value;
    });
  } catch (error) {
    return { fault: lineOf(`is no JSON: ${messageOf(error)}`) };
  }
  if (json.length > MAX_ANSWER) return { fault: `has ${json.length} characters, more than ${MAX_ANSWER}` };
  return { json };
}

/** A value that is undefined may be omitted. */
function whatJsonHasNot(value: unknown): string | undefined {
  if (typeof value === 'number' && !Number.isFinite(value)) return String(value);
  if (typeof value === 'function' || typeof value === 'symbol' || typeof value === 'bigint') return `a ${typeof value}`;
  if (value instanceof Map || value instanceof Set) return `a ${value.constructor.name}`;
  return undefined;
}
