/**
 * One running recovery: flow after flow, by the recovery method, until one succeeds or none is left.
 *
 * Its state is derived from the journal each time, so that starting it and resuming it after an engine failure are one path.
 */
import { randomUUID } from 'node:crypto';
import type { Configuration } from '#config/configuration.ts';
import { segmentOf } from '#config/options/segments.ts';
import { taskSettings } from '#config/options/task-settings.ts';
import { RETURN_FLOWS } from '#config/pipelines/pipelines.ts';
import { policyOf } from '#config/pipelines/task-policies.ts';
import type { Clock } from '#protocol/clock.ts';
import type { Log } from '#protocol/log.ts';
import { ambiguity } from '../cloud/compute-hosts.ts';
import { crashPoint } from '../crash-points.ts';
import type { Budget } from '../flow/budget.ts';
import { type Fault, type FlowOutcome, Interrupted, waitsForOperator } from '../flow/outcome.ts';
import { buildPlan, FLOW_TITLES, type Json, type Plan, readPlan } from '../flow/plan.ts';
import { FlowRunner } from '../flow/runner.ts';
import type { RunnerParts } from '../flow/runner-parts.ts';
import { whyAnswered, whyLeftAlone } from '../intake/came-back.ts';
import { whyForeign } from '../intake/foreign-instance.ts';
import { FRESH_PROOF_MS } from '../intake/host-liveness-decision.ts';
import type { HostNames } from '../intake/host-names.ts';
import { kindOf } from '../journal/host-event.ts';
import type { FlowSnapshot, Mutation } from '../journal/mutations.ts';
import type { LogbookRow, Proof } from '../journal/rows.ts';
import type { ProgressHub } from '../service/progress-notices.ts';
import { closeRound, endDecision, FAILED_ROUNDS } from './closing-decision.ts';
import { type CrashFacts, decideContinuation } from './engine-failure-decision.ts';
import { FlowChoices } from './flow-choices.ts';
import { FOLLOW_UPS } from './follow-ups.ts';
import type { PendingDecisions } from './pending-decisions.ts';
import type { ProofChecks } from './proof-checks.ts';
import { continuationDecision, methodDecision } from './recovery-decisions.ts';
import type { FlowChoice, NextFlow } from './recovery-method-decision.ts';
import type { Waits } from './waits.ts';

export interface RecoveryParts extends RunnerParts {
  readonly clock: Clock;
  readonly configuration: Configuration;
  /** One permit: a recovery that chooses its next flow has opened it before another one chooses. */
  readonly choosing: Budget;
  readonly hub: ProgressHub;
  readonly waits: Waits;
  /** Decisions that let it start: its first flow, or its end, writes them. */
  readonly decisions: PendingDecisions;
  readonly hostNames: HostNames;
  readonly proofChecks: ProofChecks;
  readonly log: Log;
}

export class Recovery {
  readonly #parts: RecoveryParts;
  #logbook: LogbookRow;
  #choices: FlowChoices;
  readonly #signal: AbortSignal;

  constructor(parts: RecoveryParts, logbook: LogbookRow, signal: AbortSignal) {
    this.#parts = parts;
    this.#logbook = logbook;
    this.#choices = new FlowChoices(parts, logbook);
    this.#signal = signal;
  }

