/**
 * Whether a request may be sent again, and when. Pure.
 *
 * Invariant: a request that is not safe to repeat is repeated only if the cloud certainly did not carry it out: it was never sent, or the
 * response was 429, 413 with a Retry-After, or the service's own 503 with a Retry-After. A 503 of a proxy may come from a service that
 * ended during the request.
 */

import { backoff } from '#protocol/backoff.ts';
import type { Answer, Outcome } from './exchange.ts';
import type { HttpOptions } from './options.ts';
import { isOwn, type Who } from './own-answer.ts';
import { retryAfter } from './retry-after.ts';

/** `safe`: a read, or a change that states the desired state. */
export type Repeatable = 'safe' | 'unless_done';

/**
 * Effect of a request by its outcome: `final` is a response to use or to report, `undone` is known to have had no effect, `unclear` may
 * have had one.
 */
export type Effect = 'final' | 'undone' | 'unclear';

export function effectOf(outcome: Outcome, who: Who): Effect {
  switch (outcome.kind) {
    case 'not_sent':
    case 'stale':
      return 'undone';
    case 'lost':
      return 'unclear';
    case 'oversized':
      return 'final';
    case 'answer':
      if (isBusy(outcome, who)) return 'undone';
      return outcome.status >= 500 ? 'unclear' : 'final';
  }
}

/** Whether the response states that nothing was done and that the request may be repeated later. */
export function isBusy(answer: Answer, who: Who): boolean {
  const { status, headers } = answer;
  if (status === 429) return true;
  if (retryAfter(headers) === undefined) return false;
  // Older OpenStack services limit rates with 413.
  return status === 413 || (status === 503 && isOwn(answer, who));
}

export function mayRepeat(effect: Effect, repeatable: Repeatable): boolean {
  return effect === 'undone' || (effect === 'unclear' && repeatable === 'safe');
}

type Pace = Pick<HttpOptions, 'tries' | 'backoffMs' | 'backoffMaxMs' | 'retryAfterMaxMs'>;

/**
 * The wait before the next attempt after `tried` ones, or undefined if there must be none. With full jitter, so that many clients that
 * failed together do not retry together.
 */
export function waitBeforeNext(
  tried: number,
  retryAfterSeconds: number | undefined,
  remainingMs: number,
  random: number,
  pace: Pace,
): number | undefined {
  if (tried >= pace.tries) return undefined;
  const jitterMs = random * backoff(tried - 1, { firstMs: pace.backoffMs, maxMs: pace.backoffMaxMs });
  if (retryAfterSeconds === undefined) return jitterMs < remainingMs ? jitterMs : undefined;
  const requestedMs = retryAfterSeconds * 1000;
  if (requestedMs > pace.retryAfterMaxMs) return undefined;
  const waitMs = requestedMs + jitterMs;
  return waitMs < remainingMs ? waitMs : undefined;
}
