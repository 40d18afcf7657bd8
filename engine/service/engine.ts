import type { Configuration } from '#config/configuration.ts';
import { taskSettings } from '#config/options/task-settings.ts';
import type { Clock } from '#protocol/clock.ts';
import { errorMessage } from '#protocol/error-message.ts';
import type { Log } from '#protocol/log.ts';
import type { Cloud, HostNamesList } from '../cloud/cloud.ts';
import { Budget, type Budgets } from '../flow/budget.ts';
import { Interrupted } from '../flow/outcome.ts';
import type { PlannedTask } from '../flow/plan.ts';
import type { Task } from '../flow/task.ts';
import { isEvacuated } from '../incident/exclusion-decision.ts';
import { HostNames } from '../intake/host-names.ts';
import type { Journal } from '../journal/journal.ts';
import type { AcceptResult } from '../journal/mutations.ts';
import { StatusFile } from '../journal/status-file.ts';
import { FollowUps } from '../recovery/follow-ups.ts';
import { PendingDecisions } from '../recovery/pending-decisions.ts';
import { ProofChecks, type RunProof } from '../recovery/proof-checks.ts';
import { Waits } from '../recovery/waits.ts';
import { Acceptance, type FencingCheck } from './acceptance.ts';
import { Audit } from './audit.ts';
import { BlindMonitors, type MonitorHealth } from './blind-monitors.ts';
import { LeaseRenewal } from './lease-renewal.ts';
import { Operator } from './operator-commands.ts';
import { ProgressHub } from './progress-notices.ts';
import { Reads } from './reads.ts';
import { RecoveryPreview } from './recovery-preview.ts';
import { Retention } from './retention.ts';
import { RunningRecoveries } from './running-recoveries.ts';
import { Scheduler } from './scheduler.ts';

export interface EngineParts {
  readonly journal: Journal;
  readonly journalPath: string;
  readonly cloud: Cloud;
  readonly clock: Clock;
  readonly configuration: Configuration;
  readonly taskOf: (planned: PlannedTask) => Task | undefined;
  readonly log: Log;
  readonly node: string;
  readonly version: string;
  /** The second witness of a fencing that another node reports; without one the report is sufficient. */
  readonly checkFencing?: FencingCheck;
  /** Runs the programs that prove deaths; without it none runs. */
  readonly runProof?: RunProof;
}

export class Engine {
  readonly hub = new ProgressHub();
  /** Records reports, commands and refusals with their origin. */
  readonly audit: Audit;
  /** The requests that read. */
  readonly reads: Reads;
  /** What would happen if a host failed. */
  readonly preview: RecoveryPreview;
  /** The operator commands. */
  readonly operator: Operator;
  /** Resolves after `stop`; rejects with the `JournalFailure` that ended the engine. */
  readonly ended: Promise<void>;

  readonly #parts: EngineParts;
  readonly #running: RunningRecoveries;
  readonly #statusFile: StatusFile;
  readonly #blindMonitors = new BlindMonitors();
  readonly #hostNames: HostNames;
  readonly #scheduler: Scheduler;
  readonly #followUps: FollowUps;
  readonly #acceptance: Acceptance;
  readonly #renewal: LeaseRenewal;
  readonly #retention: Retention;
  readonly #stopping = new AbortController();
  #clusterReading: Promise<void> | undefined;
  #kick = Promise.withResolvers<void>();

