/**
 * Runs one flow from wherever the journal says it stands.
 *
 * Invariants:
 * - a task that the journal calls SUCCESS is not run again, by this engine or another;
 * - the outputs of a task are on the disk before the next one begins;
 * - an interrupted flow (stop, lost reign) is left open, exactly as it stands.
 */

import type { Log } from '#protocol/log.ts';
import type { Clock } from '../clock/clock.ts';
import type { Cloud } from '../cloud/cloud.ts';
import { crashPoint } from '../crash-points.ts';
import { JournalFailure } from '../journal/failure.ts';
import { kindOf } from '../journal/host-event.ts';
import type { Journal } from '../journal/journal.ts';
import type { FlowSnapshot, Mutation } from '../journal/mutations.ts';
import type { AtomRow, FlowState, RevertCause } from '../journal/words.ts';
import type { Budgets } from './budget.ts';
import { returnSince, signOf } from './host-return.ts';
import { type Fault, type FlowOutcome, IgnoreRecovery, Interrupted, SkipRecovery, TaskFailure } from './outcome.ts';
import { repeatOvertakenReturn } from './overtaken-return.ts';
import { type Json, type Plan, type PlannedTask, readPlan } from './plan.ts';
import { StepLedger } from './step-ledger.ts';
import type { EarlierMove, Task, TaskContext, Values } from './task.ts';

export interface RunnerParts {
  readonly journal: Journal;
  readonly cloud: Cloud;
  readonly clock: Clock;
  readonly budgets: Budgets;
  /** The task of a plan; undefined when this program has none of that name. */
  readonly taskOf: (planned: PlannedTask) => Task | undefined;
  readonly log: Log;
}

type TaskEnd =
  | { readonly end: 'success'; readonly outputs: Values }
  | { readonly end: 'skipped' | 'ignored'; readonly message: string }
  | { readonly end: 'failure'; readonly message: string; readonly fault: Fault; readonly outputs: Values };

/** Why a flow goes back. */
interface Failed {
  readonly message: string;
  readonly fault: RevertCause;
}

export class FlowRunner {
  readonly #parts: RunnerParts;
  readonly #flow: FlowSnapshot;
  readonly #plan: Plan;
  readonly #signal: AbortSignal;
  /** Inputs and outputs so far, by name. */
  readonly #values: Record<string, Json>;
  /** The end of a task, to be committed together with what follows it. */
  readonly #carried: Mutation[] = [];
  /** Progress that is on its way to the journal. */
  #progress: Promise<void> = Promise.resolve();

  constructor(parts: RunnerParts, flow: FlowSnapshot, signal: AbortSignal) {
    this.#parts = parts;
    this.#flow = flow;
    this.#plan = readPlan(flow.flow.plan);
    this.#signal = signal;
    this.#values = { ...this.#plan.inputs };
  }

