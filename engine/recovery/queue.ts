/**
 * Which recoveries start now. Pure.
 *
 * Invariants: one recovery at a time for a target; while a host is being recovered nothing else is done about that host,
 * since its recovery moves the instances and disables the service anyway.
 */
import type { LogbookRow } from '../journal/words.ts';

type Open = Pick<LogbookRow, 'uuid' | 'type' | 'host' | 'target' | 'status' | 'retry_at' | 'id'>;

export interface QueueFacts {
  /** All logbooks that are not closed. */
  readonly open: readonly Open[];
  /** Logbooks whose recovery this engine is running. */
  readonly running: ReadonlySet<string>;
  readonly now: number;
  readonly maxConcurrent: number;
}

export interface QueueVerdict {
  /** In this order. */
  readonly start: readonly string[];
  /** Made superfluous by the recovery `by` of their host; running ones are interrupted. */
  readonly supersede: readonly { readonly uuid: string; readonly by: string }[];
  /** When to look again, ms UTC; null when only an event can change anything. */
  readonly lookAgainAt: number | null;
}

export function planQueue(facts: QueueFacts): QueueVerdict {
  const { open, running, now, maxConcurrent } = facts;
  const hostRecoveries = new Map<string, string>();
  for (const one of open) if (one.type === 'COMPUTE_HOST') hostRecoveries.set(one.host, one.uuid);

  const supersede: { uuid: string; by: string }[] = [];
  for (const one of open) {
    const by = hostRecoveries.get(one.host);
    if (one.type !== 'COMPUTE_HOST' && by !== undefined) supersede.push({ uuid: one.uuid, by });
  }
  const superseded = new Set(supersede.map(({ uuid }) => uuid));
  const isDue = (one: Open): boolean => one.status !== 'error' || (one.retry_at ?? 0) <= now;
  const busyTargets = new Set(open.filter(({ uuid }) => running.has(uuid)).map(({ target }) => target));
  // Hosts before instances: a host holds many of them.
  const waiting = open
    .filter((one) => !running.has(one.uuid) && !superseded.has(one.uuid))
    .sort((a, b) => rank(a) - rank(b) || a.id - b.id);
  const start: string[] = [];
  for (const one of waiting) {
    if (running.size + start.length >= maxConcurrent) break;
    if (!isDue(one) || busyTargets.has(one.target)) continue;
    busyTargets.add(one.target);
    start.push(one.uuid);
  }
  const later = waiting.filter((one) => !isDue(one)).map((one) => one.retry_at ?? now);
  return { start, supersede, lookAgainAt: later.length > 0 ? Math.min(...later) : null };
}

function rank({ type }: Open): number {
  return type === 'COMPUTE_HOST' ? 0 : 1;
}
