/** Time as the engine sees it: one interface, a real clock here and a simulated one in `simulated.ts`. */
import { uptime } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';

export interface Clock {
  /** Wall clock, ms since 1970 UTC: for records and messages, never for deciding how long something took. */
  now(): number;
  /** CLOCK_BOOTTIME in ms (resolution 10 ms): goes on while the process is stopped and while the machine sleeps. */
  boottime(): number;
  /** Resolves after `ms`; rejects with the signal's reason when it is aborted before. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

export const realClock: Clock = {
  now: () => Date.now(),
  // os.uptime() reads /proc/uptime, which counts suspended time; process.hrtime() does not.
  boottime: () => Math.round(uptime() * 1000),
  sleep: async (ms, signal) => {
    try {
      await delay(ms, undefined, signal ? { signal } : {});
    } catch (error) {
      throw signal?.aborted ? signal.reason : error;
    }
  },
};