  /**
   * Runs to the end, closes the flow with `closing` in the same commit, and returns how it ended.
   * @throws Interrupted when the signal was aborted; the flow is open then.
   */
  async run(closing: (outcome: FlowOutcome) => readonly Mutation[]): Promise<FlowOutcome> {
    const { flow } = this.#flow;
    if (flow.state === 'REVERTING') {
      return this.#takeBack({ message: flow.error ?? 'a task failed', fault: flow.revert_cause ?? 'work' }, closing);
    }
    let message: string | null = null;
    for (const atom of this.#flow.atoms) {
      const task = this.#plan.tasks[atom.ord];
      if (!task) throw new Error(`the plan has no task ${atom.ord}`);
      if (atom.state === 'SUCCESS') {
        Object.assign(this.#values, JSON.parse(atom.result ?? '{}'));
        continue;
      }
      const end = await this.#runWithRetries(atom, task);
      if (end.end === 'success') {
        Object.assign(this.#values, end.outputs);
      } else if (end.end === 'failure') {
        const told = `${task.name}: ${end.message}`;
        if (task.onFailure === 'rollback' && end.fault !== 'doubt')
          return this.#rollBack({ message: told, fault: end.fault }, closing);
        if (task.onFailure !== 'continue') {
          return this.#close('FAILURE', { end: 'failure', message: told, cause: end.fault }, closing);
        }
        message = `went on although ${told}`;
        for (const name of this.#provides(task)) this.#values[name] = end.outputs[name] ?? null;
      } else {
        return this.#close('SUCCESS', end, closing);
      }
    }
    return this.#close('SUCCESS', { end: 'success', message }, closing);
  }

  async #runWithRetries(atom: AtomRow, planned: PlannedTask): Promise<TaskEnd> {
    if (atom.state === 'FAILURE' && atom.tries > planned.retries) {
      const outputs: Values = JSON.parse(atom.result ?? '{}');
      return { end: 'failure', message: atom.error ?? 'it failed before', fault: 'work', outputs };
    }
    // A try that an engine's death cut off is taken up again, not counted again.
    let tries = atom.state === 'RUNNING' ? atom.tries - 1 : atom.tries;
    let isNew = atom.state !== 'RUNNING';
    for (;;) {
      tries += 1;
      const end = await this.#runOnce(atom, planned, isNew ? { tried: 1 } : {}, tries);
      if (end.end !== 'failure' || end.fault === 'doubt' || tries > planned.retries) return end;
      await this.#flush();
      await this.#parts.clock.sleep(planned.retryDelayMs, this.#signal);
      isNew = true;
    }
  }

  /** Runs a task once. Its end is carried into the next commit: that of the next task's start, or of the flow's close. */
  async #runOnce(atom: AtomRow, planned: PlannedTask, count: { tried?: 1 }, attempt: number): Promise<TaskEnd> {
    const { clock } = this.#parts;
    const task = this.#parts.taskOf(planned);
    crashPoint('task.before-start');
    await this.#flush({ op: 'atom', atomId: atom.id, state: 'RUNNING', error: null, ...count, at: clock.now() });
    crashPoint('task.after-start');
    const end = task
      ? await this.#bounded(atom, planned, task, attempt)
      : ({ end: 'failure', message: 'this program has no such task', fault: 'work', outputs: {} } as const);
    crashPoint('task.after-run');
    await this.#progress;
    const at = clock.now();
    if (end.end === 'failure') {
      const result = Object.keys(end.outputs).length > 0 ? { result: JSON.stringify(end.outputs) } : {};
      this.#carried.push({ op: 'atom', atomId: atom.id, state: 'FAILURE', error: end.message, ...result, at });
    } else {
      const result = JSON.stringify(end.end === 'success' ? end.outputs : {});
      this.#carried.push({ op: 'atom', atomId: atom.id, state: 'SUCCESS', progress: 1, result, at });
    }
    return end;
  }

  /** Writes what was carried, and more, in one commit. */
  async #flush(...more: Mutation[]): Promise<void> {
    const mutations = [...this.#carried.splice(0), ...more];
    if (mutations.length > 0) await this.#parts.journal.write(...mutations);
  }

  /** Runs a task until it ends, its time is up, or the engine stops. */
  async #bounded(atom: AtomRow, planned: PlannedTask, task: Task, attempt: number): Promise<TaskEnd> {
    try {
      const outputs = await this.#withinItsTime(planned, (signal) =>
        task.run(this.#context(atom, planned, signal, attempt)),
      );
      return { end: 'success', outputs };
    } catch (error) {
      return endOf(error);
    }
  }

  /** Throws what ended the work; when it was cut off, why it was. */
  async #withinItsTime<T>(planned: PlannedTask, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const limit = new AbortController();
    const over = new AbortController();
    const signal = AbortSignal.any([this.#signal, limit.signal]);
    const timer = this.#parts.clock.sleep(planned.timeoutMs, over.signal).then(
      () => limit.abort(new TaskFailure(`its time is up (${planned.timeoutMs / 1000} s)`)),
      () => {},
    );
    try {
      signal.throwIfAborted();
      return await work(signal);
    } catch (error) {
      // A call cut off by the signal fails in its own words; why it was cut off is what counts.
      throw signal.aborted ? signal.reason : error;
    } finally {
      over.abort();
      await timer;
    }
  }

