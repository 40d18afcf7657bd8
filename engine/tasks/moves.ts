/**
 * Moves instances off a dead host: waves of evacuations within a budget, watched by listing what changed instead of asking
 * about each instance, until every instance is where and what it should be, or failed for good in this run.
 *
 * What to do about one instance is decided in `engine/recovery/move.ts`; here it is carried out.
 */
import { CloudError, type Evacuation, type Instance } from '../cloud/cloud.ts';
import { crashPoint } from '../crash-points.ts';
import type { Line, Step, StepChange } from '../flow/step-ledger.ts';
import type { TaskContext } from '../flow/task.ts';
import { UNSETTLED_STEP_STATES } from '../journal/words.ts';
import { decideMove, type MoveDecision, type MoveLimits, type MoveStepKind } from '../recovery/move.ts';
import type { InstanceSnapshot, Wanted } from '../recovery/original-state.ts';
import { failureOf, Patience } from './patience.ts';

/** A listing of changes reaches back by so much, for clocks of the cloud's own hosts that differ. */
const CHANGES_MARGIN_MS = 10_000;
/** Every so many looks everything since the start is listed again, should one change have slipped through. */
const FULL_LOOK_EVERY = 10;
const MAY_BE_UNDERWAY: ReadonlySet<string> = new Set(UNSETTLED_STEP_STATES);

export interface Move {
  readonly snapshot: InstanceSnapshot;
  readonly wanted: Wanted;
  /** In the order in which they are done. */
  readonly steps: readonly Step[];
  /** Null while it goes on. */
  result: { readonly ok: boolean; readonly reason: string | null } | null;
}

/** What the loop remembers of a move besides the journal. */
interface Progress {
  readonly move: Move;
  /** Another try or engine called for it; the first look goes into what became of that. */
  isInherited: boolean;
  /** Evacuations of it that other tries or engines asked for: this one has its own number of attempts. */
  readonly attemptsBefore: number;
  isCalling: boolean;
  holdsPlace: boolean;
  /** CLOCK_BOOTTIME ms of the current step's call, or of this engine's first look at it. */
  since: number;
  notBefore: number;
  silentLooks: number;
  silentSince: number;
}

export interface MoveTarget {
  readonly source: string;
  readonly reservedHost: string | null;
  /** The cloud's time before the first evacuation. */
  readonly base: Date;
  /** Evacuations known at the start, by instance, newest first. */
  readonly evacuations: ReadonlyMap<string, readonly Evacuation[]>;
}

export class MoveLoop {
  readonly #context: TaskContext;
  readonly #target: MoveTarget;
  readonly #progress: readonly Progress[];
  readonly #limits: MoveLimits;
  readonly #patience: Patience;
  readonly #seen = new Map<string, Instance | 'gone'>();
  readonly #calls = new Set<Promise<void>>();
  #failure: unknown;
  #looks = 0;
  #since: Date | undefined;

