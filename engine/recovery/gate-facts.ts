/**
 * Collects the facts by which gates decide: the open recoveries, Nova's services, the journal's pause, and the starts of this engine.
 *
 * Nova's services are read at most every 2 s, and only for failures of hosts. If Nova does not respond, its last list counts, so that an
 * outage releases nothing. Before the first list many failures wait for it.
 */
import type { Configuration } from '#config/configuration.ts';
import { type FailoverSegment, segmentHosts, segmentOf } from '#config/options/segments.ts';
import type { Clock } from '#protocol/clock.ts';
import { comparableHost } from '#protocol/host-name.ts';
import type { DeathFacts, GateFacts, HostShare, Maintenance, Pause } from '../gates/gate.ts';
import type { HostNames } from '../intake/host-names.ts';
import { kindOf } from '../journal/host-event.ts';
import type { Journal } from '../journal/journal.ts';
import type { LogbookRow, MaintenanceRow } from '../journal/rows.ts';
import type { ProofChecks } from './proof-checks.ts';
import type { Waits } from './waits.ts';

export interface GateFactsParts {
  readonly journal: Journal;
  readonly clock: Clock;
  readonly configuration: Configuration;
  readonly hostNames: HostNames;
  readonly waits: Waits;
  readonly proofChecks: ProofChecks;
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

  /** Whether Nova's services were read after these facts were collected, and the gates need them. */
  isOutdated(row: LogbookRow, facts: PlanFacts): boolean {
    return kindOf(row) === 'COMPUTE_HOST' && this.#parts.hostNames.list !== facts.list;
  }

