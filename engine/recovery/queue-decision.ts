/**
 * Which recoveries start now, and which are parked behind another one. Pure.
 *
 * Invariants:
 * - one recovery at a time for a target; while the failure of a host is being recovered nothing else is done about that host, since its
 *   recovery moves the instances and disables the service anyway;
 * - what waits for the recovery of a host is parked, not closed: that recovery may do nothing about it;
 * - so is a return of the host, older or newer: nothing is sent to a host that is evacuated, and a death that turns out to be none ends no
 *   return;
 * - failures of hosts, failures of instances and processes, and returns have places of their own: none of them fills those of another
 *   kind, and nobody waits for a recovery that is being interrupted but the host that it belongs to.
 */
import { kindOf, type RecoveryKind } from '../journal/host-event.ts';
import type { LogbookRow } from '../journal/words.ts';

type Open = Pick<
  LogbookRow,
  'uuid' | 'type' | 'host' | 'target' | 'status' | 'retry_at' | 'id' | 'payload' | 'parked_reason' | 'parked_by'
>;

export interface QueueFacts {
  /** All logbooks that are not closed, oldest first; `retry_at` by the clock of `now`. */
  readonly open: readonly Open[];
  /** Logbooks whose recovery this engine is running, and those that are held. */
  readonly running: ReadonlySet<string>;
  readonly now: number;
  readonly maxConcurrent: number;
}

export interface QueueDecision {
  /** In this order. */
  readonly start: readonly string[];
  /** Over, since the recovery `by` of the same instance is newer. */
  readonly supersede: readonly { readonly uuid: string; readonly by: string }[];
  /** Wait for the end of the recovery `by` of their host; running ones are interrupted. */
  readonly park: readonly { readonly uuid: string; readonly by: string }[];
  /** Parked behind a recovery that has ended. */
  readonly release: readonly string[];
  /** When to look again, by the clock of `now`; null when only an event can change anything. */
  readonly lookAgainAt: number | null;
}

export function planQueue({ open, running, now, maxConcurrent }: QueueFacts): QueueDecision {
  const failures = newestFailures(open);
  const park: { uuid: string; by: string }[] = [];
  for (const one of open) {
    const by = failures.get(one.host);
    if (!by || kindOf(one) === 'COMPUTE_HOST') continue;
    if (one.parked_by !== by.uuid) park.push({ uuid: one.uuid, by: by.uuid });
  }
  const supersede = olderCrashes(open, running);
  const openUuids = new Set(open.map(({ uuid }) => uuid));
  const isReleased = ({ parked_by }: Open): boolean => parked_by !== null && !openUuids.has(parked_by);
  const leaving = new Set([...supersede, ...park].map(({ uuid }) => uuid));
  const release = open.filter((one) => isReleased(one) && !leaving.has(one.uuid)).map(({ uuid }) => uuid);
  const isDue = (one: Open): boolean => one.status !== 'error' || (one.retry_at ?? 0) <= now;
  const waiting = open
    .filter((one) => !running.has(one.uuid) && !leaving.has(one.uuid) && one.parked_reason === null)
    .sort((a, b) => RANK[kindOf(a)] - RANK[kindOf(b)] || a.id - b.id);
  const start = chooseStarts(waiting.filter(isDue), { open, running, leaving, maxConcurrent });
  const later = waiting.filter((one) => !isDue(one)).map((one) => one.retry_at ?? now);
  return { start, supersede, park, release, lookAgainAt: later.length > 0 ? Math.min(...later) : null };
}

/**
 * Recoveries of an instance that wait for a retry although a newer crash of it has been accepted: the newer recovery brings it up, and
 * the retry would stop what runs again.
 */
function olderCrashes(open: readonly Open[], running: ReadonlySet<string>): { uuid: string; by: string }[] {
  const newest = new Map(open.filter(({ type }) => type === 'VM').map((one) => [one.target, one.uuid]));
  return open.flatMap(({ uuid, target, status, parked_reason }) => {
    const by = newest.get(target);
    const isOlder = by !== undefined && by !== uuid && status === 'error';
    return isOlder && parked_reason === null && !running.has(uuid) ? [{ uuid, by }] : [];
  });
}

/** Hosts before instances: a host holds many of them. */
const RANK: Readonly<Record<RecoveryKind, number>> = { COMPUTE_HOST: 0, PROCESS: 1, VM: 1, HOST_RETURN: 2 };

/** The newest open failure of each host. */
function newestFailures(open: readonly Open[]): ReadonlyMap<string, Open> {
  const failures = new Map<string, Open>();
  for (const one of open) if (kindOf(one) === 'COMPUTE_HOST') failures.set(one.host, one);
  return failures;
}

interface Places {
  readonly open: readonly Open[];
  readonly running: ReadonlySet<string>;
  readonly leaving: ReadonlySet<string>;
  readonly maxConcurrent: number;
}

function chooseStarts(due: readonly Open[], { open, running, leaving, maxConcurrent }: Places): string[] {
  // What is being interrupted blocks its target and its host until it has stopped.
  const busyTargets = new Set(open.filter(({ uuid }) => running.has(uuid)).map(({ target }) => target));
  const stopping = open.filter(({ uuid }) => running.has(uuid) && leaving.has(uuid));
  const busyHosts = new Set(stopping.map(({ host }) => host));
  // What another engine left running has its flow open, and is resumed before anything else about its target begins.
  const leftOpen = new Map(
    open.filter((one) => one.status === 'running' && !leaving.has(one.uuid)).map((one) => [one.target, one.uuid]),
  );
  const taken = countByPlace(open.filter(({ uuid }) => running.has(uuid) && !leaving.has(uuid)));
  const start: string[] = [];
  for (const one of due) {
    const place = PLACE_OF[kindOf(one)];
    const isBlocked = (leftOpen.get(one.target) ?? one.uuid) !== one.uuid || busyTargets.has(one.target);
    if (isBlocked || taken[place] >= maxConcurrent) continue;
    if (place === 'returns' && taken.hosts + taken.returns >= maxConcurrent) continue;
    if (kindOf(one) === 'COMPUTE_HOST' && busyHosts.has(one.host)) continue;
    busyTargets.add(one.target);
    taken[place] += 1;
    start.push(one.uuid);
  }
  return start;
}

type Place = 'hosts' | 'objects' | 'returns';
const PLACE_OF: Readonly<Record<RecoveryKind, Place>> = {
  COMPUTE_HOST: 'hosts',
  PROCESS: 'objects',
  VM: 'objects',
  HOST_RETURN: 'returns',
};

function countByPlace(running: readonly Open[]): Record<Place, number> {
  const taken: Record<Place, number> = { hosts: 0, objects: 0, returns: 0 };
  for (const one of running) taken[PLACE_OF[kindOf(one)]] += 1;
  return taken;
}
