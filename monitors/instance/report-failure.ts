/** Puts a failure into the outbox: tries until the report is durable or the monitor ends. */
import { setTimeout as delay } from 'node:timers/promises';
import type { MonitorContext } from '../monitor.ts';
import { type Failure, notificationOf } from './failure.ts';

/**
 * Throws only with the signal of the monitor.
 *
 * @param panicEvent what a panic is called, by configuration
 * @param retryMs first and longest pause
 */
export async function reportFailure(
  context: MonitorContext,
  { domain, kind, at }: Failure,
  panicEvent: string,
  [first, longest]: readonly [first: number, longest: number],
): Promise<void> {
  const { node, signal, log } = context;
  const body = notificationOf({ uuid: domain.uuid, kind, at }, node, panicEvent);
  for (let pause = first; ; pause = Math.min(pause * 2, longest)) {
    signal.throwIfAborted();
    try {
      return await context.report(body);
    } catch (error) {
      log('error', `The failure of instance ${domain.uuid} could not be put into the outbox; it is tried again.`, {
        reason: error instanceof Error ? error.message : String(error),
      });
    }
    await delay(pause, undefined, { signal });
  }
}
