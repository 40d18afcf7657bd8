/**
 * Which recoveries start now. Pure.
 *
 * Invariants: one recovery at a time for a target; while the failure of a host is being recovered nothing else is done about
 * that host, since its recovery moves the instances and disables the service anyway. A return of the host that is older than
 * the failure is over, a newer one waits: nothing is sent to a host that is being evacuated. A host that is back makes nothing
 * else superfluous, and is never what a failure has to wait for.
 */
import { kindOf } from '../journal/host-event.ts';
import type { LogbookRow } from '../journal/words.ts';

type Open = Pick<
  LogbookRow,
  'uuid' | 'type' | 'host' | 'target' | 'status' | 'retry_at' | 'id' | 'payload' | 'generated_at'
>;

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
  /** The newest of each host. */
  const failures = new Map<string, Open>();
  for (const one of open) if (kindOf(one) === 'COMPUTE_HOST') failures.set(one.host, one);
  const returns = new Set(open.filter((one) => kindOf(one) === 'HOST_RETURN').map(({ uuid }) => uuid));

  const supersede: { uuid: string; by: string }[] = [];
  for (const one of open) {
    const by = failures.get(one.host);
    // A failure that opens when the return has begun is newer, whatever its report says: an operator took it up again.
    const hasBegun = one.status !== 'new' || running.has(one.uuid);
    const isOver = by && (one.type !== 'COMPUTE_HOST' || (returns.has(one.uuid) && (hasBegun || isNewer(by, one))));
    if (isOver) supersede.push({ uuid: one.uuid, by: by.uuid });
  }
  const superseded = new Set(supersede.map(({ uuid }) => uuid));
  const isDue = (one: Open): boolean => one.status !== 'error' || (one.retry_at ?? 0) <= now;
  const isHeld = (one: Open): boolean => returns.has(one.uuid) && failures.has(one.host);
  // Who is superseded has stopped before anything starts.
  const busyTargets = new Set(
    open.filter(({ uuid }) => running.has(uuid) && !superseded.has(uuid)).map(({ target }) => target),
  );
  // What another engine left running has its flow open, and goes on before anything else about its target begins.
  const leftOpen = new Map(
    open.filter((one) => one.status === 'running' && !superseded.has(one.uuid)).map((one) => [one.target, one.uuid]),
  );
  const isBlocked = (one: Open): boolean => (leftOpen.get(one.target) ?? one.uuid) !== one.uuid;
  // Hosts before instances: a host holds many of them.
  const waiting = open
    .filter((one) => !running.has(one.uuid) && !superseded.has(one.uuid))
    .sort((a, b) => rank(a) - rank(b) || a.id - b.id);
  const start: string[] = [];
  // Returns leave their places to failures, which come first in the order.
  let [urgent, all] = [[...running].filter((uuid) => !returns.has(uuid)).length, running.size];
  for (const one of waiting) {
    if ((returns.has(one.uuid) ? all : urgent) >= maxConcurrent) break;
    if (!isDue(one) || isHeld(one) || isBlocked(one) || busyTargets.has(one.target)) continue;
    busyTargets.add(one.target);
    start.push(one.uuid);
    all += 1;
    if (!returns.has(one.uuid)) urgent += 1;
  }
  const later = waiting.filter((one) => !isDue(one)).map((one) => one.retry_at ?? now);
  return { start, supersede, lookAgainAt: later.length > 0 ? Math.min(...later) : null };
}

/** Accepted later, or reported later and delivered before: either way the return is of before it. */
function isNewer(failure: Open, back: Open): boolean {
  return failure.id > back.id || failure.generated_at > back.generated_at;
}

function rank(one: Open): number {
  const kind = kindOf(one);
  if (kind === 'HOST_RETURN') return 2;
  return kind === 'COMPUTE_HOST' ? 0 : 1;
}
