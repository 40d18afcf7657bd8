/**
 * Requests one action on one instance as one step of the journal, and waits for its end. `engine/recovery/` decides the next action.
 *
 * Invariant: every call counts that got a response, or may have arrived; the pause before a further one grows, and their number in one
 * attempt of the task is limited. A refusal ends only this instance, with Nova's reason.
 */

import { CloudError } from '#openstack/cloud-error.ts';
import type { Accepted } from '../../cloud/call.ts';
import type { Instance } from '../../cloud/cloud.ts';
import { crashPoint } from '../../crash-points.ts';
import type { Step } from '../../flow/journaled-steps.ts';
import type { Values } from '../../flow/plan.ts';
import type { EarlierStep } from '../../flow/recovery-history.ts';
import type { TaskContext } from '../../flow/task.ts';
import { growingPause } from '../../tasks/growing-pause.ts';
import { OutageRetry } from '../../tasks/outage-retry.ts';
import { type Evidence, evidenceOf, migrationOf } from './evidence.ts';
import {
  type InstanceActionDecision,
  type InstanceActionEnd,
  type InstanceActionFacts,
  isWordless,
} from './instance-action-decision.ts';

export interface InstanceAction {
  /** Of the step in the journal. */
  readonly kind: string;
  /** The same in every flow of the recovery. */
  readonly key: string;
  readonly uuid: string;
  readonly before: Values;
  /** Its name in Nova's os-instance-actions. */
  readonly action: string;
  /** Time for which Nova may be busy with the instance before the record of a migration is read, ms. */
  readonly busyMs: number;
  decide(facts: Omit<InstanceActionFacts, 'isHostUp'>): InstanceActionDecision | Promise<InstanceActionDecision>;
  request(context: TaskContext): Promise<Accepted>;
  /** Whether there is a free permit; read before each call. Without it there always is. */
  mayCall?(): boolean;
  /** Called at the start if another flow or engine may have requested it, and it may be in progress. */
  underway?(): void;
  /** Data to store when it is done. */
  outcome?(instance: Instance): Values;
}

export interface ActionResult {
  readonly state: InstanceActionEnd;
  readonly reason: string | null;
}

export async function requestAction(context: TaskContext, action: InstanceAction): Promise<ActionResult> {
  const { kind, key, uuid, before } = action;
  const earlier = await context.history.earlierSteps(key);
  if (earlier.some(({ state }) => state === 'done')) return { state: 'done', reason: null };
  const [step] = await context.steps.plan([{ key, kind, object: uuid, before }]);
  if (!step) throw new Error('the journal planned no step');
  if (step.state === 'done' || step.state === 'skipped') return { state: step.state, reason: step.error };
  return new RequestedRun(context, action, step, earlier).run();
}

/** The state of the last flow that did more than plan it: a flow that only read, and ended, is no evidence. */
export function lastTouched(earlier: readonly EarlierStep[]): EarlierStep | undefined {
  return earlier.findLast(({ state }) => state !== 'planned');
}

/** The state of another attempt or flow: a failed action is requested again. */
function startOf(step: Step, earlier: readonly EarlierStep[]): Step['state'] {
  const last = step.state === 'planned' ? lastTouched(earlier)?.state : step.state;
  return last === undefined || last === 'failed' || last === 'skipped' ? 'planned' : last;
}

/** IDs of the requests for the instance before the last intent. */
function knownOf(step: Step, earlier: readonly EarlierStep[]): readonly string[] {
  const { known } = (step.state === 'planned' ? lastTouched(earlier)?.detail : step.detail) ?? {};
  return Array.isArray(known) ? known.map(String) : [];
}

class RequestedRun {
  readonly #context: TaskContext;
  readonly #action: InstanceAction;
  readonly #step: Step;
  readonly #outageRetry: OutageRetry;
  /** Responses to reads do not compensate for calls that never arrive. */
  readonly #callRetry: OutageRetry;
  #state: Step['state'];
  #known: readonly string[];
  /** Calls of this attempt, including those of an engine that ended during it. */
  #calls = 0;
  /** Nova's response to the last call, if it was no success. */
  #lastError: string | null = null;
  /** Nova refused the last call, and has not been busy with the instance since. */
  #isRefused = false;
  /** The host of the instance when this attempt started. */
  #firstHost: string | null | undefined;
  #elapsedMs = 0;
  #withoutTraceMs = 0;
  #readsWithoutTrace = 0;
  #readsWithoutReason = 0;
  #lastRead: number | undefined;

  constructor(context: TaskContext, action: InstanceAction, step: Step, earlier: readonly EarlierStep[]) {
    this.#context = context;
    this.#action = action;
    this.#step = step;
    this.#outageRetry = new OutageRetry(context);
    this.#callRetry = new OutageRetry(context);
    this.#state = startOf(step, earlier);
    this.#known = knownOf(step, earlier);
    const { calls, attempt } = step.detail;
    if (attempt === context.attempt && typeof calls === 'number') this.#calls = calls;
  }