  /** Runs to the end of the round. @param open the flow that an engine left open, if there is one */
  async run(open: FlowSnapshot | null): Promise<void> {
    const round = this.#logbook.failures + this.#logbook.retried + 1;
    // A rollback continues as a rollback.
    if (open?.flow.state !== 'REVERTING' && (await this.#endedByLife(open))) return;
    const left = open ? await this.#takeUp(open, round) : { flow: null };
    if (left === 'dead letter') return;
    let { flow } = left;
    let cause: Fault = 'work';
    for (;;) {
      if (!flow) {
        if (await this.#endedByLife(null)) return;
        const foreign = await this.#whyForeign();
        if (foreign !== undefined) return this.#close('ignored', foreign, 'on-another-host');
        const next = await this.#parts.choosing.run(() => this.#begin(round), this.#signal);
        if (next.do === 'nothing') return this.#close(next.status, next.reason, 'no-action');
        if (next.do === 'fail') {
          const flows = await this.#parts.journal.query('flows', this.#logbook.id);
          const message = next.reason ?? flows.at(-1)?.error ?? 'every flow of this round failed';
          await this.#parts.journal.write(
            { op: 'logbook', uuid: this.#logbook.uuid, status: 'running', at: this.#parts.clock.now() },
            ...this.#closing({ end: 'failure', message, cause }),
          );
          return;
        }
        flow = next.flow;
      }
      const end = await this.#runFlow(flow, round);
      if (end.end !== 'failure') return;
      this.#parts.log('warning', 'flow failed', {
        uuid: this.#logbook.uuid,
        flow: flow.flow.uuid,
        reason: end.message,
      });
      if ((await this.#parts.journal.query('logbook', this.#logbook.uuid))?.status !== 'running') return;
      flow = null;
      ({ cause } = end);
    }
  }

  /** Checked before the first flow only: a flow of the recovery may have moved the instance itself. */
  async #whyForeign(): Promise<string | undefined> {
    const flows = await this.#parts.journal.query('flows', this.#logbook.id);
    if (flows.length > 0) return undefined;
    const { cloud, hostNames } = this.#parts;
    return whyForeign(cloud, hostNames, this.#logbook, this.#signal);
  }

  /** There is no action for a host that came back, or for an instance that is on another host. */
  async #close(status: 'finished' | 'ignored', reason: string, rule: string): Promise<void> {
    const { journal, clock, decisions, log, waits } = this.#parts;
    const { uuid, id } = this.#logbook;
    const at = clock.now();
    // Only Nova knows whether such a migration ends on the host that failed, and no task waits for it any more.
    const underway = await journal.query('unsettledMigrations', id);
    const hint = ` Check the instances that were in transit to it: ${underway.join(', ')}.`;
    const message = underway.length > 0 ? `${reason}${hint}` : reason;
    await journal.write(
      { op: 'logbook', uuid, status: 'running', at },
      { op: 'logbook', uuid, status, message, waitedMs: waits.take(uuid), at },
      ...decisions.take(uuid),
      endDecision({ uuid, outcome: status, rule, reason: message, facts: { in_transit: underway }, at }),
    );
    log('info', `recovery ends ${status}`, { uuid, message });
  }

  /**
   * A host that came back before its recovery requested anything is not recovered. A recovery that has requested something is finished: its
   * host is forced down, and a partial recovery would help no user. The exception is a host that has failed again since; it is recovered by
   * that failure's recovery.
   */
  async #endedByLife(open: FlowSnapshot | null): Promise<boolean> {
    const { journal, clock, decisions, log, waits } = this.#parts;
    const { host, uuid, id } = this.#logbook;
    const hasStarted = await journal.query('hasStarted', id);
    const message = hasStarted ? await whyAnswered(journal, this.#logbook) : await whyLeftAlone(journal, this.#logbook);
    if (message === null) return false;
    const at = clock.now();
    const closed: Mutation[] = open
      ? [{ op: 'close_flow', flowId: open.flow.id, state: 'FAILURE', error: message, at }]
      : [];
    const rule = hasStarted ? 'another-recovery' : 'came-back';
    await journal.write(
      ...closed,
      { op: 'logbook', uuid, status: 'ignored', message, waitedMs: waits.take(uuid), at },
      ...decisions.take(uuid),
      endDecision({ uuid, outcome: 'ignored', rule, reason: message, facts: { has_started: hasStarted }, at }),
    );
    log('warning', 'recovery ends: its host came back', { uuid, host });
    return true;
  }

  async #begin(
    round: number,
  ): Promise<{ do: 'run'; flow: FlowSnapshot } | Extract<NextFlow, { do: 'fail' | 'nothing' }>> {
    const { host } = this.#logbook;
    const inNova = await this.#parts.hostNames.find(host, this.#signal);
    if (inNova.match === 'several') return { do: 'fail', reason: ambiguity(host, inNova.names) };
    await this.#takeNovaName();
    const next = await this.#choices.next(round);
    return next.do === 'run' ? { do: 'run', flow: await this.#open(next.choice, round) } : next;
  }

  /** Its flows are journaled under the name by which later recoveries search for them. */
  async #takeNovaName(): Promise<void> {
    const renamed = this.#parts.hostNames.renamed(this.#logbook);
    if (renamed === this.#logbook) return;
    const { uuid, host, target } = renamed;
    await this.#parts.journal.write({ op: 'rename_host', uuid, host, target });
    this.#logbook = renamed;
    this.#choices = new FlowChoices(this.#parts, renamed);
  }

  async #open(choice: FlowChoice, round: number): Promise<FlowSnapshot> {
    const { configuration, journal, clock, decisions, hub, log } = this.#parts;
    const { host, uuid, target } = this.#logbook;
    const free = await this.#choices.freeReservedHosts();
    const plan = await this.#planOf(choice, round, free);
    const flowUuid = randomUUID();
    crashPoint('flow.before-open');
    // Before the flow: an engine that resumes the flow opens none, and would not run this code again.
    if (!RETURN_FLOWS.includes(choice.flow) && this.#choices.segment.reservedHosts.includes(host)) {
      await journal.write({ op: 'host', name: host, reserved: 0, by: `failure ${uuid}`, at: clock.now() });
    }
    const method = kindOf(this.#logbook) === 'COMPUTE_HOST' ? this.#choices.segment.recoveryMethod : null;
    const earlier = await this.#choices.flowsOf(round);
    const at = clock.now();
    const flow = await journal.openFlow(
      {
        logbookUuid: uuid,
        flowUuid,
        name: FLOW_TITLES[choice.flow],
        target,
        plan: JSON.stringify(plan),
        configHash: configuration.hash,
        atoms: plan.tasks.map(({ phase, name }) => ({ phase, name })),
        at,
      },
      [...decisions.take(uuid), methodDecision({ uuid, flowUuid, method, plan, freeReservedHosts: free, earlier, at })],
    );
    crashPoint('flow.after-open');
    hub.follow(uuid, flow);
    const { reservedHost } = choice;
    log('info', 'flow begins', { uuid, flow: flowUuid, name: choice.flow, host, reserved_host: reservedHost, round });
    return flow;
  }

  /** @param free reserved hosts */
  async #planOf(choice: FlowChoice, round: number, free: readonly string[]): Promise<Plan> {
    const { configuration } = this.#parts;
    const { host, uuid } = this.#logbook;
    const payload: Record<string, string> = JSON.parse(this.#logbook.payload);
    const { reservedHost } = choice;
    const reserved = reservedHost === null || free.includes(reservedHost) ? free : [reservedHost, ...free];
    const inputs: Record<string, Json> = {
      host_name: host,
      notification_uuid: uuid,
      ...(choice.flow === 'instance' ? { instance_uuid: (payload.instance_uuid ?? '').toLowerCase() } : {}),
      ...(choice.flow === 'process' ? { process_name: payload.process_name ?? '' } : {}),
      ...(choice.flow === 'host_auto' || choice.flow === 'host_rh'
        ? { reserved_host: reservedHost, reserved_host_list: reserved }
        : {}),
    };
    return buildPlan({
      flow: choice.flow,
      round,
      pipelines: configuration.pipelines,
      policyOf: (task) => policyOf(configuration, task),
      customOf: (task) => configuration.customTasks.get(task)?.task,
      inputs,
      settings: taskSettings(configuration.options),
      deadSince: await this.#failedAt(),
      proof: this.#proof(),
    });
  }

  /** Current proof that the host is down, by a report or by a program; an old one is none. */
  #proof(): Proof {
    const { proof, uuid } = this.#logbook;
    const { configuration, proofChecks } = this.#parts;
    const segment = segmentOf(configuration.segments, this.#logbook.host);
    const accepted = segment?.acceptedProofs ?? configuration.options.hostFailure.acceptedProofs;
    if (proof !== 'operator' && proofChecks.showDead(uuid, accepted)) return 'fencing';
    const isOld = this.#parts.waits.openFor(this.#logbook) > FRESH_PROOF_MS;
    return proof === 'fencing' && isOld ? 'none' : proof;
  }

  /** When the host failed, by the report and no later than its acceptance, ms UTC; null if this is not about a host. */
  async #failedAt(): Promise<number | null> {
    const { host, id } = this.#logbook;
    const kind = kindOf(this.#logbook);
    if (kind !== 'COMPUTE_HOST' && kind !== 'HOST_RETURN') return null;
    const failure =
      kind === 'COMPUTE_HOST' ? this.#logbook : await this.#parts.journal.query('failureBefore', { host, id });
    return failure && Math.min(failure.earliest_at ?? failure.generated_at, failure.accepted_at);
  }

  /** Counts the resume, and follows the plan's policy for an engine failure. No flow: it is started from the beginning. */
  async #takeUp(open: FlowSnapshot, round: number): Promise<{ readonly flow: FlowSnapshot | null } | 'dead letter'> {
    const { journal, clock, log } = this.#parts;
    const { uuid } = this.#logbook;
    // An operator command interrupted it while it was ours: no engine failed or stopped.
    if (open.flow.state === 'REVERTING' && open.flow.left_by === journal.epoch) return this.#followed(open);
    const continuing = await this.#crashFacts(open, round);
    const continuation = decideContinuation(continuing);
    const at = clock.now();
    const record = continuationDecision(uuid, open.flow, continuing, continuation, at);
    const flow = await journal.resumeFlow(open.flow.id, continuation === 'resume' ? [record] : []);
    crashPoint('flow.after-resume');
    const facts = { uuid, flow: flow.uuid, resumes: flow.resumes };
    switch (continuation) {
      case 'resume': {
        log('info', 'flow is resumed', facts);
        return this.#followed({ ...open, flow });
      }
      case 'rollback': {
        log('warning', 'flow is rolled back, since its engine ended', facts);
        const error = 'its engine ended, and its policy is to roll back';
        await journal.write({ op: 'revert_flow', flowId: flow.id, cause: 'work', error }, record);
        return this.#followed({ ...open, flow: { ...flow, state: 'REVERTING', revert_cause: 'work', error } });
      }
      case 'restart': {
        log('warning', 'flow is restarted, since its engine ended', facts);
        const error = 'its engine ended, and its policy is to restart';
        await journal.write({ op: 'close_flow', flowId: flow.id, state: 'ABANDONED', error, at }, record);
        crashPoint('flow.after-close');
        return { flow: null };
      }
      case 'dead letter': {
        const message = `dead letter: ${continuing.ends} engines ended during it; find out why, then run "recovery-agent retry ${uuid}"`;
        log('error', message, { uuid, flow: flow.uuid });
        await journal.write(
          { op: 'close_flow', flowId: flow.id, state: 'FAILURE', error: message, at },
          { op: 'logbook', uuid, status: 'failed', message, failed: 'work', at },
          record,
          endDecision({ uuid, outcome: 'failed', rule: 'dead-letter', reason: message, facts: {}, at }),
        );
        return 'dead letter';
      }
    }
  }

  /** The resume that follows counts as the end of one more engine. */
  async #crashFacts(open: FlowSnapshot, round: number): Promise<CrashFacts> {
    const abandoned = (await this.#choices.flowsOf(round)).filter(({ state }) => state === 'ABANDONED');
    return {
      state: open.flow.state === 'REVERTING' ? 'REVERTING' : 'RUNNING',
      policy: readPlan(open.flow.plan).afterCrash,
      isLeftInOrder: open.flow.left_by !== null,
      ends: [open.flow, ...abandoned].reduce((sum, { resumes }) => sum + resumes, 1),
      maxResumes: this.#parts.configuration.options.engine.maxResumes,
    };
  }

  #followed(flow: FlowSnapshot): { readonly flow: FlowSnapshot } {
    this.#parts.hub.follow(this.#logbook.uuid, flow);
    return { flow };
  }

