/** Time for all parts: one interface and the real clock. The simulated one is the engine's. */
import { uptime } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';

export interface Clock {
  /** Wall clock, ms since 1970 UTC: for records and messages, never for durations. */
  now(): number;
  /** CLOCK_BOOTTIME in ms (resolution 10 ms): it also advances while the process is stopped and while the machine sleeps. */
  boottime(): number;
  /** Resolves after `ms`. Rejects with the signal's reason if it is aborted earlier. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

/** Node fires a longer timer immediately (2^31 - 1 ms, about 25 days). */
const LONGEST_TIMER_MS = 2_147_483_647;

export const realClock: Clock = {
  now: () => Date.now(),
  // os.uptime() reads /proc/uptime, which counts suspended time; process.hrtime() does not.
  boottime: () => Math.round(uptime() * 1000),
  sleep: async (ms, signal) => {
    try {
      for (let left = ms; ; left -= LONGEST_TIMER_MS) {
        await delay(Math.min(left, LONGEST_TIMER_MS), undefined, signal ? { signal } : {});
        if (left <= LONGEST_TIMER_MS) return;
      }
    } catch (error) {
      throw signal?.aborted ? signal.reason : error;
    }
  },
};
