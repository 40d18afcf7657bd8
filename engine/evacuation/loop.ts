/**
 * Moves instances off a failed host: waves of evacuations within a concurrency limit, watched by listing changes instead of reading each
 * instance, until every instance has its desired host and state, or failed for good in this run.
 *
 * `evacuation-decision.ts` and `restore-decision.ts` decide the next action of one instance; this module polls, and `outcomes.ts` and
 * `calls.ts` carry the decisions out. `in-flight-limit.ts` limits how many are in progress, `phase-decision.ts` which of them wait.
 *
 * Invariants:
 * - of one instance at most one evacuation is open, in every interleaving: one call at a time, and the decision before each;
 * - a refusal or a missing response for one instance ends or delays that instance only.
 */
import type { Evacuation, MigrationRecord } from '../cloud/cloud.ts';
import type { TaskContext } from '../flow/task.ts';
import { UNSETTLED_STEP_STATES } from '../journal/rows.ts';
import { MoveArrivals } from './arrivals.ts';
import { MoveCalls, type MoveHost } from './calls.ts';
import { decideMove, type MoveDecision, type MoveLimits, type MoveStepKind } from './evacuation-decision.ts';
import { type DestinationState, isOpen } from './evacuation-record.ts';
import { InFlightLimit } from './in-flight-limit.ts';
import {
  attemptsOf,
  currentStep,
  knownTo,
  type Move,
  mayNeedStart,
  type Progress,
  progressOf,
} from './instance-progress.ts';
import { isMigrating } from './original-state-decision.ts';
import { MoveEffects, type Wave } from './outcomes.ts';
import { isHeld, type OpenPhases, openPhases } from './phase-decision.ts';
import { MoveReadings } from './readings.ts';

const MAY_BE_UNDERWAY: ReadonlySet<string> = new Set(UNSETTLED_STEP_STATES);
/** Maximum pause between detailed polls. */
const LONGEST_PAUSE_MS = 15_000;

export interface MoveTarget extends MoveHost {
  /** The cloud's time before the first evacuation. */
  readonly base: Date;
  /** Evacuations known at the start, by instance, newest first. */
  readonly evacuations: ReadonlyMap<string, readonly Evacuation[]>;
  /** Instances of which an earlier flow or task may have requested an evacuation that was never visible. */
  readonly requested: ReadonlySet<string>;
  /** Instances whose task state was left by an evacuation that an operator declared abandoned. */
  readonly abandoned: ReadonlySet<string>;
}

/** Results of a detailed poll besides the instance. */
interface Closer {
  readonly evacuations: readonly Evacuation[];
  readonly migration: MigrationRecord | null | 'not read';
  readonly destination: DestinationState;
}

export class MoveLoop {
  readonly #context: TaskContext;
  readonly #target: MoveTarget;
  readonly #progress: readonly Progress[];
  readonly #limits: MoveLimits;
  readonly #readings: MoveReadings;
  readonly #inFlight: InFlightLimit;
  readonly #effects: MoveEffects;
  readonly #calls: MoveCalls;
  readonly #arrivals: MoveArrivals;
  #openPhases: OpenPhases = new Map();