  #provides(planned: PlannedTask): readonly string[] {
    return this.#parts.taskOf(planned)?.provides ?? [];
  }

  #context(atom: AtomRow, planned: PlannedTask, signal: AbortSignal, attempt: number): TaskContext {
    const { journal, cloud, clock, budgets, log } = this.#parts;
    const place = { flowId: this.#flow.flow.id, atomId: atom.id };
    let lastProgress = atom.progress;
    return {
      flow: this.#plan.flow,
      inputs: this.#values,
      flowInputs: Object.keys(this.#plan.inputs),
      parameters: planned.parameters,
      settings: this.#plan.settings,
      deadSince: this.#plan.deadSince,
      proof: this.#plan.proof ?? 'none',
      cloud,
      clock,
      signal,
      isResumed: atom.tries > 0,
      attempt,
      log: (level, message, fields) =>
        log(level, message, { flow: this.#flow.flow.uuid, task: planned.name, ...fields }),
      guard: journal,
      earlierSteps: async (key) =>
        (await journal.query('stepsElsewhere', { atomId: atom.id, key })).map((row) => ({
          flow: row.same_flow === 1 ? 'this' : 'other',
          state: row.state,
          taskState: row.atom_state,
          hasUndo: row.has_undo === 1,
          before: JSON.parse(row.before),
          detail: JSON.parse(row.detail),
          error: row.error,
        })),
      budgets,
      steps: new StepLedger(journal, place, () => clock.now()),
      globalRequestId: `req-${this.#flow.flow.uuid}`,
      progress: (message, progress = lastProgress) => {
        lastProgress = progress;
        const line = journal.write({ op: 'event', ...place, message, progress, at: clock.now() });
        // A journal that fails ends the engine through `journal.failed`; here only order matters.
        this.#progress = Promise.all([this.#progress, line]).then(
          () => {},
          () => {},
        );
      },
      movedBefore: async () =>
        (await journal.query('evacuatedElsewhere', atom.id)).map(({ before, detail }) => ({
          before: JSON.parse(before),
          detail: JSON.parse(detail),
        })),
      stoppedByRecoveries: async (host) =>
        new Map(
          (await journal.query('stoppedByRecoveries', host)).map(({ instance, before, request_id }) => {
            const { vmState = '' }: { readonly vmState?: string } = JSON.parse(before);
            return [instance, { vmState, requestId: request_id }];
          }),
        ),
      hasBegun: () => journal.query('hasBegun', this.#flow.flow.logbook_id),
      isForceDownRequested: () => journal.query('isForceDownRequested', place.flowId),
      noteLife: async () => {
        const logbook = await journal.query('logbookById', this.#flow.flow.logbook_id);
        if (logbook) await repeatOvertakenReturn({ journal, clock, log }, logbook);
      },
      returnedSince: async () => {
        const logbook = await journal.query('logbookById', this.#flow.flow.logbook_id);
        const found = logbook && kindOf(logbook) === 'COMPUTE_HOST' ? await returnSince(journal, logbook) : null;
        return found && { sign: signOf(found), order: found.order };
      },
      earlierMoves: async (host): Promise<EarlierMove[]> =>
        (await journal.query('originals', host)).map((row) => ({
          instance: row.instance,
          before: JSON.parse(row.before),
          unfinished: row.unfinished === 1,
        })),
      movedAway: (host) => journal.query('movedAway', { flowId: place.flowId, host }),
      openEvacuations: (host) => journal.query('openEvacuations', { atomId: atom.id, host }),
      abandonedEvacuations: (instance) => journal.query('abandonedEvacuations', instance),
      spendReservedHost: (name) =>
        journal.write({ op: 'host', name, reserved: 0, by: `flow ${this.#flow.flow.uuid}`, at: clock.now() }),
    };
  }

  /** From here on the flow only goes back: the journal says so before anything is undone. */
  async #rollBack(why: Failed, closing: (outcome: FlowOutcome) => readonly Mutation[]): Promise<FlowOutcome> {
    await this.#flush({ op: 'revert_flow', flowId: this.#flow.flow.id, cause: why.fault, error: why.message });
    return this.#takeBack(why, closing);
  }

  /** Undoes finished and failed tasks in reverse; goes on where another engine stopped doing so. */
  async #takeBack(
    { message: why, fault }: Failed,
    closing: (outcome: FlowOutcome) => readonly Mutation[],
  ): Promise<FlowOutcome> {
    const atoms = await this.#parts.journal.query('atoms', this.#flow.flow.id);
    const given = this.#givenTo(atoms);
    const left: string[] = [];
    for (const atom of [...atoms].reverse()) {
      if (atom.state === 'REVERT_FAILURE') left.push(atom.name);
      if (atom.state === 'PENDING' || atom.state === 'REVERTED' || atom.state === 'REVERT_FAILURE') continue;
      const planned = this.#plan.tasks[atom.ord];
      if (!planned) throw new Error(`the plan has no task ${atom.ord}`);
      if (atom.state === 'RUNNING') await this.#atom(atom.id, 'FAILURE');
      if (atom.state !== 'REVERTING') await this.#atom(atom.id, 'REVERTING');
      crashPoint('task.before-undo');
      const failure = await this.#undoWithRetries(atom, planned, given.get(atom.id) ?? {});
      crashPoint('task.after-undo');
      await this.#progress;
      await this.#atom(atom.id, failure === undefined ? 'REVERTED' : 'REVERT_FAILURE', failure);
      if (failure !== undefined) left.push(atom.name);
    }
    const message = left.length === 0 ? why : `${why}; not taken back: ${left.join(', ')}`;
    const outcome: FlowOutcome = { end: 'failure', message, cause: fault };
    return this.#close(left.length === 0 ? 'REVERTED' : 'REVERT_FAILURE', outcome, closing);
  }

  /**
   * What each task that began was given, by atom, whichever engine ran it: it is given to what takes the task back. Later occurrences
   * of a task before it may have replaced some of that since.
   */
  #givenTo(atoms: readonly AtomRow[]): ReadonlyMap<number, Values> {
    const given = new Map<number, Values>();
    let values: Values = this.#plan.inputs;
    for (const atom of atoms) {
      const planned = this.#plan.tasks[atom.ord];
      if (!planned || atom.state === 'PENDING') continue;
      given.set(atom.id, values);
      const outputs: Values = JSON.parse(atom.result ?? '{}');
      const own = this.#provides(planned).map((name) => [name, outputs[name] ?? null]);
      values = { ...values, ...Object.fromEntries(own) };
    }
    return given;
  }

  /** Each attempt is bounded as one of the task itself is. Returns why it could not be taken back. */
  async #undoWithRetries(atom: AtomRow, planned: PlannedTask, inputs: Values): Promise<string | undefined> {
    const task = this.#parts.taskOf(planned);
    if (!task) return 'this program has no such task';
    if (!task.undo) return undefined;
    const undo = task.undo.bind(task);
    for (let attempt = 1; ; attempt += 1) {
      try {
        await this.#withinItsTime(planned, (signal) =>
          undo({ ...this.#context(atom, planned, signal, attempt), inputs, isResumed: atom.state === 'REVERTING' }),
        );
        return undefined;
      } catch (error) {
        if (this.#signal.aborted) throw this.#signal.reason;
        if (error instanceof JournalFailure) throw error;
        if (attempt > planned.retries) return error instanceof Error ? error.message : String(error);
        await this.#parts.clock.sleep(planned.retryDelayMs, this.#signal);
      }
    }
  }

  async #atom(atomId: number, state: AtomRow['state'], error?: string): Promise<void> {
    const at = this.#parts.clock.now();
    await this.#parts.journal.write({ op: 'atom', atomId, state, ...(error === undefined ? {} : { error }), at });
  }

  async #close(
    state: FlowState,
    outcome: FlowOutcome,
    closing: (outcome: FlowOutcome) => readonly Mutation[],
  ): Promise<FlowOutcome> {
    const error = outcome.end === 'failure' ? outcome.message : null;
    crashPoint('flow.before-close');
    await this.#flush(
      { op: 'close_flow', flowId: this.#flow.flow.id, state, error, at: this.#parts.clock.now() },
      ...closing(outcome),
    );
    crashPoint('flow.after-close');
    return outcome;
  }
}

function endOf(error: unknown): TaskEnd {
  if (error instanceof Interrupted) throw error;
  if (error instanceof SkipRecovery) return { end: 'skipped', message: error.message };
  if (error instanceof IgnoreRecovery) return { end: 'ignored', message: error.message };
  const message = error instanceof Error ? error.message : String(error);
  return error instanceof TaskFailure
    ? { end: 'failure', message, fault: error.fault, outputs: error.outputs }
    : { end: 'failure', message, fault: 'work', outputs: {} };
}
