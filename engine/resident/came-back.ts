/** Whether the journal knows that a host came back after the report of its death. */
import { kindOf } from '../journal/host-event.ts';
import type { Journal } from '../journal/journal.ts';
import type { LogbookRow } from '../journal/words.ts';
import { deadSince, livesMessage } from '../recovery/life-sign.ts';
import { iso } from './view.ts';

/** Why the host of this recovery is left alone, in the operator's words; null where nothing speaks against recovering it. */
export async function whyLeftAlone(journal: Journal, logbook: LogbookRow): Promise<string | null> {
  if (kindOf(logbook) !== 'COMPUTE_HOST') return null;
  const back = await journal.query('lastReturn', logbook.host);
  if (back === null || back <= deadSince(logbook)) return null;
  return livesMessage(logbook.host, `came back at ${iso(back)}`, logbook.uuid);
}
