/** A host that failed and a host that came back are reported by one type, COMPUTE_HOST: the event in the payload differs. Pure. */
import type { LogbookRow, NotificationType } from './rows.ts';

/** The subject of a recovery: Masakari's types, and a host that is back. */
export type RecoveryKind = NotificationType | 'HOST_RETURN';

type Reported = Pick<LogbookRow, 'type' | 'payload'>;

export function kindOf({ type, payload }: Reported): RecoveryKind {
  return type === 'COMPUTE_HOST' && eventOf(payload) === 'STARTED' ? 'HOST_RETURN' : type;
}

/** @param payload JSON, as the journal stores it */
export function eventOf(payload: string): string | undefined {
  return read(payload).event;
}

/** Whether two reports about one target, both to be recovered, are of one failure or of one return, with any text. */
export function isSameFailure(report: Reported, earlier: Reported): boolean {
  if (report.type === 'VM') return true;
  const [one, other] = [read(report.payload), read(earlier.payload)];
  return one.event !== undefined && one.event === other.event && one.process_name === other.process_name;
}

/** Whether the earlier report is of the opposite: the host or the process came back, or failed, in between. */
export function isContradiction(report: Reported, earlier: Reported): boolean {
  if (report.type === 'VM') return false;
  const [one, other] = [read(report.payload), read(earlier.payload)];
  return one.process_name === other.process_name && (one.event === 'STARTED') !== (other.event === 'STARTED');
}

function read(payload: string): { readonly event?: string; readonly process_name?: string } {
  return JSON.parse(payload);
}
