/** A host that failed and a host that came back are reported by one type, COMPUTE_HOST: the event in the payload tells. Pure. */
import type { LogbookRow, NotificationType } from './words.ts';

/** What a recovery is about: Masakari's types, and a host that is back. */
export type RecoveryKind = NotificationType | 'HOST_RETURN';

export function kindOf({ type, payload }: Pick<LogbookRow, 'type' | 'payload'>): RecoveryKind {
  return type === 'COMPUTE_HOST' && eventOf(payload) === 'STARTED' ? 'HOST_RETURN' : type;
}

/** @param payload JSON, as the journal keeps it */
export function eventOf(payload: string): string | undefined {
  const { event }: { readonly event?: string } = JSON.parse(payload);
  return event;
}