  async #runFlow(flow: FlowSnapshot, round: number): Promise<FlowOutcome> {
    const { hub, journal } = this.#parts;
    const isLast = await this.#choices.isLast(round);
    try {
      return await new FlowRunner(this.#parts, flow, this.#signal).run((outcome) =>
        // A failed flow with another one after it leaves the recovery running, unless an operator has to decide.
        outcome.end === 'failure' && !isLast && !waitsForOperator(outcome.cause) ? [] : this.#closing(outcome),
      );
    } catch (error) {
      // An engine that has lost its lease cannot write this; the next engine treats it as failed.
      if (error instanceof Interrupted) await journal.write({ op: 'leave_flow', flowId: flow.flow.id }).catch(() => {});
      throw error;
    } finally {
      hub.forget(flow);
    }
  }

  #closing(outcome: FlowOutcome): readonly Mutation[] {
    const { clock, configuration, decisions, log, waits } = this.#parts;
    const now = clock.now();
    const { work_failures: failures, uuid } = this.#logbook;
    const retryIntervalMs = configuration.options.general.processUnfinishedNotificationsIntervalMs;
    const { status, message, retryAt } = closeRound(outcome, { failures, now, retryIntervalMs });
    log(status === 'failed' || status === 'error' ? 'error' : 'info', `recovery ends ${status}`, { uuid, message });
    const rule = outcome.end === 'failure' ? outcome.cause : outcome.end;
    const facts = { work_failures: failures, retry_at: retryAt === null ? null : new Date(retryAt).toISOString() };
    const limits = { failed_rounds: FAILED_ROUNDS, retry_interval_ms: retryIntervalMs };
    return [
      {
        op: 'logbook',
        uuid,
        status,
        message,
        retryAt,
        waitedMs: waits.take(uuid),
        ...(kindOf(this.#logbook) === 'COMPUTE_HOST' && status === 'finished' ? { followUps: FOLLOW_UPS } : {}),
        ...(outcome.end === 'failure' ? { failed: outcome.cause === 'outage' ? 'outage' : 'work' } : {}),
        at: now,
      },
      ...decisions.take(uuid),
      endDecision({ uuid, outcome: status, rule, reason: message, facts, limits, at: now }),
    ];
  }
}