  constructor(context: TaskContext, target: MoveTarget, moves: readonly Move[]) {
    const { settings } = context;
    this.#context = context;
    this.#target = target;
    this.#limits = {
      evacuationMs: settings.waitPeriodAfterEvacuationMs,
      powerOffMs: settings.waitPeriodAfterPowerOffMs,
      powerOnMs: settings.waitPeriodAfterPowerOnMs,
      queueWaitMs: settings.evacuationQueueWaitMs,
      attempts: settings.evacuationRetries + 1,
    };
    this.#readings = new MoveReadings(context, target, (ms, uuid) => this.#discount(ms, uuid));
    this.#arrivals = new MoveArrivals(context, this.#readings);
    this.#inFlight = new InFlightLimit(context.budgets.evacuations, target.source);
    this.#effects = new MoveEffects(context, target.source, this.#readings, this.#inFlight);
    this.#calls = new MoveCalls(context, target, (...refusal) => this.#effects.refused(...refusal));
    const now = context.clock.boottime();
    this.#progress = moves.map((move) => progressOf(move, now, target.requested.has(move.snapshot.uuid)));
    for (const progress of this.#progress) {
      const step = currentStep(progress.move);
      if (step?.kind === 'evacuate' && MAY_BE_UNDERWAY.has(step.state)) this.#inFlight.take(progress);
      if (!step && !mayNeedStart(progress.move)) this.#effects.finish(progress, { ok: true, reason: null });
    }
  }

  /** Resolves when every move has a result. */
  async run(): Promise<void> {
    const { clock, settings, signal } = this.#context;
    try {
      for (;;) {
        await this.#readings.poll(this.#open().map(({ move }) => move.snapshot.uuid));
        await this.#decideAll();
        this.#calls.assertNoFailure();
        if (this.#open().length === 0) return;
        await clock.sleep(settings.verifyIntervalMs, signal);
      }
    } finally {
      await this.#calls.settled();
      for (const progress of this.#progress) this.#inFlight.release(progress);
      this.#inFlight.withdraw();
    }
  }

  #open(): readonly Progress[] {
    return this.#progress.filter(({ move }) => !move.result);
  }

  /** Time without any response counts for no limit, and a silence during it has to start again. */
  #discount(ms: number, uuid: string | 'all'): void {
    const now = this.#context.clock.boottime();
    for (const progress of this.#progress) {
      if (uuid !== 'all' && progress.move.snapshot.uuid !== uuid) continue;
      progress.since += ms;
      progress.readsWithoutTrace = 0;
      progress.silentSince = now;
    }
  }

  /** Decides and settles until nothing changes without another poll or call. */
  async #decideAll(): Promise<void> {
    this.#inFlight.beginRound();
    this.#beginPhases();
    const closer = new Set(this.#open().filter(({ isInherited }) => isInherited));
    for (;;) {
      const wave: Wave = { changes: [], calls: [] };
      this.#inFlight.beginPass();
      for (const progress of this.#open()) {
        if (progress.isCalling || closer.has(progress)) continue;
        if (!(await this.#prepared(progress))) continue;
        const decision = this.#decide(progress);
        if (decision.do === 'read details') closer.add(progress);
        else this.#take(progress, decision, wave, this.#overAtStart(progress));
      }
      await this.#putIntoEffect(wave);
      if (wave.changes.length === 0) break;
    }
    await this.#readExactly([...closer]);
    this.#inFlight.endRound();
  }

  /** The time in which a move waits for an earlier phase counts for none of its limits. */
  #beginPhases(): void {
    const { clock, settings } = this.#context;
    const moves = this.#progress.map(({ move }) => move);
    this.#openPhases = openPhases(moves, settings.orderPhases);
    for (const progress of this.#open()) {
      if (this.#isHeld(progress) && currentStep(progress.move)?.state === 'planned') progress.since = clock.boottime();
    }
  }

  #isHeld({ move }: Progress): boolean {
    return isHeld(move, this.#context.settings.orderPhases, this.#openPhases);
  }

  /** Only the calls that take an instance off its host wait: what is in progress is adopted, and what has arrived is restored. */
  #take(progress: Progress, decision: MoveDecision, wave: Wave, evacuations: readonly Evacuation[]): void {
    const kind = currentStep(progress.move)?.kind;
    const isDeparture = decision.do === 'call' && (kind === 'reset' || kind === 'evacuate');
    if (isDeparture && this.#isHeld(progress)) return;
    this.#effects.take(progress, decision, wave, evacuations);
  }

  /** Records that were over before this flow started, which a resumed flow may not have in its step. */
  #overAtStart({ move }: Progress): readonly Evacuation[] {
    return (this.#target.evacuations.get(move.snapshot.uuid) ?? []).filter((one) => !isOpen(one));
  }

  async #putIntoEffect({ changes, calls }: Wave): Promise<void> {
    await this.#context.steps.settle(changes);
    await this.#calls.start(calls);
  }

  /** Whether there is a decision to make about a move; ends or extends one whose steps are finished. */
  async #prepared(progress: Progress): Promise<boolean> {
    const { move } = progress;
    const { uuid } = move.snapshot;
    const silence = this.#readings.withoutTraceOf(uuid);
    if (silence) {
      if (silence.ms <= this.#context.settings.outageTimeoutMs) return false;
      const reason = `no response about it for ${Math.round(silence.ms / 1000)} s: ${silence.error.message}`;
      this.#effects.finish(progress, { ok: false, reason, fault: 'outage' });
      return false;
    }
    const step = currentStep(move);
    if (!step) {
      const result = await this.#arrivals.afterLastStep(progress);
      if (result !== 'under way') this.#effects.finish(progress, result);
      return currentStep(move) !== undefined;
    }
    if (step.kind === 'stop' || step.kind === 'error') {
      progress.isStopOwed ??= await this.#arrivals.isStopOwed(move);
    }
    return true;
  }

  /** Reads the evacuation records once, and each doubtful instance itself. */
  async #readExactly(doubtful: readonly Progress[]): Promise<void> {
    const now = this.#context.clock.boottime();
    const due = doubtful.filter(({ notBefore, move }) => notBefore <= now && this.#readings.isDue(move.snapshot.uuid));
    if (due.length === 0) return;
    const evacuations = await this.#readings.evacuations();
    const mayMigrate = due.some(({ move }) => this.#isMigrating(move));
    const migrations = mayMigrate ? await this.#readings.migrations() : undefined;
    const wave: Wave = { changes: [], calls: [] };
    for (const progress of due) {
      const { uuid } = progress.move.snapshot;
      if (!(await this.#readings.read(uuid))) continue;
      progress.isInherited = false;
      const own = this.#newsOf(progress, evacuations.get(uuid) ?? []);
      const migration = migrations ? (migrations.get(uuid) ?? null) : ('not read' as const);
      this.#countWordless(progress);
      const found = { evacuations: own, migration, destination: await this.#destinationOf(progress, own) };
      const decision = this.#decide(progress, found);
      const isSilent = decision.do === 'note silence';
      if (isSilent) this.#noteNoTrace(progress);
      else this.#take(progress, decision, wave, own);
      if (isSilent || (decision.do === 'wait' && this.#isMigrating(progress.move))) this.#pauseReads(progress);
    }
    await this.#putIntoEffect(wave);
  }

  #isMigrating(move: Move): boolean {
    const instance = this.#readings.instance(move.snapshot.uuid);
    return typeof instance !== 'string' && isMigrating(instance.taskState);
  }

  #newsOf({ move }: Progress, evacuations: readonly Evacuation[]): readonly Evacuation[] {
    const step = currentStep(move);
    const evacuation = step?.kind === 'evacuate' ? step : move.steps.find(({ kind }) => kind === 'evacuate');
    const known = evacuation ? knownTo(evacuation) : [];
    return evacuations.filter(({ id }) => !known.includes(id));
  }

  #countWordless(progress: Progress): void {
    const instance = this.#readings.instance(progress.move.snapshot.uuid);
    const isWordless = typeof instance !== 'string' && instance.vmState === 'error' && instance.fault === undefined;
    progress.readsWithoutReason = isWordless ? progress.readsWithoutReason + 1 : 0;
  }

  async #destinationOf({ since }: Progress, [newest]: readonly Evacuation[]): Promise<DestinationState> {
    const isLate = this.#context.clock.boottime() - since > this.#limits.evacuationMs;
    if (!isLate || !newest || !isOpen(newest) || newest.destinationHost === null) return 'unknown';
    return this.#readings.destination(newest.destinationHost);
  }

  #noteNoTrace(progress: Progress): void {
    if (progress.readsWithoutTrace === 0) progress.silentSince = this.#context.clock.boottime();
    progress.readsWithoutTrace += 1;
  }

  #pauseReads(progress: Progress): void {
    const { evacuationMs, queueWaitMs } = this.#limits;
    progress.notBefore = this.#context.clock.boottime() + Math.min(queueWaitMs / 2, evacuationMs, LONGEST_PAUSE_MS);
  }

  /** @param closer the result of reading the instance itself; without it the decision is made from the listing */
  #decide(progress: Progress, closer?: Closer): MoveDecision {
    const { move } = progress;
    const { uuid } = move.snapshot;
    const step = currentStep(move);
    if (!step) throw new Error(`instance ${uuid} has nothing to decide`);
    const now = this.#context.clock.boottime();
    const { mayBeRequested } = progress;
    // It can contain nothing of this flow: the records read before its first call are sufficient.
    const isUntouched = step.state === 'planned' && step.kind === 'evacuate' && !mayBeRequested;
    const atStart = isUntouched ? this.#newsOf(progress, this.#target.evacuations.get(uuid) ?? []) : 'not read';
    return decideMove(
      {
        source: this.#target.source,
        wanted: move.wanted,
        step: {
          kind: step.kind as MoveStepKind,
          state: step.state,
          error: step.error,
          isFinal: step.detail.isFinal === true,
        },
        instance: this.#readings.instance(uuid),
        evacuations: closer?.evacuations ?? atStart,
        migration: closer ? closer.migration : 'not read',
        destination: closer?.destination ?? 'unknown',
        isAbandoned: this.#target.abandoned.has(uuid),
        mayBeRequested,
        isStopOwed: progress.isStopOwed ?? true,
        elapsedMs: now - progress.since,
        readsWithoutTrace: progress.readsWithoutTrace,
        withoutTraceMs: now - progress.silentSince,
        readsWithoutReason: progress.readsWithoutReason,
        attempts: attemptsOf(step) - (step.kind === 'evacuate' ? progress.attemptsBefore : 0),
        isExact: closer !== undefined,
      },
      this.#limits,
    );
  }
}
