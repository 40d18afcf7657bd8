/** What a task gets of its flow: its inputs, the cloud, the journal's steps and history, and the means to report progress. */

import type { FlowSnapshot } from '../journal/mutations.ts';
import type { AtomRow } from '../journal/rows.ts';
import { StepRecords } from './journaled-steps.ts';
import type { Plan, PlannedTask, Values } from './plan.ts';
import { historyFor } from './recovery-history.ts';
import type { RunnerParts } from './runner-parts.ts';
import type { TaskContext } from './task.ts';

/** The contexts of the tasks of one flow. */
export class TaskContexts {
  readonly #parts: RunnerParts;
  readonly #flow: FlowSnapshot;
  readonly #plan: Plan;
  /** Progress that is in transit to the journal. */
  #progress: Promise<void> = Promise.resolve();

  constructor(parts: RunnerParts, flow: FlowSnapshot, plan: Plan) {
    this.#parts = parts;
    this.#flow = flow;
    this.#plan = plan;
  }

  /** Resolves when no progress is in transit to the journal. */
  progressWritten(): Promise<void> {
    return this.#progress;
  }

  /** @param inputs of the flow and the outputs of earlier tasks, by name */
  contextOf(atom: AtomRow, planned: PlannedTask, inputs: Values, signal: AbortSignal, attempt: number): TaskContext {
    const { journal, cloud, clock, budgets, log } = this.#parts;
    const { id: flowId, logbook_id: logbookId } = this.#flow.flow;
    const place = { logbookId, flowId, atomId: atom.id };
    let lastProgress = atom.progress;
    return {
      flow: this.#plan.flow,
      inputs,
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
      history: historyFor(this.#parts, place),
      budgets,
      steps: new StepRecords(journal, { flowId, atomId: atom.id }, () => clock.now()),
      globalRequestId: `req-${this.#flow.flow.uuid}`,
      progress: (message, progress = lastProgress) => {
        lastProgress = progress;
        const line = journal.write({ op: 'event', flowId, atomId: atom.id, message, progress, at: clock.now() });
        // A journal that fails ends the engine through `journal.failed`; here only order matters.
        this.#progress = Promise.all([this.#progress, line]).then(
          () => {},
          () => {},
        );
      },
      spendReservedHost: (name) =>
        journal.write({ op: 'host', name, reserved: 0, by: `flow ${this.#flow.flow.uuid}`, at: clock.now() }),
    };
  }
}
