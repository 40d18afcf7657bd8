/**
 * The order of a failure and a return of one host. Pure.
 *
 * Why: two monitors report the two events, on machines whose clocks differ. The journal contains the order of acceptance; a sender's stamp
 * shows whether a report was delivered late. Invariant: a stamp alone never decides. If the stamps contradict the acceptance, the order is
 * in doubt, and only a read of the host decides.
 */
import type { LogbookRow } from '../journal/rows.ts';

export type Stamped = Pick<LogbookRow, 'id' | 'accepted_at' | 'generated_at'>;

export type ReportOrder = 'death newer' | 'return newer' | 'in doubt';

/** How far the sender's clock is ahead of the engine's, ms; 0 if it is not. A stamp in the past may be a late delivery. */
export function skewOf(generatedAt: number, acceptedAt: number): number {
  return Math.max(0, generatedAt - acceptedAt);
}

/** The sender's stamp for comparisons, ms UTC: never later than the acceptance, since nothing is reported before it happens. */
export function clampedStamp({ generated_at, accepted_at }: Omit<Stamped, 'id'>): number {
  return Math.min(generated_at, accepted_at);
}

/** Ids grow with each acceptance, even if the engine's clock is set back between two. */
export function orderOfReports(death: Stamped, back: Stamped): ReportOrder {
  const byStamps = clampedStamp(death) - clampedStamp(back);
  if (death.id > back.id) return byStamps < 0 ? 'in doubt' : 'death newer';
  return byStamps > 0 ? 'in doubt' : 'return newer';
}