  constructor(parts: EngineParts) {
    this.#parts = parts;
    this.audit = new Audit(parts);
    const { general, hostFailure } = parts.configuration.options;
    const budgets: Budgets = {
      requests: new Budget(general.hostFailureRecoveryThreads),
      evacuations: new Budget(hostFailure.maxEvacuationsInFlight),
    };
    const wake = (): void => this.#wake();
    const waits = new Waits(parts.clock);
    const decisions = new PendingDecisions();
    const hostNames = new HostNames({ ...parts, segments: parts.configuration.segments });
    this.#hostNames = hostNames;
    const proofChecks = new ProofChecks({ ...parts, hostNames, signal: this.#stopping.signal, wake });
    const running = { ...parts, budgets, hub: this.hub, waits, decisions, hostNames, proofChecks };
    this.#running = new RunningRecoveries(running, wake);
    this.#scheduler = new Scheduler({
      ...parts,
      running: this.#running,
      waits,
      decisions,
      hostNames,
      proofChecks,
      signal: this.#stopping.signal,
      wake,
    });
    const settings = taskSettings(parts.configuration.options);
    this.#followUps = new FollowUps({
      ...parts,
      hostNames,
      isWanted: (instance) => isEvacuated(instance, settings),
      wake,
    });
    this.operator = new Operator({ ...parts, running: this.#running, waits, hostNames, wake });
    this.#statusFile = new StatusFile(parts.journalPath);
    const { signal } = this.#stopping;
    this.#acceptance = new Acceptance({ ...parts, hostNames, signal, wake });
    const startedAt = parts.clock.now();
    this.reads = new Reads({ ...parts, hub: this.hub, blindMonitors: this.#blindMonitors, startedAt, signal });
    this.preview = new RecoveryPreview({ ...parts, hostNames, scheduler: this.#scheduler, signal });
    this.#renewal = new LeaseRenewal({ ...parts, audit: this.audit });
    this.#retention = new Retention(parts);
    parts.journal.onCommit((mutations, results) => {
      this.#renewal.onCommit();
      this.hub.onCommit(mutations, results);
      this.audit.onCommit(mutations, results);
    });
    this.ended = Promise.race([this.#work(), parts.journal.failed]);
    this.ended.catch(() => {});
  }

  /** Journals a notification, then responds; see `Acceptance.accept`. */
  accept(...report: Parameters<Acceptance['accept']>): Promise<AcceptResult> {
    return this.#acceptance.accept(...report);
  }

  /** Whether two names are of one host; see `Acceptance.isSameHost`. */
  readonly isSameHost = (one: string, other: string): boolean => this.#acceptance.isSameHost(one, other);

  /** Stores the names of Nova's hosts; names in the segments that differ or are missing are logged. */
  takeHostNames(nova: HostNamesList): void {
    this.#hostNames.take(nova);
  }

  /** Takes the report of a process of a host about its monitors: which of them are blind, and which have recovered. */
  heedMonitors(host: string, reported: MonitorHealth): void {
    const { clock, log } = this.#parts;
    const { blind, seeing } = this.#blindMonitors.take(host, reported, clock.now());
    for (const { monitor, reason } of blind) log('error', 'a monitor is blind', { host, monitor, reason });
    for (const monitor of seeing) log('info', 'a monitor has recovered', { host, monitor });
  }

  /** Interrupts all recoveries, releases the lease and closes the journal. */
  async stop(): Promise<void> {
    this.#stopping.abort(new Interrupted('the engine stops'));
    this.#wake();
    await this.#running.interrupt('the engine stops');
    await this.#scheduler.settled();
    await this.#clusterReading;
    await this.ended.catch(() => {});
    await this.#renewal.writeRefusals('all').catch(() => {});
    await this.#leaveLastStatus().catch(() => {});
    await this.#statusFile.close();
    await this.#parts.journal.close().catch(() => {});
    await this.#parts.cloud.close();
  }

  /** The final status while no engine runs; if the journal failed, the previous one stays. */
  async #leaveLastStatus(): Promise<void> {
    const status = await this.reads.status();
    const engine = status.engine ? { ...status.engine, state: 'released' } : null;
    await this.#statusFile.write({ ...status, engine, source: 'status.json' });
  }

  #wake(): void {
    this.#kick.resolve();
  }

  async #work(): Promise<void> {
    const { clock, configuration } = this.#parts;
    const { renewalIntervalMs } = configuration.options.engine;
    while (!this.#stopping.signal.aborted) {
      this.#kick = Promise.withResolvers();
      const planAgainAt = await this.#scheduler.plan();
      this.#leaveStatus();
      await this.#renewal.renewIfDue();
      await this.#scheduler.expire();
      await this.#retention.run();
      this.#watchCluster();
      const wakeAt = Math.min(planAgainAt ?? Number.POSITIVE_INFINITY, this.#retention.dueAt);
      const untilNext = Math.max(0, wakeAt - clock.boottime());
      const pause = new AbortController();
      const slept = clock.sleep(Math.min(renewalIntervalMs, untilNext), pause.signal).catch(() => {});
      await Promise.race([this.#kick.promise, slept]);
      pause.abort();
    }
  }

  /** Hosts of finished recoveries are read in the background: a cloud that responds slowly delays nothing else. */
  #watchCluster(): void {
    this.#clusterReading ??= this.#followUps
      .read(this.#stopping.signal)
      // A journal that fails ends the engine by itself.
      .catch(() => {})
      .finally(() => {
        this.#clusterReading = undefined;
      });
  }

  /** In the background: a slow disk delays no recovery. */
  #leaveStatus(): void {
    const write = async (): Promise<void> => {
      if (this.#stopping.signal.aborted) return;
      await this.#statusFile.write({ ...(await this.reads.status()), source: 'status.json' });
    };
    write().catch((error: unknown) => {
      const reason = errorMessage(error);
      this.#parts.log('warning', 'status.json cannot be written', { reason });
    });
  }
}
