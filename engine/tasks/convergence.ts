/**
 * One effect that shows in the world and may be requested again: read, request where it does not show, read until it does.
 * The intent is on the disk before the call. After a crash the read comes first, so nothing needs to be guessed.
 *
 * Invariant: every call counts that may have to be repeated, the pause before the next one grows, and when the calls of an attempt
 * are used up the task fails with what the cloud answered last. A call that certainly never arrived (unreachable, busy) counts for
 * the outage patience instead.
 */
import { type Accepted, CloudError, isOutage } from '../cloud/cloud.ts';
import { crashPoint } from '../crash-points.ts';
import { TaskFailure } from '../flow/outcome.ts';
import type { Json } from '../flow/plan.ts';
import type { Step } from '../flow/step-ledger.ts';
import type { TaskContext, Values } from '../flow/task.ts';
import { failureOf, Patience } from './patience.ts';
import { growingPause, LONGEST_PAUSE_MS } from './repetition.ts';

/** What is refused for now is requested again after so many `verify_interval`, and then ever later. */
const NOT_YET_INTERVALS = 10;
/** Calls in one attempt of a task: with pauses of 1 to 30 s, some minutes of a cloud that answers reads and no changes. */
const MOST_CALLS = 10;
/** Reads in a row that show nothing of an accepted call, after which it came to nothing: more than one, for databases that lag. */
const READS_OF_NOTHING = 2;

/** `call`: it is needed; `detail` is journaled with the intent. `done`: it has shown, though the last read does not show it. */
export type Examined =
  | { readonly do: 'call'; readonly detail?: Values }
  | { readonly do: 'done'; readonly reason: string };

export interface Effect<World> {
  readonly key: string;
  readonly kind: string;
  readonly object: string;
  look(): Promise<World>;
  /** What to keep of the world before the first call. */
  before(world: World): Json;
  /**
   * `done`: it shows. `underway`: the object is busy, wait. `absent`: it has to be requested.
   * Throws what ends the task.
   */
  judge(world: World): 'done' | 'underway' | 'absent';
  /**
   * Further evidence, read before each call and before a wait is given up.
   * @param detail what the journal holds of the step
   * @throws what ends the task; an outage, which is waited out
   */
  examine?(world: World, detail: Values): Promise<Examined>;
  act(world: World): Promise<Accepted>;
  /** Whether the cloud, as it says, does not do it for now: then it is requested again until the task times out. */
  isNotYet?(error: CloudError): boolean;
  /** Called when the cloud refuses with a conflict for the first time; the world is read again after it. */
  onConflict?(error: CloudError): void;
  /** The cloud shows the object busy before it accepts the call: an accepted call of which nothing shows is over. */
  readonly showsAtOnce?: true;
  /** Upper bound from the call to its effect, ms; and of a wait for what else the cloud does with the object. */
  readonly waitMs: number;
  /** Calls in one attempt of the task. */
  readonly mostCalls?: number;
  /** The failure when the effect does not show in time, or the calls are used up. */
  late(world: World): TaskFailure;
}

/** Returns the world in which the effect shows. */
export function bringAbout<World>(context: TaskContext, effect: Effect<World>): Promise<World> {
  return new Convergence(context, effect).run();
}

class Convergence<World> {
  readonly #context: TaskContext;
  readonly #effect: Effect<World>;
  readonly #patience: Patience;
  /** Answers to reads do not make up for calls that are never answered. */
  readonly #callPatience: Patience;
  /** Calls of this attempt, those of an engine that died in it included. */
  #calls = 0;
  #notYet = 0;
  #conflicts = 0;
  /** What the cloud answered to the last call that failed. */
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
    this.#patience = new Patience(context);
    this.#callPatience = new Patience(context, LONGEST_PAUSE_MS);
  }

  async run(): Promise<World> {
    const { clock, settings, signal } = this.#context;
    let step: Step | undefined;
    for (;;) {
      const world = await this.#patiently(() => this.#effect.look());
      step ??= await this.#plan(world);
      const seen = this.#effect.judge(world);
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
    const [step] = await this.#context.steps.plan([{ key, kind, object, before: this.#effect.before(world) }]);
    if (!step) throw new Error('the journal planned no step');
    const { calls, attempt } = step.detail;
    if (attempt === this.#context.attempt && typeof calls === 'number') this.#calls = calls;
    return step;
  }

  /** Whether nothing more comes of the last call. */
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

  /** While the cloud is away nothing is seen: that time does not count. */
  async #patiently<T>(read: () => Promise<T>): Promise<T> {
    const { clock } = this.#context;
    for (;;) {
      try {
        const answer = await read();
        this.#patience.answered();
        return answer;
      } catch (error) {
        const from = clock.boottime();
        await this.#patience.endure(error);
        if (this.#since !== undefined) this.#since += clock.boottime() - from;
      }
    }
  }

  #examine(world: World, { detail }: Step): Promise<Examined> {
    const { examine } = this.#effect;
    return examine === undefined ? Promise.resolve({ do: 'call' }) : this.#patiently(() => examine(world, detail));
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
      { step, state: 'failed', requestId: this.#requestId, error: words ?? 'it did not show in time' },
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
      await steps.settle([{ step, state: 'failed', requestId: step.requestId, error: 'it came to nothing' }]);
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
      this.#callPatience.answered();
      await steps.settle([{ step, state: 'sent', requestId }]);
      crashPoint('step.after-sent');
    } catch (error) {
      await this.#refused(step, error);
    }
  }

  /** Pauses where the call may be repeated; else throws what ends the task. */
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
      // Whether it arrived shows in the next read.
      await steps.settle([{ step, state: 'unknown', error: message }]);
      return this.#callPatience.endure(error);
    }
    if (kind === 'conflict') {
      if (this.#conflicts === 0) this.#effect.onConflict?.(error);
      this.#conflicts += 1;
      await steps.settle([{ step, state: 'unknown', error: message }]);
      return clock.sleep(growingPause(this.#conflicts - 1, settings.verifyIntervalMs), signal);
    }
    await steps.settle([{ step, state: 'failed', error: message }]);
    // Whether the object itself is gone shows in the next read.
    if (kind !== 'not_found') throw failureOf(error);
  }
}

/** Whether the call was lost on its way, or somebody before the cloud's own service answered it: the object is not the reason. */
function isAway(error: CloudError | undefined): boolean {
  return error?.kind === 'unknown' && (error.status === undefined || error.status > 500);
}
