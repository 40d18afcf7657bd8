/**
 * One effect that is visible in the world and may be requested again: read, request if it is not visible, read until it is. The intent is
 * on the disk before the call. After a crash the read comes first, so nothing must be guessed.
 *
 * Invariant: every call counts that may have to be repeated, the pause before the next one grows, and when the calls of an attempt are used
 * up the task fails with the last response of the cloud. A call that certainly never arrived (unreachable, busy) counts for the outage
 * retry instead.
 */

import { CloudError, isOutage } from '#openstack/cloud-error.ts';
import type { Accepted } from '../cloud/call.ts';
import { crashPoint } from '../crash-points.ts';
import type { Step } from '../flow/journaled-steps.ts';
import { TaskFailure } from '../flow/outcome.ts';
import type { Json, Values } from '../flow/plan.ts';
import type { TaskContext } from '../flow/task.ts';
import type { AddDecision } from '../journal/mutations.ts';
import { growingPause, LONGEST_PAUSE_MS } from './growing-pause.ts';
import { failureOf, OutageRetry } from './outage-retry.ts';

/** A temporarily refused request is repeated after this number of `verify_interval`, and then with growing intervals. */
const NOT_YET_INTERVALS = 10;
/** Calls in one attempt of a task: with pauses of 1 to 30 s, some minutes of a cloud that responds to reads and to no changes. */
const MOST_CALLS = 10;
/** Consecutive reads that show nothing of an accepted call, after which it counts as failed: more than one, for databases that lag. */
const READS_OF_NOTHING = 2;

/** `call`: it is needed; `detail` is journaled with the intent. `done`: it was visible, though the last read does not show it. */
export type Examined =
  | { readonly do: 'call'; readonly detail?: Values }
  | { readonly do: 'done'; readonly reason: string };

export interface Effect<World> {
  readonly key: string;
  readonly kind: string;
  readonly object: string;
  read(): Promise<World>;
  /** Decisions that led to the effect: stored when it is planned. */
  readonly decisions?: readonly AddDecision[];
  /** The state of the world before the first call, to be stored. */
  before(world: World): Json;
  /** `done`: it is visible. `underway`: the object is busy, wait. `absent`: it has to be requested. Throws to end the task. */
  decide(world: World): 'done' | 'underway' | 'absent';
  /**
   * Further evidence, read before each call and before a wait times out.
   * @param detail the journal's data of the step
   * @throws to end the task; an outage, which is waited out
   */
  examine?(world: World, detail: Values): Promise<Examined>;
  act(world: World): Promise<Accepted>;
  /** Whether the response of the cloud is a temporary refusal: then the request is repeated until the task times out. */
  isNotYet?(error: CloudError): boolean;
  /** Called when the cloud refuses with a conflict for the first time; the world is read again after it. */
  onConflict?(error: CloudError): void;
  /** The cloud shows the object busy before it accepts the call: an accepted call without a trace is over. */
  readonly showsAtOnce?: true;
  /** Maximum time from the call to its effect, ms; and of a wait for other operations of the cloud on the object. */
  readonly waitMs: number;
  /** Calls in one attempt of the task. */
  readonly mostCalls?: number;
  /** The failure if the effect is not visible in time, or the calls are used up. */
  late(world: World): TaskFailure;
}

/** Returns the world in which the effect is visible. */
export function bringAbout<World>(context: TaskContext, effect: Effect<World>): Promise<World> {
  return new Convergence(context, effect).run();
}

class Convergence<World> {
  readonly #context: TaskContext;
  readonly #effect: Effect<World>;
  readonly #outageRetry: OutageRetry;
  /** Responses to reads do not compensate for calls that never get one. */
  readonly #callRetry: OutageRetry;
  /** Calls of this attempt, including those of an engine that ended during it. */
  #calls = 0;
  #notYet = 0;
  #conflicts = 0;
  /** The cloud's response to the last call that failed. */
  #lastError: CloudError | undefined;
  /** The last call was accepted, and is not over. */
  #isAccepted = false;
  #readsOfNothing = 0;
  /** CLOCK_BOOTTIME ms of the last accepted call, or of the first read since which the object is busy. */
  #since: number | undefined;
  #requestId: string | null = null;

  constructor(context: TaskContext, effect: Effect<World>) {
    this.#context = context;
    this.#effect = effect;
    this.#outageRetry = new OutageRetry(context);
    this.#callRetry = new OutageRetry(context, LONGEST_PAUSE_MS);
  }

