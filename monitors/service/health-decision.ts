/**
 * Decides from a monitor's last successful poll whether it is blind. Pure: `now` comes from outside and only grows (a monotonic clock).
 *
 * A monitor that reports neither a poll nor a reason is blind after the same time: it may hang.
 */

export type MonitorHealth =
  | { readonly is: 'seeing'; readonly lastSeen: number; readonly reason: string | null }
  | { readonly is: 'blind'; readonly lastSeen: number; readonly reason: string };

/** The change that has to be reported. */
export type HealthChange = 'became blind' | 'recovered' | 'none';

/** The start counts as a successful poll. */
export function startHealth(now: number): MonitorHealth {
  return { is: 'seeing', lastSeen: now, reason: null };
}

export function sawAll(before: MonitorHealth, now: number): readonly [MonitorHealth, HealthChange] {
  return [{ is: 'seeing', lastSeen: now, reason: null }, before.is === 'blind' ? 'recovered' : 'none'];
}

export function couldNotSee(before: MonitorHealth, reason: string): MonitorHealth {
  return { ...before, reason };
}

/** @param blindAfterMs the time without a successful poll after which a monitor is blind */
export function decideReading(
  before: MonitorHealth,
  now: number,
  blindAfterMs: number,
): readonly [MonitorHealth, HealthChange] {
  if (before.is === 'blind' || now - before.lastSeen <= blindAfterMs) return [before, 'none'];
  const reason = before.reason ?? 'neither a poll nor a reason was reported';
  return [{ is: 'blind', lastSeen: before.lastSeen, reason }, 'became blind'];
}
