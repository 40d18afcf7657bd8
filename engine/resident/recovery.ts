/**
 * One recovery at work: flow after flow, as the recovery method says, until one succeeds or none is left.
 *
 * Where it stands is derived from the journal each time, so taking it over after a death and beginning it are one path.
 */
import { randomUUID } from 'node:crypto';
import type { Configuration } from '#config/load.ts';
import { type RecoveryMethod, segmentOf } from '#config/segments.ts';
import { policyOf } from '#config/task-policies.ts';
import type { Log } from '#protocol/log.ts';
import type { Clock } from '../clock/clock.ts';
import { crashPoint } from '../crash-points.ts';
import type { FlowOutcome } from '../flow/outcome.ts';
import { buildPlan, FLOW_TITLES, type Json, readPlan } from '../flow/plan.ts';
import { FlowRunner, type RunnerParts } from '../flow/runner.ts';
import { kindOf } from '../journal/host-event.ts';
import type { FlowSnapshot, Mutation } from '../journal/mutations.ts';
import type { LogbookRow } from '../journal/words.ts';
import { closeRound } from '../recovery/closing.ts';
import { type FlowChoice, nextFlow } from '../recovery/method.ts';
import type { ProgressHub } from './progress.ts';
import { taskSettings } from './task-settings.ts';

export interface RecoveryParts extends RunnerParts {
  readonly clock: Clock;
  readonly configuration: Configuration;
  readonly hub: ProgressHub;
  readonly log: Log;
}

export class Recovery {
  readonly #parts: RecoveryParts;
  readonly #logbook: LogbookRow;
  readonly #signal: AbortSignal;

  constructor(parts: RecoveryParts, logbook: LogbookRow, signal: AbortSignal) {
    this.#parts = parts;
    this.#logbook = logbook;
    this.#signal = signal;
  }

