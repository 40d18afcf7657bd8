/** The names that Nova has for hosts, read when a name is needed that is not known. */
import type { FailoverSegment } from '#config/segments.ts';
import type { HostMatch } from '#protocol/host-name.ts';
import type { Log } from '#protocol/log.ts';
import type { Clock } from '../clock/clock.ts';
import type { Cloud, HostNamesList } from '../cloud/cloud.ts';
import { matchInNova } from '../cloud/compute-hosts.ts';
import type { LogbookRow } from '../journal/words.ts';
import { compareWithNova, journalName } from '../recovery/host-names.ts';
import { hostTarget } from '../recovery/judge-notification.ts';

/** A recovery begins without the list when Nova does not answer within this time. */
const READ_TIMEOUT_MS = 5_000;
/** A list counts as new for so long. */
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
  /** When the list was last asked for, CLOCK_BOOTTIME ms. */
  #readAt = Number.NEGATIVE_INFINITY;
  #reading: Promise<void> | undefined;

  constructor(parts: HostNamesParts) {
    this.#parts = parts;
  }

  /** Nova's name of a host as far as it is known now, else the name itself. */
  known(host: string): string {
    return journalName(host, this.#nova);
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

  /** In the background: a report is accepted without waiting for Nova. */
  readIfUnknown(host: string, signal: AbortSignal): void {
    if (!this.#nova?.names.includes(host)) void this.#readIfOld(signal);
  }

  /** Many reports of one host, or of hosts that Nova does not have, are one read. One that fails leaves the list from before. */
  #readIfOld(signal: AbortSignal): Promise<void> {
    const now = this.#parts.clock.boottime();
    if (this.#reading === undefined && now - this.#readAt < READ_AGAIN_MS) return Promise.resolve();
    this.#readAt = now;
    this.#reading ??= this.#read(signal).finally(() => {
      this.#reading = undefined;
    });
    return this.#reading;
  }

  async #read(caller: AbortSignal): Promise<void> {
    const { cloud, segments, log } = this.#parts;
    const signal = AbortSignal.any([caller, AbortSignal.timeout(READ_TIMEOUT_MS)]);
    let nova: HostNamesList;
    try {
      nova = await cloud.computeHosts({ signal });
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      log('debug', 'names of compute hosts not read', { reason });
      return;
    }
    const before = new Set(this.#nova ? compareWithNova(segments, this.#nova).map(({ message }) => message) : []);
    this.#nova = nova;
    for (const { isUsable, message } of compareWithNova(segments, nova)) {
      if (!before.has(message)) log(isUsable ? 'info' : 'warning', message);
    }
  }
}
