/**
 * A notification: Masakari's body, exactly (POST /v1/notifications). It is parsed once on arrival and trusted afterwards.
 */

import * as v from 'valibot';
import { HOST_NAME_RULE, isHostName } from './host-name.ts';

/** No more than this many bytes of a notification's body are read. */
export const MAX_NOTIFICATION_BYTES = 64 * 1024;

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
// With or without a zone; without one it is UTC, as Masakari's monitors send it.
const ISO_TIME = /^\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?(Z|[+-]\d{2}:?\d{2})?$/;

const shortText = v.pipe(v.string('must be a text'), v.maxLength(255, 'is longer than 255 characters'));
const filledText = v.pipe(shortText, v.minLength(1, 'is empty'));

/** Date takes February 30th for March 2nd. */
function hasItsDay(text: string): boolean {
  const [year = 0, month = 0, day = 0] = text.slice(0, 10).split('-').map(Number);
  return new Date(Date.UTC(year, month - 1, day)).getUTCDate() === day;
}

const generatedTime = v.pipe(
  v.string('must be an ISO 8601 time'),
  v.regex(ISO_TIME, 'is not an ISO 8601 time, e.g. 2026-11-21T08:05:44.646000'),
  v.check(hasItsDay, 'is not a time that exists'),
  v.transform((text) => new Date(/(Z|[+-]\d{2}:?\d{2})$/.test(text) ? text : `${text.replace(' ', 'T')}Z`)),
  v.check((time) => Number.isFinite(time.getTime()), 'is not a time that exists'),
);

const common = {
  hostname: v.pipe(shortText, v.minLength(1, 'is empty'), v.check(isHostName, `is no host name: ${HOST_NAME_RULE}`)),
  generated_time: generatedTime,
};

const hostEvent = v.picklist(['STARTED', 'STOPPED'], 'must be STARTED or STOPPED');

const hostPayload = v.strictObject({
  event: hostEvent,
  cluster_status: v.exactOptional(v.picklist(['ONLINE', 'OFFLINE'], 'must be ONLINE or OFFLINE')),
  host_status: v.exactOptional(v.picklist(['NORMAL', 'UNKNOWN'], 'must be NORMAL or UNKNOWN')),
});

const processPayload = v.strictObject({
  event: hostEvent,
  process_name: v.pipe(
    v.string('must be a text'),
    v.minLength(1, 'is empty'),
    v.maxLength(4096, 'is longer than 4096'),
  ),
});

const instancePayload = v.strictObject({
  event: filledText,
  instance_uuid: v.pipe(v.string('must be a text'), v.regex(UUID, 'is not a UUID')),
  vir_domain_event: filledText,
});

const notificationSchema = v.variant(
  'type',
  [
    v.strictObject({ type: v.literal('COMPUTE_HOST'), ...common, payload: hostPayload }),
    v.strictObject({ type: v.literal('PROCESS'), ...common, payload: processPayload }),
    v.strictObject({ type: v.literal('VM'), ...common, payload: instancePayload }),
  ],
  'must be COMPUTE_HOST, PROCESS or VM',
);

const bodySchema = v.strictObject({ notification: notificationSchema });

export type Notification = v.InferOutput<typeof notificationSchema>;

/** The transmitted body: `{"notification": {…}}` with the time as text. */
export type NotificationBody = v.InferInput<typeof bodySchema>;

/** The body is not a notification; the message has the field and the allowed values. */
export class InvalidNotification extends Error {
  override readonly name = 'InvalidNotification';
  /** Dotted path, e.g. `notification.payload.event`. */
  readonly field: string;

  constructor(field: string, reason: string) {
    super(`${field} ${reason}`);
    this.field = field;
  }
}

/** The text of an issue that valibot found, without the given value, which may be anything. */
function reasonOf(issue: v.BaseIssue<unknown>): string {
  if (issue.type === 'strict_object' && issue.expected === 'never') return 'is not a known field';
  if (issue.type === 'strict_object' && issue.received === 'undefined') return 'is missing';
  return issue.received === 'undefined' ? 'is missing' : issue.message;
}

/** Reads a body `{"notification": {…}}`. Throws `InvalidNotification`. */
export function parseNotification(body: unknown): Notification {
  const result = v.safeParse(bodySchema, body, { abortEarly: true });
  if (result.success) return result.output.notification;
  const [issue] = result.issues;
  throw new InvalidNotification(v.getDotPath(issue) ?? 'notification', reasonOf(issue));
}

/** JSON with sorted keys: equal payloads give equal texts. */
export function canonicalPayload(notification: Notification): string {
  return JSON.stringify(Object.fromEntries(Object.entries(notification.payload).sort(([a], [b]) => (a < b ? -1 : 1))));
}

/** Masakari's form of a time: UTC without a zone, with six digits, e.g. 2026-11-21T08:05:44.646000. @param at ms UTC */
export function wireTime(at: number): string {
  return new Date(at).toISOString().replace('Z', '000');
}
