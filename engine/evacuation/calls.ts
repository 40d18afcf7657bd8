/**
 * The calls of moves: intents in one commit, then the calls concurrently.
 *
 * Invariants:
 * - no call is sent before its intent is on the disk;
 * - of one instance there is one call at a time (`isCalling`);
 * - calls that restore an instance have separate permits, so that instances which do not stop delay no evacuation of another host.
 */
import { CloudError } from '#openstack/cloud-error.ts';
import { crashPoint } from '../crash-points.ts';
import { Budget } from '../flow/budget.ts';
import type { Line, Step } from '../flow/journaled-steps.ts';
import type { TaskContext } from '../flow/task.ts';
import type { MoveStepKind } from './facts.ts';
import { attemptsOf, currentStep, type Progress } from './instance-progress.ts';
import { type CallDecision, decideCall } from './refused-call-decision.ts';

/** Calls that stop, start or mark instances of one host at once. */
const RESTORE_CALLS = 3;

export interface MoveHost {
  readonly source: string;
  readonly reservedHost: string | null;
}

export class MoveCalls {
  readonly #context: TaskContext;
  readonly #host: MoveHost;
  readonly #onRefusal: (progress: Progress, step: Step, decision: CallDecision, error: CloudError) => Promise<void>;
  readonly #restores = new Budget(RESTORE_CALLS);
  readonly #calls = new Set<Promise<void>>();
  #failure: unknown;

  constructor(
    context: TaskContext,
    host: MoveHost,
    onRefusal: (progress: Progress, step: Step, decision: CallDecision, error: CloudError) => Promise<void>,
  ) {
    this.#context = context;
    this.#host = host;
    this.#onRefusal = onRefusal;
  }

  /** Throws errors that are no refusal of a call: of a journal that fails, or the engine's end. */
  assertNoFailure(): void {
    if (this.#failure) throw this.#failure;
  }

  async settled(): Promise<void> {
    await Promise.allSettled(this.#calls);
  }

  /** Resolves when the intents are on the disk; the calls continue. */
  async start(wave: readonly Progress[]): Promise<void> {
    if (wave.length === 0) return;
    const lines: Line[] = [];
    const intents = wave.map(({ move }) => {
      const step = currentStep(move);
      if (!step) throw new Error(`instance ${move.snapshot.uuid} has nothing to call for`);
      const attempts = attemptsOf(step) + 1;
      if (step.kind === 'evacuate' && attempts === 1) {
        lines.push({ message: `Evacuation of instance started: '${step.object}'`, progress: 0.5 });
      }
      return { step, detail: { ...step.detail, attempts } };
    });
    await this.#context.steps.intend(intents, lines);
    for (const [index, progress] of wave.entries()) {
      const step = intents[index]?.step;
      if (!step) continue;
      progress.isCalling = true;
      // The silence that allowed this call is no evidence about the call itself.
      progress.readsWithoutTrace = 0;
      const call = this.#perform(progress, step)
        .catch((error: unknown) => {
          this.#failure ??= error;
        })
        .finally(() => {
          progress.isCalling = false;
          this.#calls.delete(call);
        });
      this.#calls.add(call);
    }
  }

  async #perform(progress: Progress, step: Step): Promise<void> {
    const { clock, signal, steps } = this.#context;
    let mayHaveLeft = false;
    try {
      const { requestId } = await this.#inTurn(step, () => {
        mayHaveLeft = true;
        return this.#request(step);
      });
      crashPoint('step.after-call');
      progress.since = clock.boottime();
      progress.refusals = 0;
      const accepted = step.kind === 'stop' ? { detail: { ...step.detail, isAccepted: true } } : {};
      await steps.settle([{ step, state: 'sent', requestId, ...accepted }]);
      crashPoint('step.after-sent');
    } catch (error) {
      if (signal.aborted) {
        if (!mayHaveLeft) await this.#withdrawIntent(step);
        throw signal.reason;
      }
      if (!(error instanceof CloudError)) throw error;
      const target = step.kind === 'evacuate' ? this.#host.reservedHost : null;
      await this.#onRefusal(progress, step, decideCall(error, step.kind as MoveStepKind, target), error);
    }
  }

  /** The call still waited for its permit when the task was ended: it is no attempt. An engine that lost its lease leaves the intent. */
  async #withdrawIntent(step: Step): Promise<void> {
    const detail = { ...step.detail, attempts: attemptsOf(step) - 1 };
    await this.#context.steps.settle([{ step, state: 'planned', detail }]).catch(() => {});
  }

  #inTurn<T>(step: Step, call: () => Promise<T>): Promise<T> {
    const { budgets, signal } = this.#context;
    const isUrgent = step.kind === 'evacuate' || step.kind === 'reset';
    return isUrgent ? budgets.requests.run(call, signal, this.#host.source) : this.#restores.run(call, signal);
  }

  #request(step: Step): Promise<{ requestId: string | null }> {
    const { cloud, signal, globalRequestId } = this.#context;
    const options = { signal, globalRequestId };
    switch (step.kind as MoveStepKind) {
      case 'reset':
      case 'error':
        return cloud.resetState(step.object, 'error', options);
      case 'stop':
        return cloud.stop(step.object, options);
      case 'start':
        return cloud.start(step.object, options);
      case 'evacuate': {
        const host = this.#host.reservedHost;
        return cloud.evacuate(step.object, host ? { host } : {}, options);
      }
    }
  }
}
