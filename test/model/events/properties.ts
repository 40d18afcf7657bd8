/** What must hold of every history. Pure: an outcome in, violations out. */
import type { LogbookRow } from '#engine/journal/rows.ts';
import type { Outcome } from './play.ts';
import { STOPPED } from './reports.ts';

export function violationsOf(outcome: Outcome): string[] {
  const { offences, duplicates, guests } = outcome;
  const found = [...new Set(offences)];
  if (duplicates > 0) found.push(`${duplicates} evacuations were requested while another one was open`);
  for (const { uuid, host, vmState, runs, hostHasPower } of guests) {
    const failed = failureOf(outcome, uuid);
    if (!hostHasPower && !failed)
      found.push(`instance ${uuid} rests on the dead host ${host} and no failed recovery names it`);
    if (uuid === STOPPED && runs) found.push(`instance ${uuid} was stopped and runs`);
    // A guest that Nova stopped before a report of its failure resembles one that a user shut down.
    const isUnknowable = outcome.isLate && vmState === 'stopped';
    if (uuid !== STOPPED && !runs && !failed && !isUnknowable) found.push(`instance ${uuid} ran and does not run`);
  }
  return [...found, ...outcome.logbooks.flatMap(openOrSilent)];
}

/** Every report ends, and one that nothing was done about has a reason. */
function openOrSilent({ uuid, type, status, message, closed_at }: LogbookRow): string[] {
  if (closed_at === null) return [`report ${uuid} (${type}) stays ${status}: ${message ?? 'no reason'}`];
  if ((status === 'ignored' || status === 'failed') && !message)
    return [`report ${uuid} (${type}) ended ${status} without a reason`];
  return [];
}

function failureOf({ logbooks, views }: Outcome, instance: string): LogbookRow | undefined {
  return logbooks.find(({ uuid, status }) => status === 'failed' && views.get(uuid)?.includes(instance));
}
