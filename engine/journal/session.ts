/**
 * From a path to a lease: open, check the lease, take it, and on shared storage ensure that it stayed ours. Synchronous, as SQLite is; runs
 * in the journal's own thread.
 */
import type Database from 'better-sqlite3';
import { crashPoint } from '../crash-points.ts';
import { JournalFailure } from './failure.ts';
import { decideLease, type Identity, readLease, readOwner, takeLease } from './lease.ts';
import { type OpenSettings, openForWriting, refusal } from './open.ts';
import { lifeOf } from './process-identity.ts';
import type { LeaseRow } from './rows.ts';
import type { LeaseTerm } from './transaction.ts';
import type { WriterClock } from './writer.ts';

export interface LeaseSettings extends OpenSettings {
  /** Time without a renewal after which the lease of a holder that may be alive elsewhere is taken. */
  readonly leaseTimeoutMs: number;
  /** On shared storage: wait before reading again whether the lease stayed ours. */
  readonly confirmDelayMs: number;
  /** Maximum number of audit entries of each kind. */
  readonly auditCount?: number;
  /** Files that identify the machine through its reboots, see `MACHINE_FILES`; without them it is not identified. */
  readonly machineFiles?: readonly string[];
  /** `cluster`: Pacemaker started us, so the holder was stopped or fenced, if it was of the same resource. */
  readonly authority: 'cluster' | 'none';
  /** The cluster resource for which this engine runs. */
  readonly resource?: string;
}

export interface Session {
  readonly db: Database.Database;
  readonly term: LeaseTerm;
  /** The last renewal of the lease before this one, ms UTC; of a new journal the time of its first opening. */
  readonly heldAt: number;
  /** Why the lease could be taken, for the log. */
  readonly reason: string;
  readonly warnings: readonly string[];
}

function pause(ms: number): void {
  if (ms > 0) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

/** Another machine, or another container of this one, that was given the same name. */
function sameName(lease: LeaseRow | undefined, me: Identity): string {
  if (lease?.node !== me.node) return '';
  return `; it is not of this boot and container, so two machines may have the node name ${me.node}: give each a name of its own ([engine] node)`;
}

/**
 * The other resource of the cluster that holds the lease, if it is another one: the cluster's statement about our resource is no evidence
 * about the engine of that one.
 */
function claimant(lease: LeaseRow | undefined, me: Identity): string | undefined {
  const [theirs, ours] = [readOwner(lease?.owner ?? '').resource, readOwner(me.owner).resource];
  return theirs !== undefined && ours !== undefined && theirs !== ours ? theirs : undefined;
}

function heldBy(lease: LeaseRow | undefined, me: Identity, reason: string): JournalFailure {
  const resource = claimant(lease, me);
  if (resource === undefined) return new JournalFailure('held', reason);
  return new JournalFailure('claimed', `the journal is held by the engine of resource ${resource}: ${reason}`);
}

/** Waits, in CLOCK_BOOTTIME, until the holder has not renewed for the whole timeout; refuses as soon as it does. */
function watchHolder(db: Database.Database, timeoutMs: number, clock: WriterClock, me: Identity): void {
  const seen = readLease(db);
  const end = clock.boottime() + timeoutMs;
  while (clock.boottime() < end) {
    pause(Math.min(500, timeoutMs));
    const now = readLease(db);
    if (now?.epoch === seen?.epoch && now?.state === 'released') return;
    if (now?.epoch !== seen?.epoch || now?.beat_at !== seen?.beat_at) {
      const holder = `the engine on ${now?.node} (pid ${now?.pid}, epoch ${now?.epoch})`;
      throw heldBy(now, me, `${holder} is alive and holds the journal${sameName(now, me)}`);
    }
  }
}

export function takeNewLease(settings: LeaseSettings, me: Identity, clock: WriterClock): Session {
  let { db, shared, warnings } = openForWriting(settings);
  try {
    const seen = readLease(db);
    const authority = claimant(seen, me) === undefined ? settings.authority : 'none';
    const state = decideLease(seen, seen ? lifeOf(seen, me) : 'dead', authority);
    if (state.act === 'refuse') throw heldBy(seen, me, state.reason);
    if (state.act === 'watch') watchHolder(db, settings.leaseTimeoutMs, clock, me);
    crashPoint('lease.before-take');
    const epoch = takeLease(db, me, seen, clock.now());
    crashPoint('lease.after-take');
    if (shared) {
      db.close();
      pause(settings.confirmDelayMs);
      // The file was checked a moment ago.
      ({ db, warnings } = openForWriting({ ...settings, checkWholeUpTo: 0 }));
      const now = readLease(db);
      if (now?.owner !== me.owner) {
        throw new JournalFailure('held', `another engine took the lease at the same time (${now?.node})`);
      }
    }
    const heldAt = seen?.beat_at ?? clock.now();
    return { db, term: { owner: me.owner, epoch }, heldAt, reason: state.reason, warnings };
  } catch (error) {
    db.close();
    // Nothing was done under the lease yet: the next start reads whether its row reached the disk.
    throw refusal(settings.path, error);
  }
}
