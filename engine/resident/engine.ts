/**
 * The resident engine: accepts notifications, runs recoveries side by side, and keeps its reign.
 *
 * Invariant: whatever it runs is in the journal first. It keeps no state of a recovery that the next engine could not
 * read there.
 */
import { randomUUID } from 'node:crypto';
import type { Configuration } from '#config/load.ts';
import { segmentOf } from '#config/segments.ts';
import type { Log } from '#protocol/log.ts';
import { canonicalPayload, type Notification } from '#protocol/notification.ts';
import type { RecoveryView, StatusView } from '#protocol/views.ts';
import type { Clock } from '../clock/clock.ts';
import type { Cloud, Instance } from '../cloud/cloud.ts';
import { readInstance } from '../cloud/reading.ts';
import { crashPoint } from '../crash-points.ts';
import { Budget, type Budgets } from '../flow/budget.ts';
import { Interrupted } from '../flow/outcome.ts';
import type { PlannedTask } from '../flow/plan.ts';
import type { Task } from '../flow/task.ts';
import { JournalFailure } from '../journal/failure.ts';
import type { Journal } from '../journal/journal.ts';
import type { AcceptResult } from '../journal/mutations.ts';
import { StatusFile } from '../journal/status-file.ts';
import type { LogbookRow, LogbookStatus, Proof } from '../journal/words.ts';
import { judgeNotification, targetOf } from '../recovery/judge-notification.ts';
import { FRESH_PROOF_MS } from '../recovery/life-sign.ts';
import { isEvacuated } from '../recovery/original-state.ts';
import { skewOf } from '../recovery/report-order.ts';
import { BlindMonitors, type Sightedness } from './blind-monitors.ts';
import { FollowUps } from './follow-ups.ts';
import { HostNames } from './host-names.ts';
import { Operator } from './operator.ts';
import { ProgressHub } from './progress.ts';
import { RequestRefused } from './request-refused.ts';
import { returnFacts } from './return-facts.ts';
import { RunningRecoveries } from './running-recoveries.ts';
import { Scheduler } from './scheduler.ts';
import { iso, viewNotification, viewRecovery } from './view.ts';
import { Waits } from './waits.ts';

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
}

/** What a monitor says of a notification's way here, for the log. */
export interface Delivery {
  readonly ageSeconds: number;
  readonly attempts: number;
}

/** A monitor that asks waits somewhat longer than this for its answer ([transport] answer_timeout). */
const INSTANCE_TIMEOUT_MS = 10_000;

/** Between two batches of closed recoveries to remove, so that they delay no commit. */
const PRUNE_PAUSE_MS = 500;
/** Between two searches for closed recoveries to remove, when none are left. */
const PRUNE_INTERVAL_MS = 60_000;

function isOld(delivery: Delivery | undefined): boolean {
  return delivery !== undefined && delivery.ageSeconds * 1000 > FRESH_PROOF_MS;
}

/** How far the clock of the reporter is ahead, in whole seconds; undefined where it is not. */
function skewSeconds({ generated_at, accepted_at }: LogbookRow): number | undefined {
  return Math.round(skewOf(generated_at, accepted_at) / 1000) || undefined;
}

export class Engine {
  readonly hub = new ProgressHub();
  /** What operators may say. */
  readonly operator: Operator;
  /** Resolves after `stop`; rejects with the `JournalFailure` that ended the engine. */
  readonly ended: Promise<void>;

  readonly #parts: EngineParts;
  readonly #running: RunningRecoveries;
  readonly #statusFile: StatusFile;
  readonly #startedAt: number;
  readonly #blindMonitors = new BlindMonitors();
  readonly #hostNames: HostNames;
  readonly #scheduler: Scheduler;
  readonly #followUps: FollowUps;
  readonly #stopping = new AbortController();
  #looking: Promise<void> | undefined;
  #kick = Promise.withResolvers<void>();
  #lastCommitAt: number;
  /** When the journal is searched for what its retention does not keep, CLOCK_BOOTTIME ms. */
  #pruneAt: number;

