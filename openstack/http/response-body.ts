/**
 * The content of a response, checked before it is used.
 *
 * Invariant: no part of a response is used before its schema was checked. A wrong part is reported by its place, never quoted.
 */
import * as v from 'valibot';
import { CloudError } from '../cloud-error.ts';
import type { Answer } from './exchange.ts';
import { type RequestDescription, sizeAndType } from './fault.ts';

/** The body of a response. Throws `CloudError` of kind `unknown` if the body is not JSON, because its sender was not this API. */
export function parsed<S extends v.GenericSchema>(
  schema: S,
  answer: Answer,
  description: RequestDescription,
): v.InferOutput<S> {
  const start = answerTo(description, answer);
  let tree: unknown;
  try {
    tree = JSON.parse(answer.body);
  } catch {
    // The parser's own message quotes the text.
    throw new CloudError('unknown', `${start} not with JSON (${sizeAndType(answer)})`, { status: answer.status });
  }
  return checked(schema, tree, start, []);
}

/** The start of a message about the content of a response. */
export function answerTo({ who, what }: RequestDescription, { status }: Answer): string {
  return `${who} responded ${status} to ${what}, but`;
}

/** A part of a response; throws as `parsed` does. `start` is that of `answerTo`, `place` the path of the part. */
export function checked<S extends v.GenericSchema>(
  schema: S,
  tree: unknown,
  start: string,
  place: readonly (string | number)[],
): v.InferOutput<S> {
  const result = v.safeParse(schema, tree);
  if (result.success) return result.output;
  const issue = result.issues[0];
  const path = [...place, ...(issue.path ?? []).map(({ key }) => String(key))];
  const named = path.map((key) => (/^[\w:-]{1,40}$/.test(String(key)) ? key : '…')).join('.') || 'the whole';
  // A mandatory field is missing if the response comes from a proxy or from a service that is not Nova.
  const problem = issue.received === 'undefined' ? 'not present' : `not ${issue.expected ?? 'as expected'}`;
  throw new CloudError('unknown', `${start} ${named} is ${problem}`);
}

/** A time as OpenStack writes it: ISO, in UTC even without a time zone. */
export function utc(text: string | null | undefined): Date | undefined {
  if (text === null || text === undefined) return undefined;
  const at = Date.parse(/(?:Z|[+-]\d\d:?\d\d)$/.test(text) ? text : `${text}Z`);
  return Number.isNaN(at) ? undefined : new Date(at);
}
