/** How long a task, or its undo, may run. */

import type { Clock } from '#protocol/clock.ts';
import { TaskFailure } from './outcome.ts';

interface Limits {
  readonly clock: Clock;
  readonly timeoutMs: number;
  /** Aborted when the engine stops or loses its lease. */
  readonly signal: AbortSignal;
}

/** Throws the error that ended the work or, if the work was aborted, the reason of the abort. */
export async function withinTimeout<T>(
  { clock, timeoutMs, signal: stopping }: Limits,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const limit = new AbortController();
  const over = new AbortController();
  const signal = AbortSignal.any([stopping, limit.signal]);
  const timer = clock.sleep(timeoutMs, over.signal).then(
    () => limit.abort(new TaskFailure(`timed out after ${timeoutMs / 1000} s`)),
    () => {},
  );
  try {
    signal.throwIfAborted();
    return await work(signal);
  } catch (error) {
    // A call that the signal aborts fails with its own error; the reason of the abort is the relevant one.
    throw signal.aborted ? signal.reason : error;
  } finally {
    over.abort();
    await timer;
  }
}
