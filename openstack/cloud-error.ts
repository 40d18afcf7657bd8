/**
 * Why a call failed, and therefore which action is allowed next:
 * - `unreachable`: it was never sent (connection refused, name not found, no token): may be repeated.
 * - `busy`: the cloud responded that it did not do it and is busy (429; with Retry-After 413 and the service's own 503): may be repeated
 *   after `retryAfter`.
 * - `no_answer`: the response to a read contains nothing reliable about the object: its cell is down, or the list may be incomplete. The
 *   message names the object and, if known, the cell's host. Nothing may be concluded from it.
 * - `unknown`: it was sent and the response was lost, timed out, was a 5xx, or came from a proxy (its 404 or 503): read the state before
 *   anything is repeated. Of a read: the response is not one of the service, or lacks a mandatory field.
 * - `not_found` (the service's own 404), `conflict` (409), `refused` (400 and other 4xx): the cloud did not do it, and gave the reason. A
 *   404 to a change may be about its target (`Compute host c9 not found.`): the instance is gone only if a read of itself shows that.
 * - `unauthorized`: credentials or rights are wrong (401 after a new token, 403): nothing was done.
 */
export type CloudErrorKind =
  | 'unreachable'
  | 'busy'
  | 'no_answer'
  | 'unknown'
  | 'not_found'
  | 'conflict'
  | 'refused'
  | 'unauthorized';

export class CloudError extends Error {
  override readonly name = 'CloudError';
  readonly kind: CloudErrorKind;
  /** HTTP status, if there was a response. */
  readonly status: number | undefined;
  readonly requestId: string | undefined;
  /** Seconds to wait before the next attempt, as the cloud requested. */
  readonly retryAfter: number | undefined;

  constructor(
    kind: CloudErrorKind,
    message: string,
    details: { status?: number; requestId?: string; retryAfter?: number; cause?: unknown } = {},
  ) {
    super(message, { cause: details.cause });
    this.kind = kind;
    this.status = details.status;
    this.requestId = details.requestId;
    this.retryAfter = details.retryAfter;
  }
}

const OUTAGES: ReadonlySet<CloudErrorKind> = new Set(['unreachable', 'busy', 'no_answer', 'unknown']);

/** Whether waiting may help: the cloud is unavailable or busy, and the request itself is valid. */
export function isOutage(error: unknown): error is CloudError {
  return error instanceof CloudError && OUTAGES.has(error.kind);
}
