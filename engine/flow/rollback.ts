/**
 * Rolls a flow back: undoes its finished and failed tasks, the last one first.
 *
 * Invariants:
 * - the journal records that a task is being undone before its undo starts, and its end before the next undo;
 * - an interrupted rollback (stop, lost lease) is left open, and the next engine continues it.
 */

import { errorMessage } from '#protocol/error-message.ts';
import { crashPoint } from '../crash-points.ts';
import { JournalFailure } from '../journal/failure.ts';
import type { FlowSnapshot } from '../journal/mutations.ts';
import type { AtomRow, FlowState, RevertCause } from '../journal/rows.ts';
import type { FlowOutcome } from './outcome.ts';
import type { Plan, PlannedTask, Values } from './plan.ts';
import type { RunnerParts } from './runner-parts.ts';
import type { TaskContexts } from './task-context.ts';
import { withinTimeout } from './task-timeout.ts';

/** Why a flow is rolled back. */
export interface RollbackCause {
  readonly message: string;
  readonly fault: RevertCause;
}

/** The flow after its rollback; not yet journaled. */
interface RollbackEnd {
  readonly state: FlowState;
  readonly outcome: FlowOutcome;
}

export class Rollback {
  readonly #parts: RunnerParts;
  readonly #flow: FlowSnapshot;
  readonly #plan: Plan;
  readonly #contexts: TaskContexts;
  readonly #signal: AbortSignal;

  constructor(parts: RunnerParts, flow: FlowSnapshot, plan: Plan, contexts: TaskContexts, signal: AbortSignal) {
    this.#parts = parts;
    this.#flow = flow;
    this.#plan = plan;
    this.#contexts = contexts;
    this.#signal = signal;
  }

  /** Undoes finished and failed tasks in reverse order; continues a rollback that another engine started. */
  async run({ message: why, fault }: RollbackCause): Promise<RollbackEnd> {
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
      await this.#contexts.progressWritten();
      await this.#atom(atom.id, failure === undefined ? 'REVERTED' : 'REVERT_FAILURE', failure);
      if (failure !== undefined) left.push(atom.name);
    }
    const message = left.length === 0 ? why : `${why}; not rolled back: ${left.join(', ')}`;
    const outcome: FlowOutcome = { end: 'failure', message, cause: fault };
    return { state: left.length === 0 ? 'REVERTED' : 'REVERT_FAILURE', outcome };
  }

  /**
   * The inputs of each started task, by atom, from any engine: the `undo` of the task gets them. Later occurrences of an earlier task may
   * have replaced some of them since.
   */
  #givenTo(atoms: readonly AtomRow[]): ReadonlyMap<number, Values> {
    const given = new Map<number, Values>();
    let values: Values = this.#plan.inputs;
    for (const atom of atoms) {
      const planned = this.#plan.tasks[atom.ord];
      if (!planned || atom.state === 'PENDING') continue;
      given.set(atom.id, values);
      const outputs: Values = JSON.parse(atom.result ?? '{}');
      const own = (this.#parts.taskOf(planned)?.provides ?? []).map((name) => [name, outputs[name] ?? null]);
      values = { ...values, ...Object.fromEntries(own) };
    }
    return given;
  }

  /** Each attempt has the time limit of the task itself. Returns why the task could not be rolled back. */
  async #undoWithRetries(atom: AtomRow, planned: PlannedTask, inputs: Values): Promise<string | undefined> {
    const task = this.#parts.taskOf(planned);
    if (!task) return 'this program has no such task';
    if (!task.undo) return undefined;
    const undo = task.undo.bind(task);
    const { clock } = this.#parts;
    for (let attempt = 1; ; attempt += 1) {
      try {
        await withinTimeout({ clock, timeoutMs: planned.timeoutMs, signal: this.#signal }, (signal) =>
          undo({
            ...this.#contexts.contextOf(atom, planned, inputs, signal, attempt),
            isResumed: atom.state === 'REVERTING',
          }),
        );
        return undefined;
      } catch (error) {
        if (this.#signal.aborted) throw this.#signal.reason;
        if (error instanceof JournalFailure) throw error;
        if (attempt > planned.retries) return errorMessage(error);
        await clock.sleep(planned.retryDelayMs, this.#signal);
      }
    }
  }

  async #atom(atomId: number, state: AtomRow['state'], error?: string): Promise<void> {
    const at = this.#parts.clock.now();
    await this.#parts.journal.write({ op: 'atom', atomId, state, ...(error === undefined ? {} : { error }), at });
  }
}
