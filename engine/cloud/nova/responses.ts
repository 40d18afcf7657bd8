/**
 * Nova's responses, parsed into the objects that tasks use.
 *
 * Invariant: no part of a response is used before its schema was checked. A wrong part is reported by its place, never quoted.
 */
import * as v from 'valibot';
import { CloudError } from '#openstack/cloud-error.ts';
import { utc } from '#openstack/http/response-body.ts';
import type { Aggregate, InstanceAction } from '../cloud.ts';

const Id = v.pipe(v.string(), v.minLength(1));
const Text = v.nullish(v.string());

export const Links = v.optional(v.array(v.object({ rel: v.string() })), []);

/** `image` is an empty text for an instance that boots from a volume or a blank disk. */
export const ImageAnswer = v.object({
  server: v.object({ id: Id, image: v.nullish(v.union([v.string(), v.object({ id: Id })])) }),
});

/** Throws `CloudError` of kind `refused` if there is none. */
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

/** Nova writes the word `Error` into `message` if an action ends in one. */
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
