/**
 * Reads a host again after its recovery has finished: an instance may still have been in transit to it, or its cell may have been missing
 * from the list that showed no instance.
 *
 * Invariant: no instance stays undetected on a host that a recovery forced down. Instances that a follow-up finds get a recovery of their
 * own. A follow-up without a response is repeated. Follow-ups end when the host has come back, has failed again, or is not forced down any
 * more.
 */
import { randomUUID } from 'node:crypto';
import type { Clock } from '#protocol/clock.ts';
import type { Log } from '#protocol/log.ts';
import type { Cloud, Instance } from '../cloud/cloud.ts';
import { readInstancesOn, readService } from '../cloud/reading.ts';
import type { HostNames } from '../intake/host-names.ts';
import type { Journal } from '../journal/journal.ts';
import type { LogbookRow } from '../journal/rows.ts';

/** Number of follow-ups after each recovery of a host. */
export const FOLLOW_UPS = 2;
/** Delay of a follow-up after the end of the recovery or the previous follow-up, by the number of outstanding ones. */
const DELAY_MS: Readonly<Record<number, number>> = { 2: 120_000, 1: 1_800_000 };
/** After a follow-up without a response. */
const REPEAT_MS = 60_000;
const READ_TIMEOUT_MS = 60_000;

export interface FollowUpParts {
  readonly journal: Journal;
  readonly cloud: Cloud;
  readonly clock: Clock;
  readonly log: Log;
  readonly hostNames: HostNames;
  /** Whether a recovery of the host would move this instance. */
  readonly isWanted: (instance: Instance) => boolean;
  /** Causes the queue to be planned again. */
  readonly wake: () => void;
}

interface Owed {
  readonly reads: number;
  dueAt: number;
}

export class FollowUps {
  readonly #parts: FollowUpParts;
  #owed = new Map<string, Owed>();

  constructor(parts: FollowUpParts) {
    this.#parts = parts;
  }

  /** Runs the follow-ups that are due. */
  async read(signal: AbortSignal): Promise<void> {
    const { clock, journal } = this.#parts;
    const rows = await journal.query('owedFollowUps');
    const now = clock.boottime();
    const next = new Map<string, Owed>();
    for (const row of rows) {
      const known = this.#owed.get(row.uuid);
      const isSame = known?.reads === row.follow_ups;
      next.set(row.uuid, isSame ? known : { reads: row.follow_ups, dueAt: now + (DELAY_MS[row.follow_ups] ?? 0) });
    }
    this.#owed = next;
    for (const row of rows) {
      const owed = next.get(row.uuid);
      if (owed && owed.dueAt <= now && !signal.aborted) await this.#readHost(row, owed, signal);
    }
  }

  async #readHost(row: LogbookRow, owed: Owed, signal: AbortSignal): Promise<void> {
    const { clock, log } = this.#parts;
    owed.dueAt = clock.boottime() + REPEAT_MS;
    const left = await this.#left(row, signal).catch((error: unknown) => {
      log('warning', 'the host of a finished recovery could not be read', { uuid: row.uuid, reason: String(error) });
      return 'no answer' as const;
    });
    if (left === 'no answer') return;
    if (left === 'over') return this.#note(row, 0);
    if (left.length > 0) await this.#report(row, left);
    await this.#note(row, left.length > 0 ? 0 : row.follow_ups - 1);
  }

  async #left(row: LogbookRow, caller: AbortSignal): Promise<readonly Instance[] | 'over' | 'no answer'> {
    const { cloud, hostNames, journal, isWanted } = this.#parts;
    const newest = await journal.query('failureBefore', { host: row.host, id: Number.MAX_SAFE_INTEGER });
    if (newest?.id !== row.id) return 'over';
    const signal = AbortSignal.any([caller, AbortSignal.timeout(READ_TIMEOUT_MS)]);
    const host = hostNames.known(row.host);
    const service = await readService(cloud, host, { signal });
    if (service.answer !== 'yes') return 'no answer';
    if (!service.value.forcedDown || service.value.state === 'up') return 'over';
    const listing = await readInstancesOn(cloud, host, { signal });
    if (listing.answer !== 'yes') return 'no answer';
    const handled = new Set(await journal.query('evacuationObjects', row.id));
    return listing.value.items.filter((instance) => !handled.has(instance.uuid) && isWanted(instance));
  }

  async #report({ type, host, target, payload, uuid }: LogbookRow, left: readonly Instance[]): Promise<void> {
    const { clock, journal, log } = this.#parts;
    const at = clock.now();
    const { logbook } = await journal.accept({
      uuid: randomUUID(),
      type,
      host,
      target,
      payload,
      generatedAt: at,
      status: 'new',
      message: null,
      duplicateIntervalMs: 0,
      proof: 'fencing',
      facts: { identity: 'engine', after: uuid, found_instances: left.map((instance) => instance.uuid) },
      at,
    });
    const uuids = left.map((instance) => instance.uuid).join(', ');
    log('warning', 'instances found on a host after its recovery', {
      uuid: logbook.uuid,
      host,
      after: uuid,
      instances: uuids,
    });
    this.#parts.wake();
  }

  async #note({ uuid, status }: LogbookRow, followUps: number): Promise<void> {
    const { clock, journal } = this.#parts;
    await journal.write({ op: 'logbook', uuid, status, followUps, at: clock.now() });
  }
}
