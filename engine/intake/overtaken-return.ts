/**
 * A return that was accepted before the report of the failure that it ended.
 *
 * Why: the two reports come from two monitors, or the first was delivered late. The return then found no failure and was only stored. If
 * the host turns out to be alive and the return may be the newer event, the instances of the host have to be started as after any reboot.
 */
import { randomUUID } from 'node:crypto';
import type { Clock } from '#protocol/clock.ts';
import type { Log } from '#protocol/log.ts';
import { kindOf } from '../journal/host-event.ts';
import type { Journal } from '../journal/journal.ts';
import type { LogbookRow } from '../journal/rows.ts';
import { clampedStamp } from './report-order-decision.ts';

/** Reports this close to each other may be of one reboot, whichever stamps they have: monitors' clocks may be wrong by minutes. */
const RECENT_MS = 600_000;

/**
 * Journals such a return again, after the failure, so that it is acted on. This happens before the recovery of the failure ends: an engine
 * that ends in between leaves the recovery open, and the next engine finds the return.
 */
export async function repeatOvertakenReturn(
  { journal, clock, log }: { readonly journal: Journal; readonly clock: Clock; readonly log: Log },
  death: LogbookRow,
): Promise<void> {
  if (kindOf(death) !== 'COMPUTE_HOST') return;
  const { host, id, target } = death;
  if ((await journal.query('returnsAfter', { host, id })).length > 0) return;
  const back = await journal.query('returnBefore', { host, id });
  // Duplicates that were accepted meanwhile may have an earlier stamp.
  const now = (await journal.query('logbookById', id)) ?? death;
  const diedAt = Math.min(clampedStamp(now), now.earliest_at ?? Number.POSITIVE_INFINITY);
  if (back === null) return;
  const isRecent = Math.abs(death.accepted_at - back.accepted_at) < RECENT_MS;
  if (clampedStamp(back) < diedAt && !isRecent) return;
  const at = clock.now();
  const { logbook } = await journal.accept({
    uuid: randomUUID(),
    type: 'COMPUTE_HOST',
    host,
    target,
    payload: back.payload,
    generatedAt: at,
    status: 'new',
    message: null,
    duplicateIntervalMs: 0,
    at,
  });
  log('info', 'a return that overtook the report of the death is acted on', {
    uuid: logbook.uuid,
    host,
    death: death.uuid,
  });
}
