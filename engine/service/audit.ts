/**
 * The audit in the journal and in the log: reports, commands and refusals with their origin.
 *
 * Invariants:
 * - A report or a command has its entry in the transaction that accepts it; its log line follows the commit.
 * - A refusal changes nothing and has no transaction, so it waits in memory for the next one: at most a minute, in at most
 *   `MAX_GROUPS` groups. Equal refusals are one entry with their number, so that a flood of them costs a bounded number of
 *   commits, rows and log lines. The first of equal refusals is logged at once.
 * - A refusal is recorded synchronously and never fails.
 */
import type { Caller } from '#protocol/caller.ts';
import type { Clock } from '#protocol/clock.ts';
import type { Log, LogLevel } from '#protocol/log.ts';
import { type LocalUser, NO_REASON, type Origin } from '#protocol/origin.ts';
import { auditOfAcceptance } from '../journal/audit.ts';
import type { Journal } from '../journal/journal.ts';
import type { AcceptResult, AddAuditEntry, Mutation } from '../journal/mutations.ts';

/** Equal refusals of one identity are one entry in this time, CLOCK_BOOTTIME. */
export const REFUSAL_INTERVAL_MS = 60_000;
/** Minimum interval between two writes of refusals. */
const WRITE_INTERVAL_MS = 10_000;
/** Maximum number of distinguished kinds of refusals, of all identities and of one. */
export const MAX_GROUPS = 64;
export const MAX_GROUPS_OF_ONE = 8;

const LONGEST_REASON = 1_000;

/** Represents actions and identities that are counted together. */
const SEVERAL = '(several)';
const OTHERS: Caller = { identity: SEVERAL, host: null, roles: [], address: '' };

export interface Refusal {
  /** What was requested, e.g. the RPC method. */
  readonly action: string;
  /** The host of the request. */
  readonly object?: string | null;
  /** The uuid of the recovery of the request. */
  readonly notification?: string | null;
  /** The reason of the refusal. */
  readonly reason: string;
  /** The user of the command line, if it is known. */
  readonly user?: LocalUser | null;
  /** The reason that the operator gave. */
  readonly statedReason?: string | null;
}

/** Equal refusals of one identity. */
interface Group {
  readonly identity: string;
  /** It represents different refusals. */
  readonly isFolded: boolean;
  /** Of the first of them, with the time of the newest. */
  entry: AddAuditEntry;
  times: number;
  firstAt: number;
  /** CLOCK_BOOTTIME ms from which it may be written. */
  dueAt: number;
}

/** The object of a command. */
export type CommandSubject = Pick<AddAuditEntry, 'notification' | 'object' | 'overridden' | 'message'>;

/** The entry of a command, for the transaction of its change. */
export function commandEntry(origin: Origin, action: string, about: CommandSubject, at: number): AddAuditEntry {
  return { op: 'audit', kind: 'command', action, origin, ...about, outcome: 'accepted', at };
}

function keyOf(identity: string, action: string, reason: string): string {
  return JSON.stringify([identity, action, reason.slice(0, LONGEST_REASON)]);
}

function subjectOf(caller: Caller, refusal: Refusal): Partial<AddAuditEntry> {
  return {
    origin: { caller, user: refusal.user ?? null, reason: refusal.statedReason ?? null },
    notification: refusal.notification ?? null,
    object: refusal.object ?? null,
  };
}

export interface AuditParts {
  readonly journal: Pick<Journal, 'write'>;
  readonly clock: Pick<Clock, 'now' | 'boottime'>;
  readonly log: Log;
}

export class Audit {
  readonly #parts: AuditParts;
  readonly #groups = new Map<string, Group>();
  #writtenAt = Number.NEGATIVE_INFINITY;

  constructor(parts: AuditParts) {
    this.#parts = parts;
  }

  /** Records that a request was refused. */
  refused(caller: Caller, refusal: Refusal): void {
    const at = this.#parts.clock.now();
    const group = this.#groupOf(caller, refusal);
    group.times += 1;
    if (group.times > 1) {
      group.entry = { ...group.entry, at };
      return;
    }
    group.firstAt = at;
    group.entry = { ...group.entry, ...(group.isFolded ? {} : subjectOf(caller, refusal)), at };
    this.#log('warning', group.entry);
  }

