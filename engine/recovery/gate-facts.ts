/**
 * Collects the facts by which gates decide: the open recoveries, Nova's services, the journal's pause, and the starts of this engine.
 *
 * Nova's services are read at most every 2 s, and only for failures of hosts. If Nova does not respond, the share of failed hosts is
 * unknown, and the recovery is not held for it: its first task reads Nova again.
 */
import type { Configuration } from '#config/configuration.ts';
import { segmentHosts, segmentOf } from '#config/options/segments.ts';
import type { Clock } from '#protocol/clock.ts';
import { comparableHost } from '#protocol/host-name.ts';
import type { GateFacts, HostShare } from '../gates/gate.ts';
import type { HostNames } from '../intake/host-names.ts';
import { kindOf } from '../journal/host-event.ts';
import type { Journal } from '../journal/journal.ts';
import type { LogbookRow } from '../journal/rows.ts';

export interface GateFactsParts {
  readonly journal: Journal;
  readonly clock: Clock;
  readonly configuration: Configuration;
  readonly hostNames: HostNames;
  /** The running recoveries. */
  readonly running: { readonly uuids: ReadonlySet<string> };
  /** Aborted when the engine stops. */
  readonly signal: AbortSignal;
}

/** Maximum age of the list of Nova's services by which a gate decides. */
const MAX_AGE_MS = 2_000;
/** Maximum number of newest notifications in which an engine searches for the starts of engines before it. */
const NEWEST = 1_000;

export class GateFactsReader {
  readonly #parts: GateFactsParts;
  readonly #since: number;
  /** CLOCK_BOOTTIME ms of the last start of a recovery, by host. */
  readonly #startedAt = new Map<string, number>();
  /** The same of engines before this one, when it was needed first. */
  #startedBefore: ReadonlyMap<string, number> | undefined;

  constructor(parts: GateFactsParts) {
    this.#parts = parts;
    this.#since = parts.clock.boottime();
  }

  /** Resolves when Nova's services are read; undefined: they are, or the gates do not need them. */
  refresh(row: LogbookRow): Promise<void> | undefined {
    const { hostNames, signal } = this.#parts;
    return kindOf(row) === 'COMPUTE_HOST' ? hostNames.refresh(MAX_AGE_MS, signal) : undefined;
  }

  /** @param open all recoveries that are not closed, under Nova's names */
  async read(row: LogbookRow, open: readonly LogbookRow[]): Promise<GateFacts> {
    const { journal, configuration, running } = this.#parts;
    const kind = kindOf(row);
    const pause = await journal.query('pause');
    const isHost = kind === 'COMPUTE_HOST';
    const hasStarted = (isHost || kind === 'VM') && (await journal.query('hasStarted', row.id));
    const waiting = open.filter((one) => one.type === 'VM' && one.host === row.host && !running.uuids.has(one.uuid));
    return {
      kind,
      host: row.host,
      hasStarted,
      isApproved: row.approved === 1,
      pause: pause && { by: pause.paused_by, reason: pause.reason, leftMs: pause.left_ms },
      ...(isHost ? this.#shares(row.host, open) : { cloud: undefined, segment: undefined, silentServices: undefined }),
      engineAgeMs: this.#parts.clock.boottime() - this.#since,
      startedMsAgo: isHost ? await this.#startedMsAgo(row.host) : [],
      waitingInstances: waiting.length,
      limits: configuration.options.gates,
    };
  }

  /** A recovery of a host starts. */
  started(row: LogbookRow): void {
    if (kindOf(row) === 'COMPUTE_HOST') this.#startedAt.set(row.host, this.#parts.clock.boottime());
  }

  #shares(host: string, open: readonly LogbookRow[]): Pick<GateFacts, 'cloud' | 'segment' | 'silentServices'> {
    const { configuration, hostNames } = this.#parts;
    const nova = hostNames.list;
    const failures = open.filter((one) => kindOf(one) === 'COMPUTE_HOST').map((one) => one.host);
    // A recovery that started and ended after the list was read has forced its host down since.
    const started = [...this.#startedAt].filter(([, at]) => at >= hostNames.listedAt).map(([name]) => name);
    const down = new Set([...failures, ...started, ...(nova?.forcedDown ?? [])].map(comparableHost));
    const shareOf = (hosts: readonly string[]): HostShare => ({
      failed: hosts.filter((one) => down.has(comparableHost(one))).length,
      all: hosts.length,
    });
    const segment = segmentOf(configuration.segments, host);
    const hosts = segment === undefined ? [] : segmentHosts(segment).map((name) => hostNames.known(name));
    const reporting = nova === null ? [] : nova.names.filter((name) => !nova.forcedDown.includes(name));
    return {
      silentServices: nova === null ? undefined : { failed: nova.silent.length, all: reporting.length },
      cloud: nova === null ? undefined : shareOf(nova.names),
      segment:
        segment === undefined || segment.hosts === 'every' ? undefined : { name: segment.name, ...shareOf(hosts) },
    };
  }

  async #startedMsAgo(host: string): Promise<readonly number[]> {
    const { clock } = this.#parts;
    this.#startedBefore ??= await this.#readStartedBefore();
    const now = clock.boottime();
    return [...new Map([...this.#startedBefore, ...this.#startedAt])]
      .filter(([name]) => name !== host)
      .map(([, at]) => now - at);
  }

  /** The starts of engines before this one, by the wall clock of their reports: an age that it cannot have counts as none. */
  async #readStartedBefore(): Promise<ReadonlyMap<string, number>> {
    const { clock, journal } = this.#parts;
    const [now, boottime] = [clock.now(), clock.boottime()];
    const rows = await journal.query('list', { limit: NEWEST });
    const started = rows.filter((row) => kindOf(row) === 'COMPUTE_HOST' && !['new', 'ignored'].includes(row.status));
    return new Map(started.toReversed().map((row) => [row.host, boottime - Math.max(0, now - row.accepted_at)]));
  }
}
