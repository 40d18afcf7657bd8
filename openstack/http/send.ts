/**
 * Sends a request until it has an answer to work with, its tries are used up, or its deadline ends.
 *
 * Invariants: a change leaves only while the guard finds the reign fresh, and is confirmed before each try; what
 * `retry.ts` does not allow to be repeated is not.
 */

import type { Redaction } from '../../redaction.ts';
import { type ActGuard, CloudError } from '../cloud.ts';
import { type Deadline, DeadlineEnded } from './deadline.ts';
import { type Asked, fault } from './faults.ts';
import type { ClientOptions, Log } from './options.ts';
import { type Effect, effectOf, mayRepeat, type Repeatable, retryAfter, waitBeforeNext } from './retry.ts';
import type { Answer, Outcome, Request, Transport } from './transport.ts';
import type { Turns } from './turns.ts';

/** What every request of one client shares. */
export interface Line {
  readonly transport: Transport;
  readonly turns: Turns;
  readonly options: ClientOptions;
  readonly redaction: Redaction;
  readonly log: Log;
}

export interface Errand {
  readonly asked: Asked;
  readonly request: Request;
  readonly repeatable: Repeatable;
  /** For requests that change the cloud. */
  readonly guard?: ActGuard;
}

/** Confirmations in a row that were stale by the time the request could leave. */
const MAX_STALE = 3;

/**
 * Any answer below 500 that does not ask for a later try is returned, also 4xx. Else throws `CloudError`, what the guard rejected with, or the
 * signal's reason when the caller gave up and nothing can have changed.
 */
export async function send(line: Line, errand: Errand, deadline: Deadline): Promise<Answer> {
  const { asked, repeatable, guard } = errand;
  const { options, redaction, log } = line;
  let before: Effect = 'undone';
  for (let tried = 1; ; tried++) {
    const outcome = await oneTry(line, errand, deadline);
    const effect = effectOf(outcome, asked.who);
    if (outcome.kind === 'answer' && effect === 'final') return outcome;

    const error = fault(asked, outcome, redaction);
    const total: Effect = effect === 'undone' ? before : effect;
    const waitMs =
      deadline.ended || !mayRepeat(effect, repeatable) ? undefined : nextWait(outcome, tried, deadline, options);
    if (waitMs === undefined) throw given(error, total, guard, deadline);
    log('debug', `${error.message}; next try in ${Math.round(waitMs)} ms`);
    if (!(await slept(waitMs, options, deadline))) throw given(error, total, guard, deadline);
    before = total;
  }
}

async function oneTry(line: Line, { request, guard }: Errand, deadline: Deadline): Promise<Outcome> {
  try {
    return await line.turns.run(deadline, () =>
      guard === undefined ? line.transport.exchange(request, deadline) : confirmed(line, request, guard, deadline),
    );
  } catch (why) {
    if (why instanceof DeadlineEnded) return { kind: 'not_sent', why };
    throw why;
  }
}

async function confirmed(line: Line, request: Request, guard: ActGuard, deadline: Deadline): Promise<Outcome> {
  let outcome: Outcome = { kind: 'stale' };
  for (let stale = 0; stale < MAX_STALE && outcome.kind === 'stale'; stale++) {
    await deadline.race(guard.confirm());
    outcome = await line.transport.exchange({ ...request, mayLeave: () => guard.isFresh() }, deadline);
    if (outcome.kind === 'stale')
      line.log('warn', 'a request was held back: too long since the right to act was confirmed');
  }
  return outcome;
}

/** False where the deadline ended the sleep. */
async function slept(ms: number, { clock }: ClientOptions, deadline: Deadline): Promise<boolean> {
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

function nextWait(outcome: Outcome, tried: number, deadline: Deadline, options: ClientOptions): number | undefined {
  const seconds = outcome.kind === 'answer' ? retryAfter(outcome.headers) : undefined;
  return waitBeforeNext(tried, seconds, deadline.remainingMs(), options.random(), options);
}

/** What to throw after the last try, where `effect` sums up all tries. */
function given(error: CloudError, effect: Effect, guard: ActGuard | undefined, deadline: Deadline): unknown {
  if (deadline.cancelled && (guard === undefined || effect === 'undone')) return deadline.reason;
  if (guard === undefined || effect !== 'unclear' || error.kind === 'unknown') return error;
  const { status, requestId, retryAfter: seconds, cause } = error;
  return new CloudError('unknown', `${error.message}; an earlier try may have had its effect`, {
    ...(status === undefined ? {} : { status }),
    ...(requestId === undefined ? {} : { requestId }),
    ...(seconds === undefined ? {} : { retryAfter: seconds }),
    cause,
  });
}