  /**
   * Records a command that changes nothing in the journal; resolves when the entry is on the disk. A command that changes
   * something has its entry among its mutations (`commandEntry`).
   */
  async commanded(origin: Origin, action: string, about: CommandSubject): Promise<void> {
    await this.#parts.journal.write(commandEntry(origin, action, about, this.#parts.clock.now()));
  }

  /** Takes the entries of the refusals that must be written now. */
  take(which: 'due' | 'all'): AddAuditEntry[] {
    const now = this.#parts.clock.boottime();
    if (which === 'due' && now - this.#writtenAt < WRITE_INTERVAL_MS) return [];
    const taken: AddAuditEntry[] = [];
    for (const [key, group] of this.#groups) {
      if (which === 'due' && now < group.dueAt) continue;
      if (group.times === 0) {
        this.#groups.delete(key);
        continue;
      }
      taken.push({ ...group.entry, times: group.times, firstAt: group.firstAt });
      group.times = 0;
      group.dueAt = now + REFUSAL_INTERVAL_MS;
    }
    if (taken.length > 0) this.#writtenAt = now;
    return taken;
  }

  /** Logs the committed entries. */
  onCommit(mutations: readonly Mutation[], results: readonly unknown[]): void {
    for (const [index, mutation] of mutations.entries()) {
      if (mutation.op === 'accept') this.#log('info', auditOfAcceptance(mutation, results[index] as AcceptResult));
      else if (mutation.op === 'audit' && mutation.kind === 'command') this.#log('info', mutation);
      // The first one was logged when it happened.
      else if (mutation.op === 'audit' && (mutation.times ?? 1) > 1) this.#log('warning', mutation);
    }
  }

  /** Beyond the limits refusals of one identity, and then of all further ones, are counted together. */
  #groupOf(caller: Caller, { action, reason }: Refusal): Group {
    const { identity } = caller;
    const known = this.#groups.get(keyOf(identity, action, reason));
    if (known) return known;
    const ofOne = [...this.#groups.values()].filter((group) => group.identity === identity).length;
    if (this.#groups.size >= MAX_GROUPS) return this.#folded(OTHERS, 'refusals of further identities');
    if (ofOne >= MAX_GROUPS_OF_ONE) return this.#folded(caller, 'further refusals of this identity');
    return this.#open(caller, { action, reason, isFolded: false });
  }

  #folded(caller: Caller, reason: string): Group {
    const known = this.#groups.get(keyOf(caller.identity, SEVERAL, reason));
    return known ?? this.#open(caller, { action: SEVERAL, reason, isFolded: true });
  }

  #open(
    caller: Caller,
    { action, reason, isFolded }: { readonly action: string; readonly reason: string; readonly isFolded: boolean },
  ): Group {
    const group: Group = {
      identity: caller.identity,
      isFolded,
      entry: {
        op: 'audit',
        kind: 'refusal',
        action,
        origin: { caller, user: null, reason: null },
        outcome: 'refused',
        message: reason.slice(0, LONGEST_REASON),
        at: 0,
      },
      times: 0,
      firstAt: 0,
      dueAt: Number.NEGATIVE_INFINITY,
    };
    this.#groups.set(keyOf(caller.identity, action, reason), group);
    return group;
  }

  #log(level: LogLevel, entry: AddAuditEntry): void {
    const { caller, user, reason } = entry.origin;
    this.#parts.log(level, `audit: ${entry.action} ${entry.outcome}`, {
      identity: caller.identity,
      roles: caller.roles.join(',') || undefined,
      address: caller.address || undefined,
      uid: user?.uid,
      user: user?.user,
      sudo_uid: user?.sudo_uid,
      sudo_user: user?.sudo_user,
      uuid: entry.notification,
      object: entry.object,
      overridden: entry.overridden?.join(', ') || undefined,
      reason: reason ?? (entry.overridden?.length ? NO_REASON : null),
      message: entry.message,
      times: (entry.times ?? 1) > 1 ? entry.times : undefined,
    });
  }
}
