/** Outage retry: the request is valid but the cloud is unavailable, so it is repeated until the time limit of an outage. */
import { CloudError, isOutage } from '#openstack/cloud-error.ts';
import { backoff } from '#protocol/backoff.ts';
import type { Known, Reading } from '../cloud/reading.ts';
import { TaskFailure } from '../flow/outcome.ts';
import type { TaskContext } from '../flow/task.ts';

/** Maximum pause between two reads. */
const LONGEST_PAUSE_MS = 15_000;

type Waiting = Pick<TaskContext, 'clock' | 'signal' | 'settings' | 'progress'>;

/** Measures one outage from its first failed call to the next response. */
export class OutageRetry {
  readonly #context: Waiting;
  readonly #longestPauseMs: number;
  #since: number | undefined;
  #pauses = 0;

  constructor(context: Waiting, longestPauseMs: number = LONGEST_PAUSE_MS) {
    this.#context = context;
    this.#longestPauseMs = longestPauseMs;
  }

  /** The cloud responded: the next outage is another one. */
  answered(): void {
    this.#since = undefined;
    this.#pauses = 0;
  }

  /**
   * Pauses after a failed call; longer each time, or as long as the cloud requested.
   * @throws TaskFailure of fault `outage` if the outage has lasted too long; the error itself if it is none
   */
  async waitOut(error: unknown): Promise<void> {
    const { clock, signal, settings } = this.#context;
    if (signal.aborted) throw signal.reason;
    if (!isOutage(error)) throw failureOf(error);
    const now = clock.boottime();
    if (this.#since === undefined) {
      this.#since = now;
      // A partial response of Nova: the message names the component behind it that does not respond.
      const event = error.kind === 'no_answer' ? 'Waiting' : 'The cloud does not respond, retrying';
      this.#context.progress(`${event}: ${error.message}`);
    }
    if (now - this.#since > settings.outageTimeoutMs) {
      throw new TaskFailure(
        `the cloud did not respond for ${Math.round((now - this.#since) / 1000)} s: ${error.message}`,
        'outage',
        error,
      );
    }
    const pauseMs = backoff(this.#pauses, { firstMs: settings.verifyIntervalMs, maxMs: this.#longestPauseMs });
    this.#pauses += 1;
    await clock.sleep(Math.max(pauseMs, (error.retryAfter ?? 0) * 1000), signal);
  }
}

/** Converts the error of a call that is not an outage to that of a task. */
export function failureOf(error: unknown): unknown {
  return error instanceof CloudError
    ? new TaskFailure(error.message, isOutage(error) ? 'outage' : 'work', error)
    : error;
}

/** Repeats a request until the cloud responds. For calls that change nothing. */
export async function withOutageRetry<T>(context: TaskContext, query: () => Promise<T>): Promise<T> {
  const outageRetry = new OutageRetry(context);
  for (;;) {
    try {
      return await query();
    } catch (error) {
      await outageRetry.waitOut(error);
    }
  }
}

/**
 * Reads until the answer is yes or no: a decision about a call uses these only.
 * @param `outageRetry` of a longer wait that this read is part of
 * @throws TaskFailure of fault `outage` if there is no response for too long
 */
export async function known<T>(
  context: Waiting,
  read: () => Promise<Reading<T>>,
  outageRetry: OutageRetry = new OutageRetry(context),
): Promise<Known<T>> {
  for (;;) {
    let reading: Reading<T>;
    try {
      reading = await read();
    } catch (error) {
      await outageRetry.waitOut(error);
      continue;
    }
    if (reading.answer !== 'none') {
      outageRetry.answered();
      return reading;
    }
    await outageRetry.waitOut(reading.error);
  }
}