  async run(): Promise<World> {
    const { clock, settings, signal } = this.#context;
    let step: Step | undefined;
    for (;;) {
      const world = await this.#withOutageRetry(() => this.#effect.read());
      step ??= await this.#plan(world);
      const seen = this.#effect.decide(world);
      if (seen === 'done') return this.#end(step, world, null);
      if (step.state === 'done' || step.state === 'skipped') return world;
      if (this.#lastError?.kind === 'not_found') throw failureOf(this.#lastError);
      const isOver = seen === 'absent' && this.#isCallOver();
      if (isOver || this.#isLate()) {
        const examined = await this.#examine(world, step);
        if (examined.do === 'done') return this.#end(step, world, examined.reason);
        if (!isOver || this.#calls >= (this.#effect.mostCalls ?? MOST_CALLS)) return await this.#giveUp(step, world);
        await this.#call(step, world, examined.detail);
        continue;
      }
      this.#since ??= clock.boottime();
      await clock.sleep(settings.verifyIntervalMs, signal);
    }
  }

  async #plan(world: World): Promise<Step> {
    const { key, kind, object } = this.#effect;
    const { decisions = [] } = this.#effect;
    const [step] = await this.#context.steps.plan(
      [{ key, kind, object, before: this.#effect.before(world) }],
      decisions,
    );
    if (!step) throw new Error('the journal planned no step');
    const { calls, attempt } = step.detail;
    if (attempt === this.#context.attempt && typeof calls === 'number') this.#calls = calls;
    return step;
  }

  /** Whether the last call is over without further effect. */
  #isCallOver(): boolean {
    if (!this.#isAccepted || this.#since === undefined) return true;
    this.#readsOfNothing += 1;
    if (this.#effect.showsAtOnce !== true || this.#readsOfNothing < READS_OF_NOTHING) return false;
    const { clock, settings } = this.#context;
    return clock.boottime() - this.#since >= growingPause(this.#calls - 1, settings.verifyIntervalMs);
  }

  #isLate(): boolean {
    return this.#since !== undefined && this.#context.clock.boottime() - this.#since > this.#effect.waitMs;
  }

  /** During an outage of the cloud nothing is read: that time does not count. */
  async #withOutageRetry<T>(read: () => Promise<T>): Promise<T> {
    const { clock } = this.#context;
    for (;;) {
      try {
        const answer = await read();
        this.#outageRetry.answered();
        return answer;
      } catch (error) {
        const from = clock.boottime();
        await this.#outageRetry.waitOut(error);
        if (this.#since !== undefined) this.#since += clock.boottime() - from;
      }
    }
  }

  #examine(world: World, { detail }: Step): Promise<Examined> {
    const { examine } = this.#effect;
    return examine === undefined
      ? Promise.resolve({ do: 'call' })
      : this.#withOutageRetry(() => examine(world, detail));
  }

  async #end(step: Step, world: World, reason: string | null): Promise<World> {
    if (step.state === 'planned') {
      await this.#context.steps.settle([{ step, state: 'skipped', error: reason ?? 'it was so already' }]);
    } else if (step.state !== 'done' && step.state !== 'skipped') {
      await this.#context.steps.settle([{ step, state: 'done', requestId: this.#requestId, error: reason }]);
    }
    return world;
  }

  async #giveUp(step: Step, world: World): Promise<never> {
    const words = this.#lastError?.message;
    const late = this.#effect.late(world);
    await this.#context.steps.settle([
      { step, state: 'failed', requestId: this.#requestId, error: words ?? 'it was not visible in time' },
    ]);
    if (words === undefined) throw late;
    throw new TaskFailure(
      `${late.message}: ${words}`,
      isAway(this.#lastError) ? 'outage' : late.fault,
      this.#lastError,
    );
  }

  async #call(step: Step, world: World, detail: Values = {}): Promise<void> {
    const { steps, clock, attempt } = this.#context;
    if (step.state === 'sent') {
      await steps.settle([{ step, state: 'failed', requestId: step.requestId, error: 'it had no effect' }]);
    }
    this.#calls += 1;
    await steps.intend([{ step, detail: { ...step.detail, ...detail, attempt, calls: this.#calls } }]);
    try {
      const { requestId } = await this.#effect.act(world);
      crashPoint('step.after-call');
      this.#requestId = requestId;
      this.#isAccepted = true;
      this.#readsOfNothing = 0;
      this.#since = clock.boottime();
      this.#lastError = undefined;
      this.#callRetry.answered();
      await steps.settle([{ step, state: 'sent', requestId }]);
      crashPoint('step.after-sent');
    } catch (error) {
      await this.#refused(step, error);
    }
  }

  /** Pauses if the call may be repeated; otherwise throws to end the task. */
  async #refused(step: Step, error: unknown): Promise<void> {
    const { steps, signal, clock, settings } = this.#context;
    if (signal.aborted) throw signal.reason;
    if (!(error instanceof CloudError)) throw error;
    const { kind, message } = error;
    this.#isAccepted = false;
    this.#since = undefined;
    if (this.#effect.isNotYet?.(error)) {
      this.#calls -= 1;
      await steps.settle([{ step, state: 'planned', error: message }]);
      const pauseMs = growingPause(this.#notYet, NOT_YET_INTERVALS * settings.verifyIntervalMs);
      this.#notYet += 1;
      return clock.sleep(pauseMs, signal);
    }
    this.#lastError = error;
    if (isOutage(error)) {
      if (kind !== 'unknown') this.#calls -= 1;
      // The next read shows whether it arrived.
      await steps.settle([{ step, state: 'unknown', error: message }]);
      return this.#callRetry.waitOut(error);
    }
    if (kind === 'conflict') {
      if (this.#conflicts === 0) this.#effect.onConflict?.(error);
      this.#conflicts += 1;
      await steps.settle([{ step, state: 'unknown', error: message }]);
      return clock.sleep(growingPause(this.#conflicts - 1, settings.verifyIntervalMs), signal);
    }
    await steps.settle([{ step, state: 'failed', error: message }]);
    // The next read shows whether the object itself is gone.
    if (kind !== 'not_found') throw failureOf(error);
  }
}

/** Whether the call was lost in transit, or a proxy responded to it: the object is not the reason. */
function isAway(error: CloudError | undefined): boolean {
  return error?.kind === 'unknown' && (error.status === undefined || error.status > 500);
}
