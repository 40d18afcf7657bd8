/** What a task is and what it is given. Built-in tasks stand in `engine/tasks/`, one file each. */

import type { Clock } from '../clock/clock.ts';
import type { Cloud } from '../cloud/cloud.ts';
import type { Budgets } from './budget.ts';
import type { Json } from './plan.ts';
import type { TaskSettings } from './settings.ts';
import type { StepLedger } from './step-ledger.ts';

export type Values = { readonly [name: string]: Json };

/** What stood in the journal about an instance before this flow: see `queries.originals`. */
export interface EarlierMove {
  readonly instance: string;
  readonly before: Json;
  /** The last flow that touched it left steps that are neither done nor skipped. */
  readonly unfinished: boolean;
}

export interface TaskContext {
  /** The flow's inputs and the outputs of earlier tasks, by name. */
  readonly inputs: Values;
  /** The operator's own options of this task's section. */
  readonly parameters: { readonly [name: string]: string };
  readonly settings: TaskSettings;
  readonly cloud: Cloud;
  readonly clock: Clock;
  /** Aborted on timeout, stop and loss of the reign; with `Interrupted` or `TaskFailure` as reason. */
  readonly signal: AbortSignal;
  /** An engine began this task before and died, or an earlier try failed: the journal may hold steps of it. */
  readonly isResumed: boolean;
  readonly steps: StepLedger;
  readonly budgets: Budgets;
  /** `req-<uuid>` of the flow: goes to the cloud with each call, so that its logs can be searched for it. */
  readonly globalRequestId: string;
  /**
   * One line of progress; it rides along with the next commit.
   * @param progress 0–1; without it what was said last
   */
  progress(message: string, progress?: number): void;
  /** Instances of a host that recoveries which did not finish have touched. */
  earlierMoves(host: string): Promise<readonly EarlierMove[]>;
  /** A host was used as a reserved host, or failed: it is not reserved any more. */
  spendReservedHost(name: string): Promise<void>;
}

export interface Task {
  /** As in the pipeline lists. */
  readonly name: string;
  /** Masakari's class name, as its progress lists show it. */
  readonly title: string;
  readonly requires: readonly string[];
  readonly provides: readonly string[];
  /**
   * Does the work, or the rest of it after a death: steps that the journal knows are not done again.
   * @returns the outputs, one for each name in `provides`
   * @throws SkipRecovery, IgnoreRecovery, TaskFailure
   */
  run(context: TaskContext): Promise<Values>;
  /** Takes back what `run` did, for a flow that rolls back. Without it nothing is taken back. */
  undo?(context: TaskContext): Promise<void>;
}

/** An input that must be a text; the plan check made sure that it is there. */
export function textInput(context: Pick<TaskContext, 'inputs'>, name: string): string {
  const value = context.inputs[name];
  if (typeof value !== 'string') throw new Error(`the flow has no text "${name}"`);
  return value;
}
