/** Waiting for a condition of the cloud, with an upper bound. */
import type { TaskContext } from '../flow/task.ts';
import { Patience } from './patience.ts';

/**
 * Looks every `verify_interval` until the condition holds. Outages are endured and do not use up the time, since nothing
 * was seen. Returns whether it came to hold within `limitMs`.
 */
export async function waitUntil(
  context: TaskContext,
  limitMs: number,
  holds: () => Promise<boolean>,
): Promise<boolean> {
  const { clock, settings, signal } = context;
  const patience = new Patience(context);
  let left = limitMs;
  for (;;) {
    const lookedAt = clock.boottime();
    try {
      if (await holds()) return true;
      patience.answered();
    } catch (error) {
      await patience.endure(error);
      continue;
    }
    if (left <= 0) return false;
    await clock.sleep(settings.verifyIntervalMs, signal);
    left -= clock.boottime() - lookedAt;
  }
}
