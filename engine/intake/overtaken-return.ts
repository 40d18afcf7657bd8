/**
 * A return that was accepted before the report of the death that it ended.
 *
 * Why: the two reports come from two monitors, or the first was delivered late. The return then found no failure, and was only noted. When
 * the host turns out to be alive, and the return may be the newer event, what ran on the host has
 * to be started as after any reboot.
 */
import { randomUUID } from 'node:crypto';
import type { Log } from '#protocol/log.ts';
import type { Clock } from '../clock/clock.ts';
import { kindOf } from '../journal/host-event.ts';
import type { Journal } from '../journal/journal.ts';
import type { LogbookRow } from '../journal/words.ts';
import { clampedStamp } from '../recovery/report-order.ts';

/** Reports this close to each other may be of one reboot, whatever their stamps: monitors' clocks may be wrong by minutes. */
const RECENT_MS = 600_000;

/**
 * Journals such a return again, after the death, so that it is acted on. Before the recovery of the death ends: an engine that dies in
 * between leaves it open, and the next one finds the return.
 */
export async function repeatOvertakenReturn(
  { journal, clock, log }: { readonly journal: Journal; readonly clock: Clock; readonly log: Log },
  death: LogbookRow,
): Promise<void> {
  if (kindOf(death) !== 'COMPUTE_HOST') return;
  const { host, id, target } = death;
  if ((await journal.query('returnsAfter', { host, id })).length > 0) return;
  const back = await journal.query('returnBefore', { host, id });
  // Duplicates that came meanwhile may have an earlier stamp.
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
