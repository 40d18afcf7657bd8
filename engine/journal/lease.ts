/**
 * The lease: one row that names the only writer, with an epoch that increases with every lease.
 *
 * Invariant: each transaction reads this row under the write lock first, so a process that lost its lease can commit nothing, even if it
 * resumes much later. Pacemaker and fencing ensure that only one engine *acts*; the lease ensures that an engine which both missed detects
 * it before it acts.
 */
import type Database from 'better-sqlite3';
import { JournalFailure } from './failure.ts';
import { preparedOnce, type QueriedDatabase } from './prepared-statements.ts';
import type { LeaseRow } from './rows.ts';

/** Identity of an engine process. */
export interface Identity {
  /** Unique for this process start; with its start time and its resource, see `ownerOf`. */
  readonly owner: string;
  readonly node: string;
  readonly pid: number;
  /**
   * `BOOT/NAMESPACE` or `BOOT/NAMESPACE/MACHINE`: the kernel's boot id, the pid namespace, and a fingerprint of the machine if it is known.
   * Within one boot and namespace a pid means one process.
   */
  readonly bootId: string;
}

/** The facts that an owner states about itself. Earlier engines wrote only the UUID. */
export interface Owner {
  /** Field 22 of /proc/PID/stat: with pid, boot and namespace it names one process for ever. */
  readonly processStart: string | undefined;
  /** The cluster resource for which it runs; undefined for an engine that was started by hand. */
  readonly resource: string | undefined;
}

/** `UUID`, `UUID/START` or `UUID/START/RESOURCE`. */
export function ownerOf(uuid: string, { processStart, resource }: Owner): string {
  if (processStart === undefined) return uuid;
  return [uuid, processStart, ...(resource ? [resource] : [])].join('/');
}

export function readOwner(owner: string): Owner {
  const [, processStart, ...resource] = owner.split('/');
  return { processStart: processStart || undefined, resource: resource.join('/') || undefined };
}

/** State of the holder's process: only its own boot and pid namespace can determine it. */
export type HolderLife = 'dead' | 'alive' | 'not visible';

export type LeaseDecision =
  | { readonly act: 'take'; readonly reason: string }
  /** The holder may be alive elsewhere: watch its lease renewals for `lease_timeout` before taking the lease. */
  | { readonly act: 'watch'; readonly reason: string }
  | { readonly act: 'refuse'; readonly reason: string };

/**
 * Whether the lease may be taken. Pure.
 * @param authority `cluster`: Pacemaker started us, so no other engine runs (the holder was stopped or fenced).
 */
export function decideLease(
  lease: LeaseRow | undefined,
  life: HolderLife,
  authority: 'cluster' | 'none',
): LeaseDecision {
  if (!lease) return { act: 'take', reason: 'a new journal' };
  if (lease.state === 'released') return { act: 'take', reason: `released by ${lease.node}` };
  const holder = `${lease.node}, pid ${lease.pid}, epoch ${lease.epoch}`;
  if (authority === 'cluster') return { act: 'take', reason: `the cluster started us in place of ${holder}` };
  if (life === 'dead') return { act: 'take', reason: `its holder is dead (${holder})` };
  if (life === 'alive') return { act: 'refuse', reason: `an engine runs here already (${holder})` };
  return { act: 'watch', reason: `its holder may be alive elsewhere (${holder})` };
}

export function readLease(db: QueriedDatabase): LeaseRow | undefined {
  return preparedOnce(db)
    .prepare<[], LeaseRow>(
      'SELECT epoch, owner, node, pid, boot_id, taken_at, beat_at, state, served_ms FROM lease WHERE id = 1',
    )
    .get();
}

/** Takes the lease with a new epoch if the row is still the one that the decision was about. Returns the epoch. */
export function takeLease(db: Database.Database, me: Identity, seen: LeaseRow | undefined, now: number): number {
  return db
    .transaction((): number => {
      const current = readLease(db);
      if (current?.epoch !== seen?.epoch || current?.owner !== seen?.owner) {
        throw new JournalFailure('held', `another engine took the lease first (${current?.node}, pid ${current?.pid})`);
      }
      const epoch = (current?.epoch ?? 0) + 1;
      db.prepare(
        `INSERT INTO lease (id, epoch, owner, node, pid, boot_id, taken_at, beat_at, state)
         VALUES (1, @epoch, @owner, @node, @pid, @bootId, @now, @now, 'held')
         ON CONFLICT (id) DO UPDATE SET epoch = @epoch, owner = @owner, node = @node, pid = @pid, boot_id = @bootId,
           taken_at = @now, beat_at = @now, state = 'held'`,
      ).run({ ...me, epoch, now });
      return epoch;
    })
    .immediate();
}

/** Called under the write lock: throws `lease_lost` if the lease is not ours. */
export function assertLease(lease: LeaseRow | undefined, me: { readonly owner: string; readonly epoch: number }): void {
  if (lease?.epoch === me.epoch && lease.owner === me.owner && lease.state === 'held') return;
  const now = lease ? `epoch ${lease.epoch} is held by ${lease.node}, pid ${lease.pid}` : 'the lease row is gone';
  throw new JournalFailure('lease_lost', `the lease of epoch ${me.epoch} is lost: ${now}`);
}
