/**
 * Whether a request may be sent again, and when. Pure.
 *
 * Invariant: a request that is not safe to repeat is repeated only when the cloud certainly did not carry it out: it
 * never left, or was answered 429, or 503 with a Retry-After.
 */
import { retryAfter } from '../../http/retry-after.ts';
import type { ClientOptions } from './options.ts';
import type { Outcome } from './transport.ts';

export { httpDate, retryAfter } from '../../http/retry-after.ts';

/** `safe`: a read, or a change that names the wanted state. */
export type Repeatable = 'safe' | 'unless_done';

/**
 * What an outcome says about the request: `final` is an answer to work with or to report, `undone` is known to have had
 * no effect, `unclear` may have had one.
 */
export type Effect = 'final' | 'undone' | 'unclear';

export function effectOf(outcome: Outcome): Effect {
  switch (outcome.kind) {
    case 'not_sent':
    case 'stale':
      return 'undone';
    case 'lost':
      return 'unclear';
    case 'oversized':
      return 'final';
    case 'answer':
      if (isBusy(outcome.status, retryAfter(outcome.headers))) return 'undone';
      return outcome.status >= 500 ? 'unclear' : 'final';
  }
}

export function isBusy(status: number, retryAfterSeconds: number | undefined): boolean {
  return status === 429 || (status === 503 && retryAfterSeconds !== undefined);
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
