/**
 * Starts, parks, releases and expires recoveries, as the queue decides.
 *
 * Invariant: nothing starts once the engine stops, and nothing that is held; one decision delays no other.
 */
import type { Configuration } from '#config/configuration.ts';
import type { Clock } from '#protocol/clock.ts';
import type { Log } from '#protocol/log.ts';
import type { Cloud } from '../cloud/cloud.ts';
import type { HostNames } from '../intake/host-names.ts';
import { Parking } from '../intake/parked-reports.ts';
import type { Journal } from '../journal/journal.ts';
import type { LogbookRow } from '../journal/rows.ts';
import { endDecision } from '../recovery/closing-decision.ts';
import type { PlanFacts } from '../recovery/gate-facts.ts';
import { Holds } from '../recovery/holds.ts';
import { InstanceProjects } from '../recovery/instance-projects.ts';
import type { PendingDecisions } from '../recovery/pending-decisions.ts';
import type { ProofChecks } from '../recovery/proof-checks.ts';
import { planQueue } from '../recovery/queue-decision.ts';
import type { Waits } from '../recovery/waits.ts';
import type { RunningRecoveries } from './running-recoveries.ts';

export interface SchedulerParts {
  readonly journal: Journal;
  readonly clock: Clock;
  readonly configuration: Configuration;
  readonly log: Log;
  readonly running: RunningRecoveries;
  readonly waits: Waits;
  readonly decisions: PendingDecisions;
  readonly hostNames: HostNames;
  readonly proofChecks: ProofChecks;
  readonly cloud: Cloud;
  /** Causes the queue to be planned again. */
  readonly wake: () => void;
  /** Aborted when the engine stops. */
  readonly signal: AbortSignal;
}

export class Scheduler {
  readonly #parts: SchedulerParts;
  readonly #parking: Parking;
  readonly #holds: Holds;
  readonly #projects: InstanceProjects;
  #lastExpiryAt: number;

  constructor(parts: SchedulerParts) {
    this.#parts = parts;
    this.#parking = new Parking(parts);
    this.#projects = new InstanceProjects(parts);
    this.#holds = new Holds({ ...parts, parking: this.#parking });
    this.#lastExpiryAt = parts.clock.boottime();
  }