  constructor(context: TaskContext, target: MoveTarget, moves: readonly Move[]) {
    const { settings } = context;
    this.#context = context;
    this.#target = target;
    this.#patience = new Patience(context);
    this.#limits = {
      evacuationMs: settings.waitPeriodAfterEvacuationMs,
      powerOffMs: settings.waitPeriodAfterPowerOffMs,
      queueWaitMs: settings.evacuationQueueWaitMs,
      attempts: settings.evacuationRetries + 1,
    };
    const now = context.clock.boottime();
    this.#progress = moves.map((move) => ({
      move,
      isInherited: move.steps.some(({ state }) => state !== 'planned'),
      attemptsBefore: attemptsBefore(move),
      isCalling: false,
      holdsPlace: false,
      since: now,
      notBefore: 0,
      silentLooks: 0,
      silentSince: now,
    }));
    for (const progress of this.#progress) {
      const step = currentStep(progress.move);
      if (step?.kind === 'evacuate' && MAY_BE_UNDERWAY.has(step.state)) this.#takePlace(progress);
    }
    this.#finishWhole();
  }

  /** Resolves when every move has a result. */
  async run(): Promise<void> {
    const { clock, settings, signal } = this.#context;
    try {
      for (;;) {
        await this.#look();
        await this.#decideAll();
        if (this.#failure) throw this.#failure;
        if (this.#progress.every(({ move }) => move.result)) return;
        await clock.sleep(settings.verifyIntervalMs, signal);
      }
    } finally {
      await Promise.allSettled(this.#calls);
      for (const progress of this.#progress) this.#release(progress);
    }
  }

  /** One listing: first what lies on the dead host, later what changed. */
  async #look(): Promise<void> {
    const { cloud, signal } = this.#context;
    const since = this.#looks % FULL_LOOK_EVERY === 0 ? this.#target.base : (this.#since ?? this.#target.base);
    const filter =
      this.#looks === 0
        ? { host: this.#target.source }
        : { changedSince: new Date(since.getTime() - CHANGES_MARGIN_MS) };
    const listing = await this.#ask(() => cloud.listInstances(filter, { signal }));
    this.#since = listing.at;
    this.#looks += 1;
    const ours = new Set(this.#progress.map(({ move }) => move.snapshot.uuid));
    for (const instance of listing.items.filter(({ uuid }) => ours.has(uuid))) {
      this.#seen.set(instance.uuid, instance.vmState === 'deleted' ? 'gone' : instance);
    }
    for (const { move } of this.#progress) {
      if (!move.result && !this.#seen.has(move.snapshot.uuid)) await this.#lookAt(move.snapshot.uuid);
    }
  }

  async #lookAt(uuid: string): Promise<void> {
    const { cloud, signal } = this.#context;
    const instance = await this.#ask(() => cloud.instance(uuid, { signal }));
    this.#seen.set(uuid, instance === undefined || instance.vmState === 'deleted' ? 'gone' : instance);
  }

  async #ask<T>(ask: () => Promise<T>): Promise<T> {
    const { clock } = this.#context;
    let awaySince: number | undefined;
    for (;;) {
      try {
        const answer = await ask();
        this.#patience.answered();
        if (awaySince !== undefined) this.#discount(clock.boottime() - awaySince);
        return answer;
      } catch (error) {
        awaySince ??= clock.boottime();
        await this.#patience.endure(error);
      }
    }
  }

  /** While the cloud was away nothing was seen: that time counts for no limit. */
  #discount(ms: number): void {
    for (const progress of this.#progress) {
      progress.since += ms;
      progress.silentSince += ms;
    }
  }

  /** Decides and settles until nothing changes without another look or call. */
  async #decideAll(): Promise<void> {
    const closer = new Set(this.#progress.filter(({ isInherited, move }) => isInherited && !move.result));
    for (;;) {
      const changes: StepChange[] = [];
      const wave: Progress[] = [];
      for (const progress of this.#progress) {
        if (progress.move.result || progress.isCalling || closer.has(progress)) continue;
        const decision = this.#decide(progress, 'not asked');
        if (decision.do === 'look closer') closer.add(progress);
        else this.#take(progress, decision, changes, wave);
      }
      await this.#settle(changes);
      await this.#call(wave);
      if (changes.length === 0) break;
    }
    if (closer.size > 0) await this.#lookCloser([...closer]);
  }

  /** Asks for the evacuation records once, and for each doubtful instance itself. */
  async #lookCloser(doubtful: readonly Progress[]): Promise<void> {
    const { cloud, clock, signal, settings } = this.#context;
    const now = clock.boottime();
    const due = doubtful.filter((progress) => progress.notBefore <= now);
    if (due.length === 0) return;
    const filter = {
      sourceHost: this.#target.source,
      changedSince: new Date(this.#target.base.getTime() - CHANGES_MARGIN_MS),
    };
    const { items } = await this.#ask(() => cloud.listEvacuations(filter, { signal }));
    const changes: StepChange[] = [];
    const wave: Progress[] = [];
    for (const progress of due) {
      const { uuid } = progress.move.snapshot;
      progress.isInherited = false;
      await this.#lookAt(uuid);
      const evacuations = newestFirst(items.filter((one) => one.instanceUuid === uuid));
      const decision = this.#decide(progress, evacuations);
      if (decision.do === 'note silence') {
        if (progress.silentLooks === 0) progress.silentSince = now;
        progress.silentLooks += 1;
        progress.notBefore = now + Math.min(settings.evacuationQueueWaitMs / 2, settings.waitPeriodAfterEvacuationMs);
      } else {
        this.#take(progress, decision, changes, wave, evacuations);
      }
    }
    await this.#settle(changes);
    await this.#call(wave);
  }

  #decide(progress: Progress, evacuations: readonly Evacuation[] | 'not asked'): MoveDecision {
    const step = currentStep(progress.move);
    const { uuid } = progress.move.snapshot;
    const instance = this.#seen.get(uuid);
    if (!step || !instance) throw new Error(`instance ${uuid} has nothing to decide`);
    const now = this.#context.clock.boottime();
    const known = knownTo(step);
    const isNews = ({ id }: Evacuation): boolean => !known.includes(id);
    const asked = step.state === 'planned' ? (this.#target.evacuations.get(uuid) ?? []) : evacuations;
    return decideMove(
      {
        source: this.#target.source,
        wanted: progress.move.wanted,
        step: { kind: step.kind as MoveStepKind, state: step.state, error: step.error },
        instance,
        evacuations: asked === 'not asked' ? asked : asked.filter(isNews),
        elapsedMs: now - progress.since,
        silentLooks: progress.silentLooks,
        silentMs: now - progress.silentSince,
        attempts: Number(step.detail.attempts ?? 0) - progress.attemptsBefore,
        isExact: evacuations !== 'not asked',
      },
      this.#limits,
    );
  }

  /** Puts a decision into effect, or among the changes and calls that go together. */
  #take(
    progress: Progress,
    decision: MoveDecision,
    changes: StepChange[],
    wave: Progress[],
    evacuations: readonly Evacuation[] = [],
  ): void {
    const { move } = progress;
    const step = currentStep(move);
    if (!step) return;
    if (decision.do === 'call') {
      if (progress.notBefore > this.#context.clock.boottime()) return;
      if (step.kind === 'evacuate' && !progress.holdsPlace) {
        if (!this.#context.budgets.evacuations.tryTake()) return;
        progress.holdsPlace = true;
      }
      wave.push(progress);
    } else if (decision.do === 'give up') {
      this.#finish(progress, { ok: false, reason: step.error });
    } else if (decision.do === 'leave open') {
      changes.push({ step, state: 'unknown', error: decision.reason });
      this.#finish(progress, { ok: false, reason: decision.reason });
    } else if (decision.do === 'settle') {
      const change = this.#changeOf(progress, step, decision.state, decision.reason);
      changes.push(decision.state === 'failed' ? withKnown(change, evacuations) : change);
    }
  }

  #changeOf(progress: Progress, step: Step, state: Step['state'], reason: string | null): StepChange {
    const { move } = progress;
    const now = this.#context.clock.boottime();
    progress.since = now;
    progress.silentLooks = 0;
    if (step.kind === 'evacuate') {
      if (state === 'sent') this.#takePlace(progress);
      if (state !== 'sent') this.#release(progress);
      if (state === 'failed') {
        const attempts = Number(step.detail.attempts ?? 1);
        progress.notBefore = now + this.#context.settings.verifyIntervalMs * 2 ** Math.min(attempts, 6);
      }
    }
    const instance = this.#seen.get(move.snapshot.uuid);
    const isArrival = step.kind === 'evacuate' && state === 'done' && instance && instance !== 'gone';
    const detail = isArrival ? { ...step.detail, destination: instance.host, arrived: instance.vmState } : undefined;
    return { step, state, error: reason, ...(detail ? { detail } : {}) };
  }

  async #settle(changes: readonly StepChange[]): Promise<void> {
    if (changes.length === 0) return;
    await this.#context.steps.settle(changes);
    this.#finishWhole();
  }

  /** Moves of which every step is finished. */
  #finishWhole(): void {
    for (const progress of this.#progress) {
      const { move } = progress;
      if (move.result || currentStep(move)) continue;
      const isGone = this.#seen.get(move.snapshot.uuid) === 'gone';
      this.#finish(progress, { ok: true, reason: isGone ? 'deleted' : null });
    }
  }

  #finish(progress: Progress, result: NonNullable<Move['result']>): void {
    progress.move.result = result;
    this.#release(progress);
  }

  /** For an evacuation that goes on already, whether there is a place or not. */
  #takePlace(progress: Progress): void {
    if (progress.holdsPlace) return;
    this.#context.budgets.evacuations.take();
    progress.holdsPlace = true;
  }

  #release(progress: Progress): void {
    if (!progress.holdsPlace) return;
    progress.holdsPlace = false;
    this.#context.budgets.evacuations.give();
  }

  /** One commit for the intents of the wave, then the calls, in the background. */
  async #call(wave: readonly Progress[]): Promise<void> {
    if (wave.length === 0) return;
    const lines: Line[] = [];
    const intents = wave.map(({ move }) => {
      const step = currentStep(move);
      if (!step) throw new Error(`instance ${move.snapshot.uuid} has nothing to call for`);
      const attempts = Number(step.detail.attempts ?? 0) + 1;
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
      // The silence that allowed this call says nothing of the call itself.
      progress.silentLooks = 0;
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
    const { budgets, clock, signal, steps } = this.#context;
    try {
      const { requestId } = await budgets.requests.run(() => this.#request(step), signal);
      crashPoint('step.after-call');
      progress.since = clock.boottime();
      await steps.settle([{ step, state: 'sent', requestId }]);
      crashPoint('step.after-sent');
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      if (!(error instanceof CloudError)) throw error;
      await this.#refused(progress, step, error);
    }
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
      case 'evacuate': {
        const host = this.#target.reservedHost;
        return cloud.evacuate(step.object, host ? { host } : {}, options);
      }
    }
  }

  /** What a refused or lost call means for its step. */
  async #refused(progress: Progress, step: Step, error: CloudError): Promise<void> {
    const { clock, settings, steps } = this.#context;
    const now = clock.boottime();
    if (error.kind === 'unauthorized') throw failureOf(error);
    if (error.kind === 'unreachable' || error.kind === 'busy') {
      // It certainly did not happen: as if it had not been asked for.
      progress.notBefore = now + Math.max(settings.verifyIntervalMs, (error.retryAfter ?? 0) * 1000);
      this.#release(progress);
      const detail = { ...step.detail, attempts: Number(step.detail.attempts ?? 1) - 1 };
      await steps.settle([{ step, state: 'planned', detail, error: error.message }]);
    } else if (error.kind === 'not_found') {
      await this.#settle([this.#changeOf(progress, step, 'skipped', 'the instance was deleted')]);
    } else if (error.kind === 'unknown' || (error.kind === 'conflict' && step.kind === 'stop')) {
      // An evacuation has its time from the last call; a stop that is refused again and again has it once.
      if (step.kind === 'evacuate') progress.since = now;
      await steps.settle([{ step, state: 'unknown', error: error.message }]);
    } else {
      await this.#settle([this.#changeOf(progress, step, 'failed', error.message)]);
    }
  }
}

/** The first step that is not finished; undefined when all are. */
export function currentStep(move: Move): Step | undefined {
  return move.steps.find(({ state }) => state !== 'done' && state !== 'skipped');
}

/** Evacuations of the instance that were over before the current attempt. */
function knownTo({ detail }: Step): readonly string[] {
  return Array.isArray(detail.known) ? detail.known.map(String) : [];
}

/** An attempt that failed: its record must not be taken for the end of the next one, which may lie unseen in a queue. */
function withKnown(change: StepChange, evacuations: readonly Evacuation[]): StepChange {
  if (change.step.kind !== 'evacuate') return change;
  const known = new Set([...knownTo(change.step), ...evacuations.map(({ id }) => id)]);
  return { ...change, detail: { ...change.step.detail, known: [...known] } };
}

/** Attempts that failed before this loop; one that is still open counts as this loop's own. */
function attemptsBefore(move: Move): number {
  const step = currentStep(move);
  return step?.kind === 'evacuate' && step.state === 'failed' ? Number(step.detail.attempts ?? 0) : 0;
}

export function newestFirst(evacuations: readonly Evacuation[]): Evacuation[] {
  return [...evacuations].sort((a, b) => b.createdAt.getTime() - a.createdAt.getTime());
}
