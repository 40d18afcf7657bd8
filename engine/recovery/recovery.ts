/**
 * One recovery at work: flow after flow, as the recovery method says, until one succeeds or none is left.
 *
 * Where it stands is derived from the journal each time, so taking it over after a death and beginning it are one path.
 */
import { randomUUID } from 'node:crypto';
import type { Configuration } from '#config/load.ts';
import { RETURN_FLOWS } from '#config/pipelines.ts';
import { policyOf } from '#config/task-policies.ts';
import type { Log } from '#protocol/log.ts';
import type { Clock } from '../clock/clock.ts';
import { ambiguity } from '../cloud/compute-hosts.ts';
import { crashPoint } from '../crash-points.ts';
import type { Budget } from '../flow/budget.ts';
import { type Fault, type FlowOutcome, Interrupted, waitsForOperator } from '../flow/outcome.ts';
import { buildPlan, FLOW_TITLES, type Json, readPlan } from '../flow/plan.ts';
import { FlowRunner, type RunnerParts } from '../flow/runner.ts';
import { kindOf } from '../journal/host-event.ts';
import type { FlowSnapshot, Mutation } from '../journal/mutations.ts';
import type { LogbookRow, Proof } from '../journal/words.ts';
import { decideContinuation } from '../recovery/after-crash.ts';
import { closeRound } from '../recovery/closing.ts';
import { FRESH_PROOF_MS } from '../recovery/life-sign.ts';
import type { FlowChoice, NextFlow } from '../recovery/method.ts';
import { whyAnswered, whyLeftAlone } from './came-back.ts';
import { FlowChoices } from './flow-choices.ts';
import { FOLLOW_UPS } from './follow-ups.ts';
import type { HostNames } from './host-names.ts';
import type { ProgressHub } from './progress.ts';
import { taskSettings } from './task-settings.ts';
import type { Waits } from './waits.ts';

