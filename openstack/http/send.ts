/**
 * Sends a request until it has a usable response, its attempts are used up, or its deadline ends.
 *
 * Invariants: a change is sent only while the guard finds the lease fresh, and is confirmed before each attempt; a request that `retry.ts`
 * does not allow to repeat is not repeated.
 */

import type { ActGuard } from '../act-guard.ts';
import { CloudError } from '../cloud-error.ts';
import type { HttpClient } from './client.ts';
import { type Deadline, DeadlineEnded } from './deadline.ts';
import type { Answer, Outcome } from './exchange.ts';
import { fault, type RequestDescription } from './fault.ts';
import type { HttpOptions } from './options.ts';
import { type Effect, effectOf, mayRepeat, type Repeatable, waitBeforeNext } from './retry.ts';
import { retryAfter } from './retry-after.ts';
import type { Request } from './transport.ts';

export interface PreparedRequest {
  readonly description: RequestDescription;
  readonly request: Request;
  readonly repeatable: Repeatable;
  /** For requests that change the cloud. */
  readonly guard?: ActGuard;
}

/** Consecutive confirmations that were stale by the time the request could be sent. */
const MAX_STALE = 3;

/**
 * Returns any response below 500 that does not request a later attempt, also 4xx. Otherwise throws `CloudError`, the guard's error, or the
 * signal's reason if the caller cancelled and nothing can have changed.
 */
export async function send(client: HttpClient, errand: PreparedRequest, deadline: Deadline): Promise<Answer> {
  const { description, repeatable, guard } = errand;
  const { options, redaction, log } = client;
  let before: Effect = 'undone';
  for (let tried = 1; ; tried++) {
    const outcome = await oneTry(client, errand, deadline);
    const effect = effectOf(outcome, description.who);
    if (outcome.kind === 'answer' && effect === 'final') return outcome;

    const error = fault(description, outcome, redaction);
    const total: Effect = effect === 'undone' ? before : effect;
    const waitMs =
      deadline.ended || !mayRepeat(effect, repeatable) ? undefined : nextWait(outcome, tried, deadline, options);
    if (waitMs === undefined) throw given(error, total, guard, deadline);
    log('debug', `${error.message}; next attempt in ${Math.round(waitMs)} ms`);
    if (!(await slept(waitMs, options, deadline))) throw given(error, total, guard, deadline);
    before = total;
  }
}

async function oneTry(client: HttpClient, { request, guard }: PreparedRequest, deadline: Deadline): Promise<Outcome> {
  try {
    return await client.limit.run(deadline, () =>
      guard === undefined ? client.transport.exchange(request, deadline) : confirmed(client, request, guard, deadline),
    );
  } catch (why) {
    if (why instanceof DeadlineEnded) return { kind: 'not_sent', why };
    throw why;
  }
}

async function confirmed(client: HttpClient, request: Request, guard: ActGuard, deadline: Deadline): Promise<Outcome> {
  let outcome: Outcome = { kind: 'stale' };
  for (let stale = 0; stale < MAX_STALE && outcome.kind === 'stale'; stale++) {
    await deadline.race(guard.confirm());
    outcome = await client.transport.exchange({ ...request, mayLeave: () => guard.isFresh() }, deadline);
    if (outcome.kind === 'stale')
      client.log('warn', 'a request was held back: too long since the right to act was confirmed');
  }
  return outcome;
}

/** False where the deadline ended the sleep. */
async function slept(ms: number, { clock }: HttpOptions, deadline: Deadline): Promise<boolean> {
  const end = new AbortController();
  const forget = deadline.onEnd(() => end.abort());
  try {
    await clock.sleep(ms, end.signal);
    return !deadline.ended;
  } catch {
    return false;
  } finally {
    forget();
  }
}

function nextWait(outcome: Outcome, tried: number, deadline: Deadline, options: HttpOptions): number | undefined {
  const seconds = outcome.kind === 'answer' ? retryAfter(outcome.headers) : undefined;
  return waitBeforeNext(tried, seconds, deadline.remainingMs(), options.random(), options);
}

/** The error after the last attempt, where `effect` sums up all attempts. */
function given(error: CloudError, effect: Effect, guard: ActGuard | undefined, deadline: Deadline): unknown {
  if (deadline.cancelled && (guard === undefined || effect === 'undone')) return deadline.reason;
  if (guard === undefined || effect !== 'unclear' || error.kind === 'unknown') return error;
  const { status, requestId, retryAfter: seconds, cause } = error;
  return new CloudError('unknown', `${error.message}; an earlier attempt may have had its effect`, {
    ...(status === undefined ? {} : { status }),
    ...(requestId === undefined ? {} : { requestId }),
    ...(seconds === undefined ? {} : { retryAfter: seconds }),
    cause,
  });
}
