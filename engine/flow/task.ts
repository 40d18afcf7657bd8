/** A task and its context. Built-in tasks are in `engine/tasks/`, one file each. */

import type { Shapes } from '#config/expressions/shape.ts';
import type { TaskSettings } from '#config/options/task-settings.ts';
import type { FlowName } from '#config/pipelines/pipelines.ts';
import type { ActGuard } from '#openstack/act-guard.ts';
import type { Clock } from '#protocol/clock.ts';
import type { Log } from '#protocol/log.ts';
import type { Cloud } from '../cloud/cloud.ts';
import type { Proof } from '../journal/rows.ts';
import type { Budgets } from './budget.ts';
import type { StepRecords } from './journaled-steps.ts';
import type { Values } from './plan.ts';
import type { RecoveryHistory } from './recovery-history.ts';

export interface TaskContext {
  /** The flow that this task belongs to. */
  readonly flow: FlowName;
  /** The flow's inputs and the outputs of earlier tasks, by name. */
  readonly inputs: Values;
  /** The names among them that are inputs of the flow itself. */
  readonly flowInputs: readonly string[];
  /** The operator's own options of this task's section. */
  readonly parameters: { readonly [name: string]: string };
  readonly settings: TaskSettings;
  /** When the host of this recovery failed, by the report's clock, ms UTC; null for a recovery of something else. */
  readonly deadSince: number | null;
  /** Proof that the host was down when the flow was planned. */
  readonly proof: Proof;
  readonly cloud: Cloud;
  readonly clock: Clock;
  /** Aborted on timeout, stop and loss of the lease, with `Interrupted` or `TaskFailure` as reason. */
  readonly signal: AbortSignal;
  /** An engine started this task, or its undo, and ended: the journal may contain steps of it. */
  readonly isResumed: boolean;
  /** Counts the attempts of this task in this flow, the first is 1; attempts of its undo are counted separately. */
  readonly attempt: number;
  readonly steps: StepRecords;
  readonly budgets: Budgets;
  /** `req-<uuid>` of the flow: sent to the cloud with each call, so that its logs can be searched for it. */
  readonly globalRequestId: string;
  /**
   * One line of progress; it is written with the next commit.
   * @param progress 0–1; without it the last value
   */
  progress(message: string, progress?: number): void;
  /** For output that is too long for the progress, e.g. that of a program. */
  readonly log: Log;
  /** Called before each effect that no cloud guards: an engine that lost its lease must not act. */
  readonly guard: ActGuard;
  /** The journal's record of this recovery and of others that touched the same objects. */
  readonly history: RecoveryHistory;
  /** A host was used as a reserved host, or failed: it is not reserved any more. */
  spendReservedHost(name: string): Promise<void>;
}

export interface Task {
  /** As in the pipeline lists. */
  readonly name: string;
  readonly requires: readonly string[];
  readonly provides: readonly string[];
  /** The flows in which the task is allowed; all by default. */
  readonly flows?: readonly FlowName[];
  /** The shape of its outputs, to check the inputs of other tasks. */
  readonly shapes?: Shapes;
  /**
   * Does the work, or the rest of it after the end of an engine: steps that the journal contains are not repeated.
   * @returns the outputs, one for each name in `provides`
   * @throws SkipRecovery, IgnoreRecovery, TaskFailure
   */
  run(context: TaskContext): Promise<Values>;
  /**
   * Undoes the effects of `run` for a flow that rolls back; may be called again after the end of an engine. Without it nothing is undone.
   */
  undo?(context: TaskContext): Promise<void>;
}

export interface BuiltInTask extends Task {
  /** Masakari's class name of the task, as its progress lists show it, or a name in the same style for one of our own tasks. */
  readonly title: string;
}

/** An input that must be a text; the plan check ensures that it exists. */
export function textInput(context: Pick<TaskContext, 'inputs'>, name: string): string {
  const value = context.inputs[name];
  if (typeof value !== 'string') throw new Error(`the flow has no text "${name}"`);
  return value;
}
