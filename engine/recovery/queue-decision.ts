/**
 * Decides which recoveries start now, and which are parked behind another one. Pure.
 *
 * Invariants:
 * - one recovery at a time for a target; while the failure of a host is being recovered nothing else is done about that host, since its
 *   recovery moves the instances and disables the service anyway;
 * - a recovery that waits for the recovery of a host is parked, not closed: that recovery may do nothing about it;
 * - so is a return of the host, older or newer: nothing is sent to a host that is evacuated, and a failure report that turns out to be
 *   false ends no return;
 * - failures of hosts, failures of instances and processes, and returns have separate permits: no kind takes those of another kind, and
 *   only recoveries of the same host wait for a recovery that is being interrupted;
 * - of recoveries of one kind the priority that an operator gave comes first, then the order of their acceptance;
 * - the instances of one project never hold more permits than `maxPerProject`, and a free permit goes to the project that holds the fewest:
 *   one tenant's crashes delay those of no other tenant.
 */
import { comparableHost } from '#protocol/host-name.ts';
import { kindOf, type RecoveryKind } from '../journal/host-event.ts';
import type { LogbookRow } from '../journal/rows.ts';
import { ProjectShares, type Projects } from './project-shares-decision.ts';

type Open = Pick<
  LogbookRow,
  | 'uuid'
  | 'type'
  | 'host'
  | 'target'
  | 'status'
  | 'retry_at'
  | 'id'
  | 'payload'
  | 'parked_reason'
  | 'parked_by'
  | 'priority'
>;

export interface QueueFacts {
  /** All logbooks that are not closed, oldest first; `retry_at` by the clock of `now`. */
  readonly open: readonly Open[];
  /** Logbooks whose recovery this engine is running, and those that are held. */
  readonly running: ReadonlySet<string>;
  readonly now: number;
  readonly maxConcurrent: number;
  /** Recoveries of instances of one project at the same time. */
  readonly maxPerProject: number;
  /** As far as they were read. */
  readonly projects: Projects;
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
  /** Targets of recoveries of instances whose project must be known before more of them may start. */
  readonly readProjects: readonly string[];
  /** Time of the next check, by the clock of `now`; null if only an event can change anything. */
  readonly nextReadAt: number | null;
}

export function planQueue(facts: QueueFacts): QueueDecision {
  const { open, running, now } = facts;
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
    .sort((a, b) => RANK[kindOf(a)] - RANK[kindOf(b)] || b.priority - a.priority || a.id - b.id);
  const { start, readProjects } = chooseStarts(waiting.filter(isDue), { ...facts, leaving });
  const later = waiting.filter((one) => !isDue(one)).map((one) => one.retry_at ?? now);
  return { start, supersede, park, release, readProjects, nextReadAt: later.length > 0 ? Math.min(...later) : null };
}

/**
 * Recoveries of an instance that wait for a retry although a newer crash of it has been accepted from the same host: the newer recovery
 * starts the instance, and the retry would stop it again. The report of another host ends none: the host of the instance in Nova decides
 * which of the two is carried out, so a compromised host ends no recovery of an instance that it does not have.
 */
function olderCrashes(open: readonly Open[], running: ReadonlySet<string>): { uuid: string; by: string }[] {
  const keyOf = ({ host, target }: Open): string => `${comparableHost(host)} ${target}`;
  const newest = new Map(open.filter(({ type }) => type === 'VM').map((one) => [keyOf(one), one.uuid]));
  return open.flatMap((one) => {
    const { uuid, status, parked_reason } = one;
    const by = newest.get(keyOf(one));
    const isOlder = by !== undefined && by !== uuid && status === 'error';
    return isOlder && parked_reason === null && !running.has(uuid) ? [{ uuid, by }] : [];
  });
}

/** Hosts before instances: a host has many of them. */
const RANK: Readonly<Record<RecoveryKind, number>> = { COMPUTE_HOST: 0, PROCESS: 1, VM: 1, HOST_RETURN: 2 };

/** The newest open failure of each host. */
function newestFailures(open: readonly Open[]): ReadonlyMap<string, Open> {
  const failures = new Map<string, Open>();
  for (const one of open) if (kindOf(one) === 'COMPUTE_HOST') failures.set(one.host, one);
  return failures;
}

interface Places extends QueueFacts {
  readonly leaving: ReadonlySet<string>;
}

function chooseStarts(due: readonly Open[], places: Places): Pick<QueueDecision, 'start' | 'readProjects'> {
  const { open, running, leaving, maxConcurrent, maxPerProject, projects } = places;
  // A recovery that is being interrupted blocks its target and its host until it has stopped.
  const busyTargets = new Set(open.filter(({ uuid }) => running.has(uuid)).map(({ target }) => target));
  const stopping = open.filter(({ uuid }) => running.has(uuid) && leaving.has(uuid));
  const busyHosts = new Set(stopping.map(({ host }) => host));
  // The flow of a recovery that another engine left running is open. It is resumed before any other recovery of its target starts.
  const leftOpen = new Map(
    open.filter((one) => one.status === 'running' && !leaving.has(one.uuid)).map((one) => [one.target, one.uuid]),
  );
  const atWork = open.filter(({ uuid }) => running.has(uuid) && !leaving.has(uuid));
  const taken = countByPlace(atWork);
  const shares = new ProjectShares(projects, maxPerProject, maxConcurrent);
  for (const one of atWork) shares.take(one);
  const start: string[] = [];
  const mayStart = (one: Open): boolean => {
    const place = PLACE_OF[kindOf(one)];
    const isBlocked = (leftOpen.get(one.target) ?? one.uuid) !== one.uuid || busyTargets.has(one.target);
    if (isBlocked || taken[place] >= maxConcurrent) return false;
    if (place === 'returns' && taken.hosts + taken.returns >= maxConcurrent) return false;
    return kindOf(one) !== 'COMPUTE_HOST' || !busyHosts.has(one.host);
  };
  const begin = (one: Open): void => {
    busyTargets.add(one.target);
    taken[PLACE_OF[kindOf(one)]] += 1;
    shares.take(one);
    start.push(one.uuid);
  };
  const of = (place: Place): readonly Open[] => due.filter((one) => PLACE_OF[kindOf(one)] === place);
  for (const one of of('hosts')) if (mayStart(one)) begin(one);
  const objects = of('objects');
  for (;;) {
    const next = shares.next(objects.filter(mayStart));
    if (next === undefined) break;
    begin(next);
  }
  for (const one of of('returns')) if (mayStart(one)) begin(one);
  return { start, readProjects: shares.toRead([...atWork, ...objects]) };
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
