/** Waiting out a cloud that is away: nothing is wrong with what was asked, so it is asked again until patience ends. */
import { CloudError, isOutage } from '../cloud/cloud.ts';
import type { Known, Reading } from '../cloud/reading.ts';
import { TaskFailure } from '../flow/outcome.ts';
import type { TaskContext } from '../flow/task.ts';

/** Upper bound of the pause between two reads. */
const LONGEST_PAUSE_MS = 15_000;

type Waiting = Pick<TaskContext, 'clock' | 'signal' | 'settings' | 'progress'>;

/** Counts one outage from its first failed call to the next answer. */
export class Patience {
  readonly #context: Waiting;
  readonly #longestPauseMs: number;
  #since: number | undefined;
  #pauseMs = 0;

  constructor(context: Waiting, longestPauseMs: number = LONGEST_PAUSE_MS) {
    this.#context = context;
    this.#longestPauseMs = longestPauseMs;
  }

  /** The cloud answered: the next outage is another one. */
  answered(): void {
    this.#since = undefined;
    this.#pauseMs = 0;
  }

  /**
   * Pauses after a failed call; longer each time, or as long as the cloud asked.
   * @throws TaskFailure of fault `outage` when the outage has lasted too long; the error itself when it is none
   */
  async endure(error: unknown): Promise<void> {
    const { clock, signal, settings } = this.#context;
    if (signal.aborted) throw signal.reason;
    if (!isOutage(error)) throw failureOf(error);
    const now = clock.boottime();
    if (this.#since === undefined) {
      this.#since = now;
      // A partial answer of Nova: the message names what does not answer behind it.
      const event = error.kind === 'no_answer' ? 'Waiting' : 'The cloud does not answer, trying on';
      this.#context.progress(`${event}: ${error.message}`);
    }
    if (now - this.#since > settings.outagePatienceMs) {
      throw new TaskFailure(
        `the cloud did not answer for ${Math.round((now - this.#since) / 1000)} s: ${error.message}`,
        'outage',
        error,
      );
    }
    this.#pauseMs = Math.min(this.#longestPauseMs, this.#pauseMs * 2 || settings.verifyIntervalMs);
    await clock.sleep(Math.max(this.#pauseMs, (error.retryAfter ?? 0) * 1000), signal);
  }
}

/** A call that is not an outage, in the words of a task. */
export function failureOf(error: unknown): unknown {
  return error instanceof CloudError
    ? new TaskFailure(error.message, isOutage(error) ? 'outage' : 'work', error)
    : error;
}

/** Asks until the cloud answers. For calls that change nothing. */
export async function patiently<T>(context: TaskContext, ask: () => Promise<T>): Promise<T> {
  const patience = new Patience(context);
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      await patience.endure(error);
    }
  }
}

/**
 * Reads until the answer is yes or no: a decision about a call is made from these only.
 * @param patience of a longer wait that this read is part of
 * @throws TaskFailure of fault `outage` when there is no answer for too long
 */
export async function known<T>(
  context: Waiting,
  read: () => Promise<Reading<T>>,
  patience: Patience = new Patience(context),
): Promise<Known<T>> {
  for (;;) {
    let reading: Reading<T>;
    try {
      reading = await read();
    } catch (error) {
      await patience.endure(error);
      continue;
    }
    if (reading.answer !== 'none') {
      patience.answered();
      return reading;
    }
    await patience.endure(reading.error);
  }
}