  /**
   * The facts about one plan of the queue: what all its recoveries share is collected once, so that a storm of reports costs no more than
   * its number. @param open all recoveries that are not closed, under Nova's names
   */
  async collect(open: readonly LogbookRow[]): Promise<PlanFacts> {
    const { journal, clock, configuration, running } = this.#parts;
    const paused = await journal.query('pause');
    const maintenances = await journal.query('maintenances');
    // The starts of earlier engines are needed by the limit on the rate only.
    const before = configuration.options.gates.maxHosts === 0 ? [] : await this.#startsBefore();
    return new PlanFacts({
      ...this.#parts,
      running: running.uuids,
      open,
      maintenances,
      pause: paused && { by: paused.paused_by, reason: paused.reason, leftMs: paused.left_ms },
      startedAt: new Map([...before, ...this.#startedAt]),
      now: clock.boottime(),
      since: this.#since,
    });
  }

  /** A recovery starts: the next one of the same plan is decided with it. */
  started(row: LogbookRow, facts: PlanFacts): void {
    if (kindOf(row) !== 'COMPUTE_HOST') return;
    this.#startedAt.set(row.host, this.#parts.clock.boottime());
    facts.started(row.host);
  }

  async #startsBefore(): Promise<ReadonlyMap<string, number>> {
    this.#startedBefore ??= await this.#readStartedBefore();
    return this.#startedBefore;
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

interface PlanFactsParts {
  readonly configuration: Configuration;
  readonly hostNames: HostNames;
  readonly waits: Waits;
  readonly proofChecks: ProofChecks;
  readonly running: ReadonlySet<string>;
  readonly open: readonly LogbookRow[];
  readonly maintenances: readonly MaintenanceRow[];
  readonly pause: Pause | null;
  /** By host. */
  readonly startedAt: Map<string, number>;
  readonly now: number;
  /** Start of the engine. */
  readonly since: number;
}

export class PlanFacts {
  /** Nova's services by which these facts were collected; null: Nova has not responded yet. */
  readonly list: HostNames['list'];
  readonly #parts: PlanFactsParts;
  readonly #failedHosts: number;
  readonly #down: ReadonlySet<string>;
  readonly #cloud: Pick<GateFacts, 'cloud' | 'silentServices' | 'deadServices'>;
  readonly #maintenances: ReadonlyMap<string, Maintenance>;
  readonly #segments = new Map<FailoverSegment, GateFacts['segment']>();
  readonly #waitingInstances: ReadonlyMap<string, number>;

  constructor(parts: PlanFactsParts) {
    this.#parts = parts;
    const { open, running, startedAt, hostNames } = parts;
    const failures = open.filter((row) => kindOf(row) === 'COMPUTE_HOST').map(({ host }) => host);
    const nova = hostNames.list;
    this.list = nova;
    // A recovery that started and ended after the list was requested has forced its host down since.
    const started = [...startedAt].filter(([, at]) => at >= hostNames.listedAt).map(([host]) => host);
    this.#failedHosts = new Set(failures.map(comparableHost)).size;
    this.#down = new Set([...failures, ...started, ...(nova?.forcedDown ?? [])].map(comparableHost));
    this.#cloud =
      nova === null
        ? { cloud: undefined, silentServices: undefined, deadServices: undefined }
        : {
            cloud: this.#shareOf(nova.names),
            deadServices: nova.deadServices,
            silentServices: { failed: nova.silent.length, all: nova.names.length - nova.forcedDown.length },
          };
    this.#maintenances = new Map(
      parts.maintenances.map(({ host, set_by: by, reason }) => [comparableHost(hostNames.known(host)), { by, reason }]),
    );
    const waiting = open.filter(({ type, uuid }) => type === 'VM' && !running.has(uuid));
    this.#waitingInstances = new Map(
      [...Map.groupBy(waiting, ({ host }) => host)].map(([host, rows]) => [host, rows.length]),
    );
  }

  /** The recovery of a host starts by this plan. */
  started(host: string): void {
    this.#parts.startedAt.set(host, this.#parts.now);
  }

  /** @param hasStarted whether the recovery has called for a change of the cloud */
  of(row: LogbookRow, hasStarted: boolean): GateFacts {
    const { configuration, pause, startedAt, now, since } = this.#parts;
    const kind = kindOf(row);
    const isHost = kind === 'COMPUTE_HOST';
    return {
      kind,
      host: row.host,
      hasStarted,
      isApproved: row.approved === 1,
      pause,
      failedHosts: this.#failedHosts,
      ...this.#cloud,
      segment: isHost ? this.#segmentOf(row.host) : undefined,
      disabledSegment: isHost ? this.#disabledSegmentOf(row.host) : undefined,
      maintenance: this.#maintenances.get(comparableHost(row.host)),
      engineAgeMs: now - since,
      startedMsAgo: isHost ? [...startedAt].filter(([host]) => host !== row.host).map(([, at]) => now - at) : [],
      waitingInstances: this.#waitingInstances.get(row.host) ?? 0,
      death: isHost ? this.#deathOf(row) : undefined,
      limits: configuration.options.gates,
    };
  }

  #disabledSegmentOf(host: string): string | undefined {
    const segment = segmentOf(this.#parts.configuration.segments, host);
    return segment?.enabled === false ? segment.name : undefined;
  }

  #deathOf(row: LogbookRow): DeathFacts {
    const { configuration, waits, proofChecks } = this.#parts;
    const { acceptedProofs, watchdogTimeoutMs } = configuration.options.hostFailure;
    return {
      accepted: segmentOf(configuration.segments, row.host)?.acceptedProofs ?? acceptedProofs,
      reported: row.proof,
      checks: proofChecks.known(row.uuid),
      openForMs: waits.openFor(row),
      watchdogTimeoutMs,
    };
  }

  #segmentOf(host: string): GateFacts['segment'] {
    const { configuration, hostNames } = this.#parts;
    const segment = segmentOf(configuration.segments, host);
    if (segment === undefined || segment.hosts === 'every') return undefined;
    const known = this.#segments.get(segment) ?? {
      name: segment.name,
      ...this.#shareOf(segmentHosts(segment).map((name) => hostNames.known(name))),
    };
    this.#segments.set(segment, known);
    return known;
  }

  #shareOf(hosts: readonly string[]): HostShare {
    return { failed: hosts.filter((host) => this.#down.has(comparableHost(host))).length, all: hosts.length };
  }
}
