/** What a task is and what it is given. Built-in tasks stand in `engine/tasks/`, one file each. */

import type { FlowName } from '#config/pipelines.ts';
import type { Shapes } from '#config/shape.ts';
import type { Log } from '#protocol/log.ts';
import type { Clock } from '../clock/clock.ts';
import type { ActGuard, Cloud } from '../cloud/cloud.ts';
import type { MovedAway, OpenEvacuation } from '../journal/queries.ts';
import type { AtomState, Proof, StepState } from '../journal/words.ts';
import type { Budgets } from './budget.ts';
import type { HostReturn } from './host-return.ts';
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

/** A step of another task of the same recovery. */
export interface EarlierStep {
  /** `this`: of another task of the flow, e.g. of another occurrence of the same one. */
  readonly flow: 'this' | 'other';
  readonly state: StepState;
  /** What became of its task: `REVERTED` and `REVERT_FAILURE` when its flow took back what it did. */
  readonly taskState: AtomState;
  /** The plan of that flow has the task taken back; without it `REVERTED` says that nothing was done about it. */
  readonly hasUndo: boolean;
  /** What it saw before its first call. */
  readonly before: Json;
  readonly detail: Values;
  readonly error: string | null;
}

/** An instance that the recovery of its crash stopped, and did not start again yet. */
export interface StoppedInstance {
  /** Before the stop. */
  readonly vmState: string;
  /** Nova's id of the stop; null where the response was lost. */
  readonly requestId: string | null;
}

export interface TaskContext {
  /** The flow that this task stands in. */
  readonly flow: FlowName;
  /** The flow's inputs and the outputs of earlier tasks, by name. */
  readonly inputs: Values;
  /** The names among them that the flow itself was given. */
  readonly flowInputs: readonly string[];
  /** The operator's own options of this task's section. */
  readonly parameters: { readonly [name: string]: string };
  readonly settings: TaskSettings;
  /** When the host of this recovery failed, by the report's clock, ms UTC; null where it is about something else. */
  readonly deadSince: number | null;
  /** What proved the death of the host when the flow was planned. */
  readonly proof: Proof;
  readonly cloud: Cloud;
  readonly clock: Clock;
  /** Aborted on timeout, stop and loss of the reign; with `Interrupted` or `TaskFailure` as reason. */
  readonly signal: AbortSignal;
  /** An engine began this task, or to take it back, and died or stopped: the journal may hold steps of it. */
  readonly isResumed: boolean;
  /** Counts the tries of this task in this flow, the first is 1; those of taking it back for themselves. */
  readonly attempt: number;
  readonly steps: StepLedger;
  readonly budgets: Budgets;
  /** `req-<uuid>` of the flow: goes to the cloud with each call, so that its logs can be searched for it. */
  readonly globalRequestId: string;
  /**
   * One line of progress; it rides along with the next commit.
   * @param progress 0–1; without it what was said last
   */
  progress(message: string, progress?: number): void;
  /** For what is too much for the progress, e.g. what a program prints. */
  readonly log: Log;
  /** Asked before each effect that no cloud guards: an engine that lost its reign must not act. */
  readonly guard: ActGuard;
  /** Steps of this key in all other tasks of the recovery, those of other flows included, oldest first. */
  earlierSteps(key: string): Promise<readonly EarlierStep[]>;
  /** Instances that other tasks of the recovery moved, as they were before and with what was noted of the move. */
  movedBefore(): Promise<readonly { readonly before: Json; readonly detail: Values }[]>;
  /** Instances of a host that open recoveries of their own crashes stopped. */
  stoppedByRecoveries(host: string): Promise<ReadonlyMap<string, StoppedInstance>>;
  /** Whether this recovery has requested anything of the cloud yet, in any of its flows. */
  hasBegun(): Promise<boolean>;
  /** Whether this flow requested that the host is forced down, and does not know yet what became of the request. */
  isForceDownRequested(): Promise<boolean>;
  /** The report that the host of this recovery came back; null where there is none. `sign`: e.g. "came back at …". */
  returnedSince(): Promise<{ readonly sign: string; readonly order: HostReturn['order'] } | null>;
  /** The host of this recovery lives: called before the recovery ends for that. */
  noteLife(): Promise<void>;
  /** Instances of a host that recoveries which did not finish have touched. */
  earlierMoves(host: string): Promise<readonly EarlierMove[]>;
  /** Instances that recoveries moved off a host and that nobody has brought home since. */
  movedAway(host: string): Promise<readonly MovedAway[]>;
  /** Instances of which another task requested an evacuation from this host whose end is not known; see `queries.openEvacuations`. */
  openEvacuations(host: string): Promise<readonly OpenEvacuation[]>;
  /** Evacuation records of an instance that operators declared abandoned: Nova will never end them. */
  abandonedEvacuations(instance: string): Promise<readonly string[]>;
  /** A host was used as a reserved host, or failed: it is not reserved any more. */
  spendReservedHost(name: string): Promise<void>;
}

export interface Task {
  /** As in the pipeline lists. */
  readonly name: string;
  readonly requires: readonly string[];
  readonly provides: readonly string[];
  /** The flows in which it may stand; all if not said. */
  readonly flows?: readonly FlowName[];
  /** What its outputs look like, for the check of what other tasks ask for. */
  readonly shapes?: Shapes;
  /**
   * Does the work, or the rest of it after a death: steps that the journal knows are not done again.
   * @returns the outputs, one for each name in `provides`
   * @throws SkipRecovery, IgnoreRecovery, TaskFailure
   */
  run(context: TaskContext): Promise<Values>;
  /** Takes back what `run` did, for a flow that rolls back; may be called again after a death. Without it nothing is taken back. */
  undo?(context: TaskContext): Promise<void>;
}

/** An input that must be a text; the plan check made sure that it is there. */
export function textInput(context: Pick<TaskContext, 'inputs'>, name: string): string {
  const value = context.inputs[name];
  if (typeof value !== 'string') throw new Error(`the flow has no text "${name}"`);
  return value;
}
