/**
 * Whether the journal shows that a host returned after the report of its failure.
 *
 * Invariant: acceptance orders the reports of different senders; a sender's clock orders only its own reports. If the two orders disagree,
 * the return may be older than the failure and delivered late. It then neither ends a recovery nor proves anything, and the engine must
 * observe the host itself.
 */

import type { Journal } from '../journal/journal.ts';
import type { LogbookRow } from '../journal/rows.ts';
import { orderOfReports } from './report-order-decision.ts';

export interface HostReturn {
  readonly back: LogbookRow;
  /** `in doubt`: the report may be a late one, of a return before the failure. */
  readonly order: 'return newer' | 'in doubt';
}

/**
 * The newest return of the host of a recovery that is, or may be, newer than its failure and than every operator's statement; null: none.
 */
export async function returnSince(journal: Journal, death: LogbookRow): Promise<HostReturn | null> {
  const id = Math.max(death.id, death.proved_after ?? 0);
  const returns = await journal.query('returnsAfter', { host: death.host, id });
  const ordered = returns.map((back) => ({ back, order: orderOfReports(death, back) }));
  const sure = ordered.findLast(({ order }) => order === 'return newer');
  const last = sure ?? ordered.at(-1);
  return last ? { back: last.back, order: sure ? 'return newer' : 'in doubt' } : null;
}

/** The host's action according to this report, for messages. */
export function signOf({ back }: HostReturn): string {
  return `came back at ${new Date(back.generated_at).toISOString()}`;
}
