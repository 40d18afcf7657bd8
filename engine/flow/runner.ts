/**
 * Runs one flow forward from the point that the journal records; rollback.ts undoes a flow that failed.
 *
 * Invariants:
 * - a task that is SUCCESS in the journal is not run again, by this engine or another;
 * - the outputs of a task are on the disk before the next task starts;
 * - an interrupted flow (stop, lost lease) is left open and unchanged.
 */

import { errorMessage } from '#protocol/error-message.ts';
import { crashPoint } from '../crash-points.ts';
import type { FlowSnapshot, Mutation } from '../journal/mutations.ts';
import type { AtomRow, FlowState } from '../journal/rows.ts';
import { type Fault, type FlowOutcome, IgnoreRecovery, Interrupted, SkipRecovery, TaskFailure } from './outcome.ts';
import { type Json, type Plan, type PlannedTask, readPlan, type Values } from './plan.ts';
import { Rollback, type RollbackCause } from './rollback.ts';
import type { RunnerParts } from './runner-parts.ts';
import type { Task } from './task.ts';
import { TaskContexts } from './task-context.ts';
import { withinTimeout } from './task-timeout.ts';

type TaskEnd =
  | { readonly end: 'success'; readonly outputs: Values }
  | { readonly end: 'skipped' | 'ignored'; readonly message: string }
  | { readonly end: 'failure'; readonly message: string; readonly fault: Fault; readonly outputs: Values };

type Closing = (outcome: FlowOutcome) => readonly Mutation[];

export class FlowRunner {
  readonly #parts: RunnerParts;
  readonly #flow: FlowSnapshot;
  readonly #plan: Plan;
  readonly #signal: AbortSignal;
  /** Inputs and outputs so far, by name. */
  readonly #values: Record<string, Json>;
  /** The end of a task, to be committed together with the next mutation. */
  readonly #carried: Mutation[] = [];
  readonly #contexts: TaskContexts;

  constructor(parts: RunnerParts, flow: FlowSnapshot, signal: AbortSignal) {
    this.#parts = parts;
    this.#flow = flow;
    this.#plan = readPlan(flow.flow.plan);
    this.#signal = signal;
    this.#values = { ...this.#plan.inputs };
    this.#contexts = new TaskContexts(parts, flow, this.#plan);
  }

  /**
   * Runs to the end, closes the flow with `closing` in the same commit, and returns the outcome.
   * @throws Interrupted if the signal was aborted; the flow is open then.
   */
  async run(closing: Closing): Promise<FlowOutcome> {
    const { flow } = this.#flow;
    if (flow.state === 'REVERTING') {
      return this.#continueRollback(
        { message: flow.error ?? 'a task failed', fault: flow.revert_cause ?? 'work' },
        closing,
      );
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
        const reported = `${task.name}: ${end.message}`;
        if (task.onFailure === 'rollback' && end.fault !== 'doubt')
          return this.#rollBack({ message: reported, fault: end.fault }, closing);
        if (task.onFailure !== 'continue') {
          return this.#close('FAILURE', { end: 'failure', message: reported, cause: end.fault }, closing);
        }
        message = `continued after failure: ${reported}`;
        for (const name of this.#parts.taskOf(task)?.provides ?? []) this.#values[name] = end.outputs[name] ?? null;
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
    // An attempt that was interrupted by an engine's end is resumed and not counted again.
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

  /** Runs a task once. Its end is added to the next commit: the start of the next task, or the close of the flow. */
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
    await this.#contexts.progressWritten();
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

  /** Writes the pending mutations, and more, in one commit. */
  async #flush(...more: Mutation[]): Promise<void> {
    const mutations = [...this.#carried.splice(0), ...more];
    if (mutations.length > 0) await this.#parts.journal.write(...mutations);
  }

  /** Runs a task until it ends, times out, or the engine stops. */
  async #bounded(atom: AtomRow, planned: PlannedTask, task: Task, attempt: number): Promise<TaskEnd> {
    try {
      const limits = { clock: this.#parts.clock, timeoutMs: planned.timeoutMs, signal: this.#signal };
      const outputs = await withinTimeout(limits, (signal) =>
        task.run(this.#contexts.contextOf(atom, planned, this.#values, signal, attempt)),
      );
      return { end: 'success', outputs };
    } catch (error) {
      return endOf(error);
    }
  }

  /** From here on the flow only rolls back: the journal records this before anything is undone. */
  async #rollBack(why: RollbackCause, closing: Closing): Promise<FlowOutcome> {
    await this.#flush({ op: 'revert_flow', flowId: this.#flow.flow.id, cause: why.fault, error: why.message });
    return this.#continueRollback(why, closing);
  }

  /** Also continues a rollback that another engine started. */
  async #continueRollback(why: RollbackCause, closing: Closing): Promise<FlowOutcome> {
    const rollback = new Rollback(this.#parts, this.#flow, this.#plan, this.#contexts, this.#signal);
    const { state, outcome } = await rollback.run(why);
    return this.#close(state, outcome, closing);
  }

  async #close(state: FlowState, outcome: FlowOutcome, closing: Closing): Promise<FlowOutcome> {
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
  const message = errorMessage(error);
  return error instanceof TaskFailure
    ? { end: 'failure', message, fault: error.fault, outputs: error.outputs }
    : { end: 'failure', message, fault: 'work', outputs: {} };
}