  constructor(parts: EngineParts) {
    this.#parts = parts;
    const { general, hostFailure } = parts.configuration.options;
    const budgets: Budgets = {
      requests: new Budget(general.hostFailureRecoveryThreads),
      evacuations: new Budget(hostFailure.maxEvacuationsInFlight),
    };
    const wake = (): void => this.#wake();
    const waits = new Waits(parts.clock);
    const hostNames = new HostNames({ ...parts, segments: parts.configuration.segments });
    this.#hostNames = hostNames;
    this.#running = new RunningRecoveries({ ...parts, budgets, hub: this.hub, waits, hostNames }, wake);
    this.#scheduler = new Scheduler({
      ...parts,
      running: this.#running,
      waits,
      hostNames,
      signal: this.#stopping.signal,
    });
    this.#followUps = new FollowUps({
      ...parts,
      hostNames,
      isWanted: (instance) => isEvacuated(instance, hostFailure),
      wake,
    });
    this.operator = new Operator({ ...parts, running: this.#running, waits, hostNames, wake });
    this.#statusFile = new StatusFile(parts.journalPath);
    this.#startedAt = parts.clock.now();
    this.#lastCommitAt = parts.clock.boottime();
    this.#pruneAt = parts.clock.boottime() + PRUNE_INTERVAL_MS;
    parts.journal.onCommit((mutations, results) => {
      this.#lastCommitAt = parts.clock.boottime();
      this.hub.onCommit(mutations, results);
    });
    this.ended = Promise.race([this.#work(), parts.journal.failed]);
    this.ended.catch(() => {});
  }

  /** Journals a notification, then answers. @param given what the reporter knows of the death of the host */
  async accept(report: Notification, given: Proof = 'none', delivery?: Delivery): Promise<AcceptResult> {
    const { configuration, clock, journal, log } = this.#parts;
    const notification = { ...report, hostname: this.#hostNames.known(report.hostname) };
    this.#hostNames.readIfUnknown(report.hostname, this.#stopping.signal);
    const proof = given === 'fencing' && isOld(delivery) ? 'none' : given;
    const segment = segmentOf(configuration.segments, notification.hostname);
    const back = await returnFacts(this.#parts, notification);
    const { status, reason } = judgeNotification(notification, segment, proof, back);
    crashPoint('notification.before-accept');
    const result = await journal.accept({
      uuid: randomUUID(),
      type: notification.type,
      host: notification.hostname,
      target: targetOf(notification),
      payload: canonicalPayload(notification),
      generatedAt: notification.generated_time.getTime(),
      status,
      message: reason,
      duplicateIntervalMs: configuration.options.general.duplicateNotificationDetectionIntervalMs,
      proof,
      ...(delivery ? { ageMs: delivery.ageSeconds * 1_000 } : {}),
      at: clock.now(),
    });
    crashPoint('notification.after-accept');
    const { uuid, type, host } = result.logbook;
    log('info', result.isDuplicate ? 'notification is a duplicate' : `notification accepted as ${status}`, {
      uuid,
      type,
      host,
      reported_host: report.hostname === host ? undefined : report.hostname,
      reason: result.isDuplicate ? null : reason,
      age_seconds: delivery?.ageSeconds,
      attempts: delivery?.attempts,
      skew_seconds: skewSeconds(result.logbook),
    });
    this.#wake();
    return result;
  }

  /** Takes what a process of a host says of its monitors: which of them cannot see, and which can. */
  heedMonitors(host: string, said: Sightedness): void {
    const { clock, log } = this.#parts;
    const { blind, seeing } = this.#blindMonitors.take(host, said, clock.now());
    for (const { monitor, reason } of blind) log('error', 'a monitor is blind', { host, monitor, reason });
    for (const monitor of seeing) log('info', 'a monitor sees again', { host, monitor });
  }

  async list(filter: { readonly limit: number; readonly status?: LogbookStatus }): Promise<readonly LogbookRow[]> {
    return this.#parts.journal.query('list', filter);
  }

  async show(uuid: string): Promise<RecoveryView> {
    const found = await this.#parts.journal.query('show', uuid);
    if (!found) throw new RequestRefused(`there is no notification ${uuid}`);
    return viewRecovery(found);
  }

  async status(): Promise<StatusView> {
    const { journal, journalPath, cloud, clock, node, version } = this.#parts;
    const { lease, counts, open } = await journal.query('summary');
    return {
      source: 'engine',
      engine: {
        node,
        pid: process.pid,
        epoch: journal.epoch,
        version,
        since: iso(this.#startedAt),
        beat_at: iso(lease?.beat_at ?? this.#startedAt),
        state: lease?.state === 'released' ? 'released' : 'running',
      },
      cloud: cloud.description,
      journal: journalPath,
      counts,
      open: open.map((row) => ({ ...viewNotification(row), instances: this.hub.instancesOf(row.uuid) })),
      blind_monitors: this.#blindMonitors.list(clock.now()),
      taking_over: null,
      written_at: iso(clock.now()),
    };
  }

  /** Writes into the journal under the lease and asks the cloud; throws with what is wrong. */
  async checkHealth(): Promise<{ readonly epoch: number }> {
    const { journal, cloud } = this.#parts;
    await journal.beat();
    try {
      await cloud.check();
    } catch (error) {
      throw new RequestRefused(`the cloud cannot be used: ${error instanceof Error ? error.message : String(error)}`);
    }
    return { epoch: journal.epoch };
  }

  /** What the cloud says of an instance, for a monitor that saw it end; `unknown` when the cloud cannot be asked. */
  async instance(uuid: string): Promise<Instance | 'not found' | 'unknown'> {
    const { cloud, log } = this.#parts;
    try {
      const signal = AbortSignal.any([this.#stopping.signal, AbortSignal.timeout(INSTANCE_TIMEOUT_MS)]);
      const reading = await readInstance(cloud, uuid, { signal, urgency: 'question' });
      if (reading.answer === 'none') throw reading.error;
      return reading.answer === 'yes' ? reading.value : 'not found';
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      log('debug', 'the cloud could not be asked about an instance', { instance: uuid, reason });
      return 'unknown';
    }
  }

  /** Interrupts all recoveries where they stand, releases the lease and closes the journal. */
  async stop(): Promise<void> {
    this.#stopping.abort(new Interrupted('the engine stops'));
    this.#wake();
    await this.#running.interrupt('the engine stops');
    await this.#scheduler.settled();
    await this.#looking;
    await this.ended.catch(() => {});
    await this.#leaveLastStatus().catch(() => {});
    await this.#statusFile.close();
    await this.#parts.journal.close().catch(() => {});
    await this.#parts.cloud.close();
  }

  /** What stays when no engine runs; a journal that has failed leaves the status of before. */
  async #leaveLastStatus(): Promise<void> {
    const status = await this.status();
    const engine = status.engine ? { ...status.engine, state: 'released' } : null;
    await this.#statusFile.write({ ...status, engine, source: 'status.json' });
  }

  #wake(): void {
    this.#kick.resolve();
  }

  async #work(): Promise<void> {
    const { clock, configuration } = this.#parts;
    const { beatIntervalMs } = configuration.options.engine;
    while (!this.#stopping.signal.aborted) {
      this.#kick = Promise.withResolvers();
      const planAgainAt = await this.#scheduler.plan();
      this.#leaveStatus();
      await this.#keepReign();
      await this.#scheduler.expire();
      await this.#prune();
      this.#lookAfter();
      const wakeAt = Math.min(planAgainAt ?? Number.POSITIVE_INFINITY, this.#pruneAt);
      const untilNext = Math.max(0, wakeAt - clock.boottime());
      const pause = new AbortController();
      const slept = clock.sleep(Math.min(beatIntervalMs, untilNext), pause.signal).catch(() => {});
      await Promise.race([this.#kick.promise, slept]);
      pause.abort();
    }
  }

  /** Removes a batch of what the retention does not keep; what is left is removed at the next wake-ups. */
  async #prune(): Promise<void> {
    const { clock, configuration, journal, log } = this.#parts;
    if (clock.boottime() < this.#pruneAt) return;
    const { retentionMs, retentionCount } = configuration.options.journal;
    try {
      const { removed, more } = await journal.prune({ retentionMs, maxClosed: retentionCount });
      if (removed > 0) log('debug', 'closed recoveries removed', { removed });
      this.#pruneAt = clock.boottime() + (more ? PRUNE_PAUSE_MS : PRUNE_INTERVAL_MS);
    } catch (error) {
      if (!(error instanceof JournalFailure) || error.isFatal) throw error;
      log('warning', 'closed recoveries could not be removed', { reason: error.message });
      this.#pruneAt = clock.boottime() + PRUNE_INTERVAL_MS;
    }
  }

  /** Hosts of finished recoveries are read in the background: a cloud that is slow to answer delays nothing else. */
  #lookAfter(): void {
    this.#looking ??= this.#followUps
      .look(this.#stopping.signal)
      // A journal that fails ends the engine by itself.
      .catch(() => {})
      .finally(() => {
        this.#looking = undefined;
      });
  }

  async #keepReign(): Promise<void> {
    const { clock, journal, configuration } = this.#parts;
    if (clock.boottime() - this.#lastCommitAt < configuration.options.engine.beatIntervalMs) return;
    await journal.beat();
    this.#lastCommitAt = clock.boottime();
  }

  /** In the background: a slow disk delays no recovery. */
  #leaveStatus(): void {
    const write = async (): Promise<void> => {
      if (this.#stopping.signal.aborted) return;
      await this.#statusFile.write({ ...(await this.status()), source: 'status.json' });
    };
    write().catch((error: unknown) => {
      const reason = error instanceof Error ? error.message : String(error);
      this.#parts.log('warning', 'status.json cannot be written', { reason });
    });
  }
}
