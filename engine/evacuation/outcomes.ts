/**
 * Carries out decisions and refusals: changes of steps, permits, pauses and results.
 *
 * Invariant: an evacuation that may be in progress holds a permit of its host until its outcome is known, or the run ends.
 */

import type { CloudError } from '#openstack/cloud-error.ts';
import { backoff } from '#protocol/backoff.ts';
import type { Evacuation } from '../cloud/cloud.ts';
import type { Step, StepChange } from '../flow/journaled-steps.ts';
import type { TaskContext } from '../flow/task.ts';
import type { MoveDecision } from './evacuation-decision.ts';
import { isOpen, wayOut } from './evacuation-record.ts';
import type { InFlightLimit } from './in-flight-limit.ts';
import { attemptsOf, currentStep, type MoveResult, type Progress, withKnown } from './instance-progress.ts';
import type { MoveReadings } from './readings.ts';
import type { CallDecision } from './refused-call-decision.ts';

/** Maximum pause after calls that certainly did not happen. */
const LONGEST_PAUSE_MS = 15_000;

/** The content of one commit, and the calls that follow it. */
export interface Wave {
  readonly changes: StepChange[];
  readonly calls: Progress[];
}

export class MoveEffects {
  readonly #context: TaskContext;
  readonly #source: string;
  readonly #readings: MoveReadings;
  readonly #inFlight: InFlightLimit;

  constructor(context: TaskContext, source: string, readings: MoveReadings, inFlight: InFlightLimit) {
    this.#context = context;
    this.#source = source;
    this.#readings = readings;
    this.#inFlight = inFlight;
  }

  /** Carries out a decision, or adds it to the changes and calls that go together. */
  take(progress: Progress, decision: MoveDecision, wave: Wave, evacuations: readonly Evacuation[] = []): void {
    const step = currentStep(progress.move);
    if (!step) return;
    if (decision.do === 'call') {
      if (progress.notBefore > this.#context.clock.boottime()) return;
      if (step.kind === 'evacuate' && !this.#inFlight.tryTake(progress)) return;
      progress.mayBeRequested = false;
      // A state that is over by now is not the end of this call.
      if (step.kind === 'evacuate')
        step.detail = withKnown(
          step,
          evacuations.filter((one) => !isOpen(one)),
        );
      wave.calls.push(progress);
    } else if (decision.do === 'fail') {
      this.finish(progress, { ok: false, reason: step.error });
    } else if (decision.do === 'leave open') {
      const { reason, record } = decision;
      const error = record ? `${reason}; ${this.#wayOut(step.object)}` : reason;
      const detail = record ? { detail: { ...step.detail, open: record.id } } : {};
      wave.changes.push({ step, state: 'unknown', error, ...detail });
      this.finish(progress, { ok: false, reason: error });
    } else if (decision.do === 'settle') {
      const change = this.#changeOf(progress, step, decision.state, decision.reason);
      const isFailed = decision.state === 'failed' && step.kind === 'evacuate';
      wave.changes.push(isFailed ? { ...change, detail: withKnown(step, evacuations) } : change);
    }
  }

  #wayOut(instance: string): string {
    const { notification_uuid: recovery } = this.#context.inputs;
    return wayOut(typeof recovery === 'string' ? recovery : 'UUID', instance);
  }

  #changeOf(progress: Progress, step: Step, state: Step['state'], reason: string | null): StepChange {
    const now = this.#context.clock.boottime();
    const was = step.state;
    progress.since = now;
    progress.readsWithoutTrace = 0;
    progress.readsWithoutReason = 0;
    if (step.kind === 'evacuate') {
      if (state === 'sent') this.#inFlight.take(progress);
      if (state !== 'sent') this.#inFlight.release(progress);
      if (state === 'failed') progress.notBefore = now + this.#pauseAfter(attemptsOf(step));
    }
    const instance = this.#readings.instance(progress.move.snapshot.uuid);
    const isAway = typeof instance !== 'string' && instance.host !== null && instance.host !== this.#source;
    if (step.kind !== 'evacuate' || !isAway) return { step, state, error: reason };
    const found = was === 'planned' ? { found: 'elsewhere' } : {};
    const arrival = state === 'done' ? { destination: instance.host, arrived: instance.vmState } : {};
    return { step, state, error: reason, detail: { ...step.detail, ...found, ...arrival } };
  }

  #pauseAfter(attempts: number): number {
    return this.#context.settings.verifyIntervalMs * 2 ** Math.min(Math.max(attempts, 1), 6);
  }

  finish(progress: Progress, result: MoveResult): void {
    progress.move.result = result;
    this.#inFlight.release(progress);
  }

  /** The meaning for a step of a call that Nova did not accept. */
  async refused(progress: Progress, step: Step, decision: CallDecision, error: CloudError): Promise<void> {
    const { clock, steps } = this.#context;
    const now = clock.boottime();
    const pauseMs = this.#pauseAfter(attemptsOf(step));
    const requestedMs = this.#retryAfter(error);
    if (decision.is === 'not now') {
      await this.#notNow(progress, step, error);
    } else if (decision.is === 'in doubt') {
      // The time limit of an evacuation starts at the last call; that of a stop that is refused repeatedly starts once.
      if (step.kind === 'evacuate') progress.since = now;
      else progress.notBefore = now + pauseMs;
      await steps.settle([{ step, state: 'unknown', error: error.message }]);
    } else {
      if (decision.readAgain) this.#readings.forget(step.object);
      const change = this.#changeOf(progress, step, 'failed', decision.reason);
      progress.notBefore = Math.max(progress.notBefore, now + requestedMs);
      await steps.settle([{ ...change, detail: { ...step.detail, isFinal: decision.isFinal } }]);
    }
  }

  /** It certainly did not happen: as if it had not been requested, until the outage retry ends. */
  async #notNow(progress: Progress, step: Step, error: CloudError): Promise<void> {
    const { clock, settings, steps } = this.#context;
    const now = clock.boottime();
    if (progress.refusals === 0) progress.refusedSince = now;
    progress.refusals += 1;
    const pauseMs = backoff(progress.refusals - 1, { firstMs: settings.verifyIntervalMs, maxMs: LONGEST_PAUSE_MS });
    progress.notBefore = now + Math.max(pauseMs, this.#retryAfter(error));
    this.#inFlight.release(progress);
    const detail = { ...step.detail, attempts: Math.max(0, attemptsOf(step) - 1) };
    await steps.settle([{ step, state: 'planned', detail, error: error.message }]);
    if (now - progress.refusedSince > settings.outageTimeoutMs) {
      this.finish(progress, { ok: false, reason: error.message, fault: 'outage' });
    }
  }

  /** The pause that the cloud requested, up to the limit of the outage retry. */
  #retryAfter({ retryAfter }: CloudError): number {
    return Math.min((retryAfter ?? 0) * 1000, this.#context.settings.outageTimeoutMs);
  }
}