  /** Runs to the end of the round. @param open the flow that an engine left open, if there is one */
  async run(open: FlowSnapshot | null): Promise<void> {
    const round = this.#logbook.failures + 1;
    let flow = open ? await this.#resume(open) : null;
    if (open && !flow) return;
    for (;;) {
      if (!flow) {
        const tried = await this.#tried(round);
        const next = nextFlow(
          kindOf(this.#logbook),
          this.#segment.recoveryMethod,
          tried,
          await this.#freeReservedHosts(),
        );
        if (next.do === 'give up') {
          const flows = await this.#parts.journal.query('flows', this.#logbook.id);
          const message = next.reason ?? flows.at(-1)?.error ?? 'every flow of this round failed';
          await this.#parts.journal.write(
            { op: 'logbook', uuid: this.#logbook.uuid, status: 'running', at: this.#parts.clock.now() },
            this.#closing({ end: 'failure', message, cause: 'work' }),
          );
          return;
        }
        flow = await this.#open(next.choice, round);
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
    }
  }

  get #segment(): { recoveryMethod: RecoveryMethod; reservedHosts: readonly string[] } {
    const { configuration } = this.#parts;
    const segment = segmentOf(configuration.segments, this.#logbook.host);
    // A host that was taken out of its segment while its recovery waited is recovered the simplest way.
    return segment ?? { recoveryMethod: 'auto', reservedHosts: [] };
  }

  async #freeReservedHosts(): Promise<string[]> {
    const spent = new Set(
      (await this.#parts.journal.query('hosts')).filter(({ reserved }) => reserved === 0).map(({ name }) => name),
    );
    return this.#segment.reservedHosts.filter((host) => host !== this.#logbook.host && !spent.has(host));
  }

  async #tried(round: number): Promise<FlowChoice[]> {
    const flows = await this.#parts.journal.query('flows', this.#logbook.id);
    return flows
      .map(({ plan }) => readPlan(plan))
      .filter((plan) => plan.round === round)
      .map((plan): FlowChoice => {
        const host = plan.inputs.reserved_host;
        return plan.flow === 'host_rh'
          ? { flow: 'host_rh', reservedHost: typeof host === 'string' ? host : '' }
          : { flow: plan.flow, reservedHost: null };
      });
  }

  async #open(choice: FlowChoice, round: number): Promise<FlowSnapshot> {
    const { configuration, journal, clock, hub, log } = this.#parts;
    const { host, uuid, target } = this.#logbook;
    const payload: Record<string, string> = JSON.parse(this.#logbook.payload);
    const reserved = await this.#freeReservedHosts();
    const inputs: Record<string, Json> = {
      host_name: host,
      notification_uuid: uuid,
      ...(choice.flow === 'instance' ? { instance_uuid: (payload.instance_uuid ?? '').toLowerCase() } : {}),
      ...(choice.flow === 'process' ? { process_name: payload.process_name ?? '' } : {}),
      ...(choice.flow === 'host_auto' || choice.flow === 'host_rh'
        ? { reserved_host: choice.reservedHost, reserved_host_list: reserved }
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
    });
    const flowUuid = randomUUID();
    crashPoint('flow.before-open');
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
    if (choice.flow !== 'host_return' && this.#segment.reservedHosts.includes(host)) {
      await journal.write({ op: 'host', name: host, reserved: 0, by: `failure ${uuid}`, at: clock.now() });
    }
    hub.follow(uuid, flow);
    log('info', 'flow begins', {
      uuid,
      flow: flowUuid,
      name: choice.flow,
      host,
      reserved_host: choice.reservedHost,
      round,
    });
    return flow;
  }

  /** Counts the resume; gives the flow up when engines have died in it too often. */
  async #resume(open: FlowSnapshot): Promise<FlowSnapshot | null> {
    const { journal, configuration, clock, hub, log } = this.#parts;
    const flow = await journal.resumeFlow(open.flow.id);
    crashPoint('flow.after-resume');
    const { maxResumes } = configuration.options.engine;
    if (flow.resumes <= maxResumes) {
      log('info', 'flow is resumed', { uuid: this.#logbook.uuid, flow: flow.uuid, resumes: flow.resumes });
      const snapshot = { ...open, flow };
      hub.follow(this.#logbook.uuid, snapshot);
      return snapshot;
    }
    const message = `dead letter: ${flow.resumes} engines died or stopped in it; look at it and say "recovery-agent retry ${this.#logbook.uuid}"`;
    log('error', message, { uuid: this.#logbook.uuid, flow: flow.uuid });
    const at = clock.now();
    await journal.write(
      { op: 'close_flow', flowId: flow.id, state: 'FAILURE', error: message, at },
      { op: 'logbook', uuid: this.#logbook.uuid, status: 'failed', message, failed: 1, at },
    );
    return null;
  }

  async #runFlow(flow: FlowSnapshot, round: number): Promise<FlowOutcome> {
    const { hub } = this.#parts;
    const tried = await this.#tried(round);
    const reserved = await this.#freeReservedHosts();
    const isLast = nextFlow(kindOf(this.#logbook), this.#segment.recoveryMethod, tried, reserved).do === 'give up';
    try {
      return await new FlowRunner(this.#parts, flow, this.#signal).run((outcome) =>
        // A failed flow with another one after it leaves the recovery running; one in doubt waits for the operator.
        outcome.end === 'failure' && !isLast && outcome.cause !== 'doubt' ? [] : [this.#closing(outcome)],
      );
    } finally {
      hub.forget(flow);
    }
  }

  #closing(outcome: FlowOutcome): Mutation {
    const { clock, configuration, log } = this.#parts;
    const now = clock.now();
    const { failures, uuid } = this.#logbook;
    const retryIntervalMs = configuration.options.general.processUnfinishedNotificationsIntervalMs;
    const { status, message, retryAt } = closeRound(outcome, { failures, now, retryIntervalMs });
    log(status === 'failed' || status === 'error' ? 'error' : 'info', `recovery ends ${status}`, { uuid, message });
    return {
      op: 'logbook',
      uuid,
      status,
      message,
      retryAt,
      ...(outcome.end === 'failure' ? { failed: 1 as const } : {}),
      at: now,
    };
  }
}
