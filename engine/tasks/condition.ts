/** Waits for a condition of the cloud, with a time limit. */
import type { TaskContext } from '../flow/task.ts';
import { OutageRetry } from './outage-retry.ts';

/**
 * Polls every `verify_interval` until the condition holds. Outages are waited out and do not count for the limit, since nothing was read.
 * Returns whether the condition held within `limitMs`.
 */
export async function waitUntil(
  context: TaskContext,
  limitMs: number,
  holds: () => Promise<boolean>,
): Promise<boolean> {
  const { clock, settings, signal } = context;
  const outageRetry = new OutageRetry(context);
  let left = limitMs;
  for (;;) {
    const checkedAt = clock.boottime();
    try {
      if (await holds()) return true;
      outageRetry.answered();
    } catch (error) {
      await outageRetry.waitOut(error);
      continue;
    }
    if (left <= 0) return false;
    await clock.sleep(settings.verifyIntervalMs, signal);
    left -= clock.boottime() - checkedAt;
  }
}
