/** Whether the journal has a report of the host's return that prevents its recovery from acting. */

import { kindOf } from '../journal/host-event.ts';
import type { Journal } from '../journal/journal.ts';
import type { LogbookRow } from '../journal/rows.ts';
import { livesMessage } from './host-liveness-decision.ts';
import { returnSince, signOf } from './host-return.ts';

/** Why the host of this recovery is not recovered, for the operator; null if no report contradicts the recovery. */
export async function whyLeftAlone(journal: Journal, logbook: LogbookRow): Promise<string | null> {
  if (kindOf(logbook) !== 'COMPUTE_HOST') return null;
  const back = await returnSince(journal, logbook);
  return back?.order === 'return newer' ? livesMessage(logbook.host, signOf(back), logbook.uuid) : null;
}

/**
 * Why another recovery is responsible for the host now: it came back and failed again since, and the recovery of that failure has started.
 * A recovery that has not started may still end by a later return.
 */
export async function whyAnswered(journal: Journal, logbook: LogbookRow): Promise<string | null> {
  if (kindOf(logbook) !== 'COMPUTE_HOST') return null;
  const back = await returnSince(journal, logbook);
  const newest = await journal.query('failureBefore', { host: logbook.host, id: Number.MAX_SAFE_INTEGER });
  if (back?.order !== 'return newer' || newest === null || newest.id <= back.back.id) return null;
  if (!(await journal.query('hasStarted', newest.id))) return null;
  return `Host '${logbook.host}' ${signOf(back)} and failed again: recovery ${newest.uuid} is responsible for it.`;
}
