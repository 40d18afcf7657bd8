/**
 * Whether a request may be sent again, and when. Pure.
 *
 * Invariant: a request that is not safe to repeat is repeated only when the cloud certainly did not carry it out: it
 * never left, or was answered 429, 413 with a Retry-After, or by the service itself 503 with a Retry-After. A 503 of a proxy may come
 * from a service that died in the middle of the request.
 */
import { retryAfter } from '../../http/retry-after.ts';
import type { ClientOptions } from './options.ts';
import { isOwn, type Who } from './own-answer.ts';
import type { Answer, Outcome } from './transport.ts';

export { httpDate, retryAfter } from '../../http/retry-after.ts';

/** `safe`: a read, or a change that names the wanted state. */
export type Repeatable = 'safe' | 'unless_done';

/**
 * What an outcome says about the request: `final` is an answer to work with or to report, `undone` is known to have had
 * no effect, `unclear` may have had one.
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

/** Whether the answer says that nothing was done, and that it may be asked for later. */
export function isBusy(answer: Answer, who: Who): boolean {
  const { status, headers } = answer;
  if (status === 429) return true;
  if (retryAfter(headers) === undefined) return false;
  // 413 is how older OpenStack services limit rates.
  return status === 413 || (status === 503 && isOwn(answer, who));
}

export function mayRepeat(effect: Effect, repeatable: Repeatable): boolean {
  return effect === 'undone' || (effect === 'unclear' && repeatable === 'safe');
}

type Pace = Pick<ClientOptions, 'tries' | 'backoffMs' | 'backoffMaxMs' | 'retryAfterMaxMs'>;

/**
 * The wait before the next try after `tried` ones, or undefined when there should be none. With full jitter, so that
 * many clients that failed together do not come back together.
 */
export function waitBeforeNext(
  tried: number,
  retryAfterSeconds: number | undefined,
  remainingMs: number,
  random: number,
  pace: Pace,
): number | undefined {
  if (tried >= pace.tries) return undefined;
  const jitterMs = random * Math.min(pace.backoffMaxMs, pace.backoffMs * 2 ** (tried - 1));
  if (retryAfterSeconds === undefined) return jitterMs < remainingMs ? jitterMs : undefined;
  const askedMs = retryAfterSeconds * 1000;
  if (askedMs > pace.retryAfterMaxMs) return undefined;
  const waitMs = askedMs + jitterMs;
  return waitMs < remainingMs ? waitMs : undefined;
}
