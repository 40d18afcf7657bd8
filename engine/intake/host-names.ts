/** Nova's names of hosts, read when an unknown name is needed. */

import type { FailoverSegment } from '#config/options/segments.ts';
import type { Clock } from '#protocol/clock.ts';
import { errorMessage } from '#protocol/error-message.ts';
import { type HostMatch, isEqualHost } from '#protocol/host-name.ts';
import type { Log } from '#protocol/log.ts';
import type { Cloud, HostNamesList } from '../cloud/cloud.ts';
import { matchInNova } from '../cloud/compute-hosts.ts';
import type { LogbookRow } from '../journal/rows.ts';
import { compareWithNova, journalName } from './host-name-decision.ts';
import { hostTarget } from './notification-decision.ts';

/** A recovery starts without the list if Nova does not respond within this time. */
const READ_TIMEOUT_MS = 5_000;
/** Time after a read for which its list counts as new. */
const READ_AGAIN_MS = 10_000;

export interface HostNamesParts {
  readonly cloud: Cloud;
  readonly segments: readonly FailoverSegment[];
  readonly clock: Clock;
  readonly log: Log;
}

export class HostNames {
  readonly #parts: HostNamesParts;
  #nova: HostNamesList | null = null;
  /** When the last read ended, CLOCK_BOOTTIME ms. */
  #readAt = Number.NEGATIVE_INFINITY;
  #reading: Promise<void> | undefined;
  /** When `#nova` was requested. */
  #listedAt = Number.NEGATIVE_INFINITY;

  constructor(parts: HostNamesParts) {
    this.#parts = parts;
  }

  /** Nova's name of a host if it is known now, otherwise the name itself. */
  known(host: string): string {
    return journalName(host, this.#nova);
  }

  /** Whether two names are of one host; the short and the full name only if Nova shows that they are. */
  isSame(one: string, other: string): boolean {
    return isEqualHost(this.known(one), this.known(other));
  }

  /** A notification under Nova's name of its host. */
  renamed(row: LogbookRow): LogbookRow {
    const host = this.known(row.host);
    if (host === row.host) return row;
    return { ...row, host, target: row.target === hostTarget(row.host) ? hostTarget(host) : row.target };
  }

  /** Nova's name of a host. `none`: Nova did not respond, or has no such host. */
  async find(host: string, signal: AbortSignal): Promise<HostMatch> {
    if (!this.#nova?.names.includes(host)) await this.#readIfOld(signal);
    return this.#nova ? matchInNova(host, this.#nova) : { match: 'none' };
  }

  /** The newest list; null: Nova has not responded yet. */
  get list(): HostNamesList | null {
    return this.#nova;
  }

  /** When the newest list was requested, CLOCK_BOOTTIME ms. */
  get listedAt(): number {
    return this.#listedAt;
  }

  /** Reads the list if the last attempt is older than this. Resolves when the read has ended; undefined: none is in progress. */
  refresh(maxAgeMs: number, signal: AbortSignal): Promise<void> | undefined {
    void this.#readIfOld(signal, maxAgeMs);
    return this.#reading;
  }

  /** Stores a new list, and logs its differences from the hosts of the segments that the previous list did not have. */
  take(nova: HostNamesList, requestedAt: number = this.#parts.clock.boottime()): void {
    const { segments, log } = this.#parts;
    this.#readAt = requestedAt;
    const before = new Set(this.#nova ? compareWithNova(segments, this.#nova).map(({ message }) => message) : []);
    this.#nova = nova;
    this.#listedAt = requestedAt;
    for (const { isUsable, message } of compareWithNova(segments, nova)) {
      if (!before.has(message)) log(isUsable ? 'info' : 'warning', message);
    }
  }

  /** In the background: a report is accepted without waiting for Nova. */
  readIfUnknown(host: string, signal: AbortSignal): void {
    if (!this.#nova?.names.includes(host)) void this.#readIfOld(signal);
  }

  /** Many reports of one host, or of hosts that Nova does not have, cause one read. A read that fails keeps the previous list. */
  #readIfOld(signal: AbortSignal, maxAgeMs = READ_AGAIN_MS): Promise<void> {
    const now = this.#parts.clock.boottime();
    if (this.#reading !== undefined) return this.#reading;
    if (now - this.#readAt < maxAgeMs) return Promise.resolve();
    this.#reading = this.#read(signal).finally(() => {
      this.#reading = undefined;
      // From the end of the read: with a Nova that responds slowly, each list would be too old when it arrives.
      this.#readAt = this.#parts.clock.boottime();
    });
    return this.#reading;
  }

  async #read(caller: AbortSignal): Promise<void> {
    const { cloud, log } = this.#parts;
    const signal = AbortSignal.any([caller, AbortSignal.timeout(READ_TIMEOUT_MS)]);
    try {
      const requestedAt = this.#parts.clock.boottime();
      this.take(await cloud.computeHosts({ signal }), requestedAt);
    } catch (error) {
      const reason = errorMessage(error);
      log('debug', 'names of compute hosts not read', { reason });
    }
  }
}
