/**
 * Whether the journal knows that a host came back after the report of its death.
 *
 * Invariant: acceptance orders the reports of different senders; a sender's clock orders its own only. Where the two orders disagree the
 * return may be older than the death and late: it neither ends a recovery nor proves anything, and the host itself has to be observed.
 */

import type { Journal } from '../journal/journal.ts';
import type { LogbookRow } from '../journal/words.ts';
import { orderOfReports } from '../recovery/report-order.ts';

export interface HostReturn {
  readonly back: LogbookRow;
  /** `in doubt`: it may be a late report of a return before the death. */
  readonly order: 'return newer' | 'in doubt';
}

/** The newest return of the host of a recovery that is, or may be, newer than its death and than every operator's word; null: none. */
export async function returnSince(journal: Journal, death: LogbookRow): Promise<HostReturn | null> {
  const id = Math.max(death.id, death.proved_after ?? 0);
  const returns = await journal.query('returnsAfter', { host: death.host, id });
  const ordered = returns.map((back) => ({ back, order: orderOfReports(death, back) }));
  const sure = ordered.findLast(({ order }) => order === 'return newer');
  const last = sure ?? ordered.at(-1);
  return last ? { back: last.back, order: sure ? 'return newer' : 'in doubt' } : null;
}

/** What the host did, by this report, for messages. */
export function signOf({ back }: HostReturn): string {
  return `came back at ${new Date(back.generated_at).toISOString()}`;
}