export interface RecoveryParts extends RunnerParts {
  readonly clock: Clock;
  readonly configuration: Configuration;
  /** One place: a recovery that chooses its next flow has opened it before another one chooses. */
  readonly choosing: Budget;
  readonly hub: ProgressHub;
  readonly waits: Waits;
  readonly hostNames: HostNames;
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
    // What goes back goes on going back.
    if (open?.flow.state !== 'REVERTING' && (await this.#endedByLife(open))) return;
    const left = open ? await this.#takeUp(open, round) : { flow: null };
    if (left === 'given up') return;
    let { flow } = left;
    let cause: Fault = 'work';
    for (;;) {
      if (!flow) {
        if (await this.#endedByLife(null)) return;
        const next = await this.#parts.choosing.run(() => this.#begin(round), this.#signal);
        if (next.do === 'nothing') return this.#close(next.status, next.reason);
        if (next.do === 'give up') {
          const flows = await this.#parts.journal.query('flows', this.#logbook.id);
          const message = next.reason ?? flows.at(-1)?.error ?? 'every flow of this round failed';
          await this.#parts.journal.write(
            { op: 'logbook', uuid: this.#logbook.uuid, status: 'running', at: this.#parts.clock.now() },
            this.#closing({ end: 'failure', message, cause }),
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

  /** There is nothing to do about a host that came back. */
  async #close(status: 'finished' | 'ignored', reason: string): Promise<void> {
    const { journal, clock, log, waits } = this.#parts;
    const { uuid, id } = this.#logbook;
    const at = clock.now();
    // Only Nova knows whether such a migration ends on the host that failed, and nobody waits for it any more.
    const underway = await journal.query('unsettledMigrations', id);
    const hint = ` See what became of instances that were on their way there: ${underway.join(', ')}.`;
    const message = underway.length > 0 ? `${reason}${hint}` : reason;
    await journal.write(
      { op: 'logbook', uuid, status: 'running', at },
      { op: 'logbook', uuid, status, message, waitedMs: waits.take(uuid), at },
    );
    log('info', `recovery ends ${status}`, { uuid, message });
  }

  /**
   * A host that came back before its recovery requested anything is left alone. A recovery that has begun is finished: its host is forced
   * down, and what it moved by half would help nobody; unless the host has failed again since, which is that failure's recovery.
   */
  async #endedByLife(open: FlowSnapshot | null): Promise<boolean> {
    const { journal, clock, log, waits } = this.#parts;
    const { host, uuid, id } = this.#logbook;
    const hasBegun = await journal.query('hasBegun', id);
    const message = hasBegun ? await whyAnswered(journal, this.#logbook) : await whyLeftAlone(journal, this.#logbook);
    if (message === null) return false;
    const at = clock.now();
    const closed: Mutation[] = open
      ? [{ op: 'close_flow', flowId: open.flow.id, state: 'FAILURE', error: message, at }]
      : [];
    await journal.write(...closed, { op: 'logbook', uuid, status: 'ignored', message, waitedMs: waits.take(uuid), at });
    log('warning', 'recovery ends: its host came back', { uuid, host });
    return true;
  }

  async #begin(
    round: number,
  ): Promise<{ do: 'run'; flow: FlowSnapshot } | Extract<NextFlow, { do: 'give up' | 'nothing' }>> {
    const { host } = this.#logbook;
    const inNova = await this.#parts.hostNames.find(host, this.#signal);
    if (inNova.match === 'several') return { do: 'give up', reason: ambiguity(host, inNova.names) };
    await this.#takeNovaName();
    const next = await this.#choices.next(round);
    return next.do === 'run' ? { do: 'run', flow: await this.#open(next.choice, round) } : next;
  }

  /** What its flows do is journaled under the name by which later recoveries look for it. */
  async #takeNovaName(): Promise<void> {
    const renamed = this.#parts.hostNames.renamed(this.#logbook);
    if (renamed === this.#logbook) return;
    const { uuid, host, target } = renamed;
    await this.#parts.journal.write({ op: 'rename_host', uuid, host, target });
    this.#logbook = renamed;
    this.#choices = new FlowChoices(this.#parts, renamed);
  }

  async #open(choice: FlowChoice, round: number): Promise<FlowSnapshot> {
    const { configuration, journal, clock, hub, log } = this.#parts;
    const { host, uuid, target } = this.#logbook;
    const payload: Record<string, string> = JSON.parse(this.#logbook.payload);
    const free = await this.#choices.freeReservedHosts();
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
    const plan = buildPlan({
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
    const flowUuid = randomUUID();
    crashPoint('flow.before-open');
    // Before the flow: whoever takes that up opens none, and would not come by here again.
    if (!RETURN_FLOWS.includes(choice.flow) && this.#choices.segment.reservedHosts.includes(host)) {
      await journal.write({ op: 'host', name: host, reserved: 0, by: `failure ${uuid}`, at: clock.now() });
    }
    const flow = await journal.openFlow({
      logbookUuid: uuid,
      flowUuid,
      name: FLOW_TITLES[choice.flow],
      target,
      plan: JSON.stringify(plan),
      configHash: configuration.hash,
      atoms: plan.tasks.map(({ phase, name }) => ({ phase, name })),
      at: clock.now(),
    });
    crashPoint('flow.after-open');
    hub.follow(uuid, flow);
    log('info', 'flow begins', {
      uuid,
      flow: flowUuid,
      name: choice.flow,
      host,
      reserved_host: reservedHost,
      round,
    });
    return flow;
  }

  /** What proves the death now: a fencing of a while ago does not. */
  #proof(): Proof {
    const { proof } = this.#logbook;
    const isOld = this.#parts.waits.openFor(this.#logbook) > FRESH_PROOF_MS;
    return proof === 'fencing' && isOld ? 'none' : proof;
  }

  /** When the host failed, by the report of it and no later than its acceptance, ms UTC; null where this is not about a host. */
  async #failedAt(): Promise<number | null> {
    const { host, id } = this.#logbook;
    const kind = kindOf(this.#logbook);
    if (kind !== 'COMPUTE_HOST' && kind !== 'HOST_RETURN') return null;
    const failure =
      kind === 'COMPUTE_HOST' ? this.#logbook : await this.#parts.journal.query('failureBefore', { host, id });
    return failure && Math.min(failure.earliest_at ?? failure.generated_at, failure.accepted_at);
  }

  /** Counts the resume, and does what its plan says about a death. No flow: it is begun anew. */
  async #takeUp(open: FlowSnapshot, round: number): Promise<{ readonly flow: FlowSnapshot | null } | 'given up'> {
    const { journal, configuration, clock, log } = this.#parts;
    const { uuid } = this.#logbook;
    // An operator turned it while it was ours: nobody died or stopped.
    if (open.flow.state === 'REVERTING' && open.flow.left_by === journal.epoch) return this.#followed(open);
    const flow = await journal.resumeFlow(open.flow.id);
    crashPoint('flow.after-resume');
    const abandoned = (await this.#choices.flowsOf(round)).filter(({ state }) => state === 'ABANDONED');
    const ends = [flow, ...abandoned].reduce((sum, { resumes }) => sum + resumes, 0);
    const continuation = decideContinuation({
      state: flow.state === 'REVERTING' ? 'REVERTING' : 'RUNNING',
      policy: readPlan(flow.plan).afterCrash,
      isLeftInOrder: open.flow.left_by !== null,
      ends,
      maxResumes: configuration.options.engine.maxResumes,
    });
    const at = clock.now();
    const facts = { uuid, flow: flow.uuid, resumes: flow.resumes };
    switch (continuation) {
      case 'resume': {
        log('info', 'flow is resumed', facts);
        return this.#followed({ ...open, flow });
      }
      case 'rollback': {
        log('warning', 'flow is taken back, since its engine died', facts);
        const error = 'its engine died, and it rolls back then';
        await journal.write({ op: 'revert_flow', flowId: flow.id, cause: 'work', error });
        return this.#followed({ ...open, flow: { ...flow, state: 'REVERTING', revert_cause: 'work', error } });
      }
      case 'restart': {
        log('warning', 'flow is begun anew, since its engine died', facts);
        const error = 'its engine died, and it is begun anew then';
        await journal.write({ op: 'close_flow', flowId: flow.id, state: 'ABANDONED', error, at });
        crashPoint('flow.after-close');
        return { flow: null };
      }
      case 'give up': {
        const message = `dead letter: ${ends} engines died or stopped in it; look at it and say "recovery-agent retry ${uuid}"`;
        log('error', message, { uuid, flow: flow.uuid });
        await journal.write(
          { op: 'close_flow', flowId: flow.id, state: 'FAILURE', error: message, at },
          { op: 'logbook', uuid, status: 'failed', message, failed: 'work', at },
        );
        return 'given up';
      }
    }
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
        // A failed flow with another one after it leaves the recovery running, unless an operator has to say something.
        outcome.end === 'failure' && !isLast && !waitsForOperator(outcome.cause) ? [] : [this.#closing(outcome)],
      );
    } catch (error) {
      // An engine that has lost its reign cannot say so; for the next one it is dead.
      if (error instanceof Interrupted) await journal.write({ op: 'leave_flow', flowId: flow.flow.id }).catch(() => {});
      throw error;
    } finally {
      hub.forget(flow);
    }
  }

  #closing(outcome: FlowOutcome): Mutation {
    const { clock, configuration, log, waits } = this.#parts;
    const now = clock.now();
    const { work_failures: failures, uuid } = this.#logbook;
    const retryIntervalMs = configuration.options.general.processUnfinishedNotificationsIntervalMs;
    const { status, message, retryAt } = closeRound(outcome, { failures, now, retryIntervalMs });
    log(status === 'failed' || status === 'error' ? 'error' : 'info', `recovery ends ${status}`, { uuid, message });
    return {
      op: 'logbook',
      uuid,
      status,
      message,
      retryAt,
      waitedMs: waits.take(uuid),
      ...(kindOf(this.#logbook) === 'COMPUTE_HOST' && status === 'finished' ? { followUps: FOLLOW_UPS } : {}),
      ...(outcome.end === 'failure' ? { failed: outcome.cause === 'outage' ? 'outage' : 'work' } : {}),
      at: now,
    };
  }
}
