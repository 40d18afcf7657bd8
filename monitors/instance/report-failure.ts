/** Stores a failure in the outbox: retries until the report is durable or the monitor ends. */

import { setTimeout as delay } from 'node:timers/promises';
import { backoff } from '#protocol/backoff.ts';
import { errorMessage } from '#protocol/error-message.ts';
import type { MonitorContext } from '../service/monitor.ts';
import { type Failure, notificationOf } from './failure.ts';

/**
 * Throws only with the signal of the monitor.
 *
 * @param panicEvent the name of a panic, by configuration
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
  for (let failures = 0; ; failures += 1) {
    signal.throwIfAborted();
    try {
      return await context.report(body);
    } catch (error) {
      log('error', `The failure of instance ${domain.uuid} could not be stored in the outbox; it is retried.`, {
        reason: errorMessage(error),
      });
    }
    await delay(backoff(failures, { firstMs: first, maxMs: longest }), undefined, { signal });
  }
}
