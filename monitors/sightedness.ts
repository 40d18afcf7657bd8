/**
 * Whether a monitor can see, judged from when it last saw. Pure: `now` comes from outside and only grows (a monotonic clock).
 *
 * A monitor that has said nothing, neither that it saw nor that it cannot, is blind after the same time: it may hang.
 */

export type Sightedness =
  | { readonly is: 'seeing'; readonly lastSeen: number; readonly reason: string | null }
  | { readonly is: 'blind'; readonly lastSeen: number; readonly reason: string };

/** What changed, for whoever has to be told. */
export type SightChange = 'became blind' | 'sees again' | 'none';

/** At the start it has the benefit of the doubt: as if it had seen just now. */
export function startSightedness(now: number): Sightedness {
  return { is: 'seeing', lastSeen: now, reason: null };
}

export function sawAll(before: Sightedness, now: number): readonly [Sightedness, SightChange] {
  return [{ is: 'seeing', lastSeen: now, reason: null }, before.is === 'blind' ? 'sees again' : 'none'];
}

export function couldNotSee(before: Sightedness, reason: string): Sightedness {
  return { ...before, reason };
}

/** @param blindAfterMs a monitor may be without sight for so long */
export function judgeSight(
  before: Sightedness,
  now: number,
  blindAfterMs: number,
): readonly [Sightedness, SightChange] {
  if (before.is === 'blind' || now - before.lastSeen <= blindAfterMs) return [before, 'none'];
  const reason = before.reason ?? 'it has not said why';
  return [{ is: 'blind', lastSeen: before.lastSeen, reason }, 'became blind'];
}
