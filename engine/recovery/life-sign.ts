/**
 * Whether a host that was reported dead has shown life since. Pure.
 *
 * Invariant: a host is never forced down, nor anything evacuated from it, by a report that is older than its last sign of life:
 * its instances may run there again. A sign of life is a report that it came back, or a nova-compute that goes on telling Nova of itself.
 */
import type { ComputeService } from '../cloud/cloud.ts';
import type { LogbookRow } from '../journal/words.ts';

/** How much later than the death Nova may note a heartbeat that was on its way: queues, and clocks that differ. */
export const HEARTBEAT_MARGIN_MS = 30_000;
/** Two and a half times nova-compute's `report_interval`, 10 s unless configured. */
export const HEARTBEAT_WAIT_MS = 25_000;

/** What a host is dead since by what is known, ms UTC: its report, or the later word of an operator. */
export function deadSince({ generated_at, proved_at }: Pick<LogbookRow, 'generated_at' | 'proved_at'>): number {
  return Math.max(generated_at, proved_at ?? 0);
}

/** Whether Nova noted something of this service so late that another look has to show whether it lives. */
export function mayBeAlive({ updatedAt }: Pick<ComputeService, 'updatedAt'>, since: number): boolean {
  return updatedAt !== null && updatedAt.getTime() > since + HEARTBEAT_MARGIN_MS;
}

/** @param later the same service, HEARTBEAT_WAIT_MS after */
export function isAlive(
  { updatedAt: first }: Pick<ComputeService, 'updatedAt'>,
  { updatedAt: later }: Pick<ComputeService, 'updatedAt'>,
): boolean {
  return first !== null && later !== null && later > first;
}

/** @param sign what it did and when, as in "came back at …" */
export function livesMessage(host: string, sign: string, uuid: string): string {
  return `Host '${host}' ${sign}, after this report of its death: it is left alone. If it is dead all the same, say "recovery-agent retry ${uuid} --host-is-down".`;
}
