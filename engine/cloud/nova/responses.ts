/**
 * Nova's answers, parsed into what tasks work with.
 *
 * Invariant: nothing of an answer is believed before its schema is. What does not fit is named by its place, never quoted.
 */
import * as v from 'valibot';
import { type Aggregate, CloudError, type InstanceAction } from '../cloud.ts';
import { type Asked, sizeAndType } from './faults.ts';
import type { Answer } from './transport.ts';

const Id = v.pipe(v.string(), v.minLength(1));
const Text = v.nullish(v.string());

/** The body of an answer; throws `CloudError` of kind `unknown`, for whoever sent it, it was not this API. */
export function parsed<S extends v.GenericSchema>(schema: S, answer: Answer, asked: Asked): v.InferOutput<S> {
  const start = answerTo(asked, answer);
  let tree: unknown;
  try {
    tree = JSON.parse(answer.body);
  } catch {
    // The parser's own message quotes the text.
    throw new CloudError('unknown', `${start} not with JSON (${sizeAndType(answer)})`, { status: answer.status });
  }
  return checked(schema, tree, start, []);
}

/** How a message about the content of an answer starts. */
export function answerTo({ who, what }: Asked, { status }: Answer): string {
  return `${who} answered ${status} to ${what}, but`;
}

/** A part of an answer; throws as `parsed` does. `start` is that of `answerTo`, `place` the way to the part. */
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
  // What Nova always sends is missing where a proxy answers, or a service that is not Nova.
  const problem = issue.received === 'undefined' ? 'not present' : `not ${issue.expected ?? 'as expected'}`;
  throw new CloudError('unknown', `${start} ${named} is ${problem}`);
}

/** A time as OpenStack writes it: ISO, in UTC even where it does not say so. */
export function utc(text: string | null | undefined): Date | undefined {
  if (text === null || text === undefined) return undefined;
  const at = Date.parse(/(?:Z|[+-]\d\d:?\d\d)$/.test(text) ? text : `${text}Z`);
  return Number.isNaN(at) ? undefined : new Date(at);
}

export const Links = v.optional(v.array(v.object({ rel: v.string() })), []);

/** `image` is an empty text for an instance that boots from a volume or a blank disk. */
export const ImageAnswer = v.object({
  server: v.object({ id: Id, image: v.nullish(v.union([v.string(), v.object({ id: Id })])) }),
});

/** Throws `CloudError` of kind `refused` where there is none. */
export function imageOf({ server: { id, image } }: v.InferOutput<typeof ImageAnswer>): string {
  if (typeof image === 'object' && image !== null) return image.id;
  const message = `instance ${id} was not made from an image (it boots from a volume or a blank disk), so it cannot be rebuilt from it`;
  throw new CloudError('refused', message);
}

export const ActionsAnswer = v.object({
  instanceActions: v.array(
    v.object({ action: v.string(), request_id: Id, start_time: Text, message: Text, user_id: Text }),
  ),
});

/** Nova writes the word `Error` into `message` when an action ends in one. */
export function actionsOf({ instanceActions }: v.InferOutput<typeof ActionsAnswer>): InstanceAction[] {
  return [...instanceActions]
    .sort((a, b) => (b.start_time ?? '').localeCompare(a.start_time ?? ''))
    .map(({ action, request_id, message, start_time, user_id }) => ({
      action,
      requestId: request_id,
      isFailed: message === 'Error',
      startedAt: utc(start_time) ?? null,
      userId: user_id || null,
    }));
}

export const AggregatesAnswer = v.object({
  aggregates: v.array(
    v.object({ id: v.union([v.number(), Id]), name: v.string(), hosts: v.optional(v.array(v.string()), []) }),
  ),
});

export function aggregatesOf({ aggregates }: v.InferOutput<typeof AggregatesAnswer>): Aggregate[] {
  return aggregates.map(({ id, name, hosts }) => ({ id: String(id), name, hosts }));
}