  async run(): Promise<ActionResult> {
    const { clock, settings, signal } = this.#context;
    if (this.#state !== 'planned') this.#action.underway?.();
    for (;;) {
      const { evidence, decision } = await this.#decide();
      if (decision.do === 'settle') return this.#settle(decision.state, decision.reason, evidence);
      if (decision.do === 'note silence') this.#readsWithoutTrace += 1;
      if (decision.do === 'call') {
        if (this.#isRefused) return this.#settle('failed', this.#lastError, evidence);
        // The wait for a permit counts for no limit.
        if (this.#action.mayCall?.() === false) this.#lastRead = undefined;
        else {
          const isPaused = await this.#call(evidence);
          if (this.#step.state === 'failed') return { state: 'failed', reason: this.#lastError };
          if (isPaused) continue;
        }
      }
      await clock.sleep(settings.verifyIntervalMs, signal);
    }
  }

  async #decide(): Promise<{ readonly evidence: Evidence; readonly decision: InstanceActionDecision }> {
    for (;;) {
      try {
        const evidence = await evidenceOf(this.#context, this.#action.uuid);
        this.#count(evidence);
        const decision = await this.#action.decide(await this.#facts(evidence));
        this.#outageRetry.answered();
        return { evidence, decision };
      } catch (error) {
        this.#lastRead = undefined;
        await this.#outageRetry.waitOut(error);
      }
    }
  }

  #count({ instance }: Evidence): void {
    const now = this.#context.clock.boottime();
    this.#elapsedMs += now - (this.#lastRead ?? now);
    if (this.#readsWithoutTrace > 0) this.#withoutTraceMs += now - (this.#lastRead ?? now);
    this.#lastRead = now;
    this.#readsWithoutReason = instance !== 'gone' && isWordless(instance) ? this.#readsWithoutReason + 1 : 0;
    if (instance === 'gone') return;
    if (this.#firstHost === undefined) this.#firstHost = instance.host;
    if (instance.taskState !== null) this.#isRefused = false;
  }

  async #facts({ instance, actions }: Evidence): Promise<Omit<InstanceActionFacts, 'isHostUp'>> {
    const since = actions.filter(
      ({ action, requestId }) => action === this.#action.action && !this.#known.includes(requestId),
    );
    // Others request the same; if Nova's response is known, it shows which one is ours.
    const ours = since.find(({ requestId }) => requestId === this.#step.requestId);
    const isLate = this.#elapsedMs > this.#action.busyMs;
    const migration = instance !== 'gone' && isLate ? await migrationOf(this.#context, instance) : undefined;
    return {
      instance,
      state: this.#state,
      action: (this.#state === 'sent' && ours) || since[0],
      elapsedMs: this.#elapsedMs,
      readsWithoutTrace: this.#readsWithoutTrace,
      withoutTraceMs: this.#withoutTraceMs,
      readsWithoutReason: this.#readsWithoutReason,
      calls: this.#calls,
      lastError: this.#lastError,
      ...(this.#firstHost === undefined ? {} : { firstHost: this.#firstHost }),
      ...(migration === undefined ? {} : { migration }),
    };
  }

  async #settle(state: InstanceActionEnd, reason: string | null, { instance }: Evidence): Promise<ActionResult> {
    const outcome = state === 'done' && instance !== 'gone' ? this.#action.outcome?.(instance) : undefined;
    const detail = outcome ? { detail: { ...this.#step.detail, ...outcome } } : {};
    await this.#context.steps.settle([{ step: this.#step, state, error: reason, ...detail }]);
    return { state, reason };
  }

  /** Returns whether there was a pause after it already. */
  async #call({ actions }: Evidence): Promise<boolean> {
    const { attempt, budgets, signal, steps } = this.#context;
    const step = this.#step;
    this.#known = actions.map(({ requestId }) => requestId);
    this.#calls += 1;
    this.#lastError = null;
    [this.#elapsedMs, this.#withoutTraceMs, this.#readsWithoutTrace] = [0, 0, 0];
    await steps.intend([{ step, detail: { known: this.#known, calls: this.#calls, attempt } }]);
    try {
      const { requestId } = await budgets.requests.run(() => this.#action.request(this.#context), signal);
      crashPoint('step.after-call');
      await steps.settle([{ step, state: 'sent', requestId }]);
      crashPoint('step.after-sent');
      this.#state = 'sent';
      this.#callRetry.answered();
      return false;
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      if (!(error instanceof CloudError)) throw error;
      await this.#unaccepted(error);
      return true;
    } finally {
      this.#lastRead = undefined;
    }
  }

  async #unaccepted(error: CloudError): Promise<void> {
    const { clock, progress, settings, signal, steps } = this.#context;
    const { kind, message } = error;
    const step = this.#step;
    const pauseMs = growingPause(this.#calls - 1, settings.verifyIntervalMs);
    this.#lastError = message;
    switch (kind) {
      case 'unknown':
        // Whether it arrived shows in the next reads.
        this.#state = 'unknown';
        await steps.settle([{ step, state: 'unknown', error: message }]);
        progress(`Outcome of the request for ${this.#action.kind} of '${this.#action.uuid}' is unknown: ${message}`);
        return clock.sleep(pauseMs, signal);
      case 'unreachable':
      case 'busy':
      case 'no_answer':
        // It was certainly not done.
        this.#state = 'planned';
        this.#calls -= 1;
        await steps.settle([{ step, state: 'planned', error: message }]);
        return this.#callRetry.waitOut(error);
      case 'conflict':
      case 'not_found':
        // Another task may have come between, or the instance may be gone: the next read shows which.
        this.#state = 'planned';
        this.#isRefused = true;
        await steps.settle([{ step, state: 'planned', error: message }]);
        return clock.sleep(pauseMs, signal);
      case 'refused':
      case 'unauthorized':
        await steps.settle([{ step, state: 'failed', error: message }]);
    }
  }
}