  /** Resolves when nothing is being interrupted or read any more. */
  async settled(): Promise<void> {
    await Promise.all([this.#parking.settled(), this.#projects.settled(), this.#parts.proofChecks.settled()]);
  }

  /** Starts all recoveries that may start. Returns when to plan again, CLOCK_BOOTTIME ms; null if only an event can change anything. */
  async plan(): Promise<number | null> {
    const { journal, clock, configuration, running, signal, waits } = this.#parts;
    const rows = await journal.query('open');
    const open = await this.#underNovaNames(rows);
    // `stop` waits for the recoveries that it found running: none may start after its check.
    if (signal.aborted) return null;
    waits.observe(open);
    this.#parts.decisions.retain(open);
    const decision = planQueue({
      open: open.map((row) => ({ ...row, retry_at: waits.retryDueAt(row) })),
      running: running.uuids,
      now: clock.boottime(),
      maxConcurrent: configuration.options.engine.maxConcurrentRecoveries,
      maxPerProject: configuration.options.engine.maxRecoveriesPerProject,
      projects: this.#projects.known(open),
    });
    this.#projects.read(decision.readProjects, signal);
    for (const { uuid, by } of decision.supersede) this.#parking.supersede(uuid, by);
    for (const { uuid, by } of decision.park) this.#parking.park(uuid, by);
    for (const uuid of decision.release) await this.#parking.releaseFromQueue(uuid);
    // A released recovery may start now.
    if (decision.release.length > 0) return clock.boottime();
    const isHeld = open.some(({ parked_reason, parked_by }) => parked_reason !== null && parked_by === null);
    if (decision.start.length === 0 && !isHeld) return decision.nextReadAt;
    const facts = await this.#holds.collect(open);
    const times = [decision.nextReadAt, await this.#holds.release(open, facts)].filter((at) => at !== null);
    for (const uuid of decision.start) {
      // A flow that is resumed has the name of its plan.
      const logbook = [...rows.filter(({ status }) => status === 'running'), ...open].find((one) => one.uuid === uuid);
      if (logbook && (await this.#start(logbook, facts)) === 'closed or parked') times.push(clock.boottime());
    }
    return times.length > 0 ? Math.min(...times) : null;
  }

  /** Why gates would hold these failures if they were reported now, in this order; null: they would start. Nothing is parked. */
  async whyHeld(failures: readonly LogbookRow[]): Promise<readonly (string | null)[]> {
    const { hostNames, journal } = this.#parts;
    const open = await journal.query('open');
    return this.#holds.foresee(
      open.map((row) => hostNames.renamed(row)),
      failures,
    );
  }

  /**
   * All under Nova's names: reports from before these were known may name one host in two ways. An open flow keeps the name of its plan;
   * any other recovery is journaled under Nova's name from now on.
   */
  async #underNovaNames(rows: readonly LogbookRow[]): Promise<readonly LogbookRow[]> {
    const { hostNames, journal, running } = this.#parts;
    const named: LogbookRow[] = [];
    for (const row of rows) {
      const renamed = hostNames.renamed(row);
      const isAtRest = row.status !== 'running' && !running.uuids.has(row.uuid);
      if (renamed !== row && isAtRest) {
        const { uuid, host, target } = renamed;
        await journal.write({ op: 'rename_host', uuid, host, target });
      }
      named.push(renamed);
    }
    return named;
  }

  /** `waiting`: the facts of gates are being read. `closed or parked`: the queue must be planned again. */
  async #start(logbook: LogbookRow, facts: PlanFacts): Promise<'started' | 'waiting' | 'closed or parked'> {
    const { running, signal } = this.#parts;
    // A recovery that is always between two retries when the queue is checked for old ones.
    if (logbook.status === 'error' && (await this.#expireIfOld(logbook))) return 'closed or parked';
    const isHeld = await this.#holds.holds(logbook, facts);
    if (isHeld !== false) return isHeld === 'unknown' ? 'waiting' : 'closed or parked';
    if (!signal.aborted && !running.uuids.has(logbook.uuid)) running.start(logbook);
    return 'started';
  }

  /** Ends recoveries that could not be finished for a day. */
  async expire(): Promise<void> {
    const { clock, journal, configuration, running } = this.#parts;
    const { checkExpiredNotificationsIntervalMs } = configuration.options.general;
    if (clock.boottime() - this.#lastExpiryAt < checkExpiredNotificationsIntervalMs) return;
    this.#lastExpiryAt = clock.boottime();
    const atWork = running.uuids;
    for (const row of await journal.query('open')) {
      const isAtWork = row.status === 'running' || atWork.has(row.uuid) || row.parked_reason !== null;
      if (!isAtWork) await this.#expireIfOld(row);
    }
  }

  /** Returns whether it has expired. */
  async #expireIfOld(row: LogbookRow): Promise<boolean> {
    const { clock, journal, configuration, log, waits } = this.#parts;
    const { notificationsExpiredIntervalMs } = configuration.options.general;
    if (waits.openFor(row) < notificationsExpiredIntervalMs) return false;
    const { uuid } = row;
    const message = `Expired: not finished within ${notificationsExpiredIntervalMs / 1000} s.`;
    const at = clock.now();
    const facts = { waited_ms: Math.floor(waits.openFor(row)) };
    const limits = { notifications_expired_interval_ms: notificationsExpiredIntervalMs };
    await journal.write(
      { op: 'logbook', uuid, status: 'failed', message, at },
      endDecision({ uuid, outcome: 'failed', rule: 'expired', reason: message, facts, limits, at }),
    );
    log('error', 'recovery expired', { uuid });
    return true;
  }
}
