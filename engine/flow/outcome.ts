/** The ways in which a flow ends other than by success, and the exceptions by which a task reports them. */
import type { Json } from './plan.ts';

/**
 * Why a task or a flow failed. `outage`: the cloud did not respond; the recovery is retried until it expires. `doubt`: an operator has to
 * state the outcome. `order`: an operator ended it.
 */
export type Fault = 'work' | 'outage' | 'doubt' | 'order';

/** Whether nothing is retried before an operator decides. */
export function waitsForOperator(fault: Fault): boolean {
  return fault === 'doubt' || fault === 'order';
}

/** There is nothing to recover: the flow succeeds here (Masakari's Skip* exceptions). */
export class SkipRecovery extends Error {
  override readonly name = 'SkipRecovery';
}

/** The failure needs no recovery: the notification ends `ignored` (Masakari's IgnoreInstanceRecovery). */
export class IgnoreRecovery extends Error {
  override readonly name = 'IgnoreRecovery';
}

/** The task could not do its work. */
export class TaskFailure extends Error {
  override readonly name = 'TaskFailure';
  readonly fault: Fault;
  /** What the task did in spite of the failure, for the tasks of a flow that continues. */
  readonly outputs: { readonly [name: string]: Json };

  constructor(
    message: string,
    fault: Fault = 'work',
    cause?: unknown,
    outputs: { readonly [name: string]: Json } = {},
  ) {
    super(message, cause === undefined ? {} : { cause });
    this.fault = fault;
    this.outputs = outputs;
  }
}

/** It is unknown whether the task did its work, and the task must not run twice: an operator has to state it. */
export class InDoubt extends TaskFailure {
  constructor(message: string, cause?: unknown) {
    super(message, 'doubt', cause);
  }
}

/** The task states that it did nothing and can be started again at any time. */
export class NotDone extends TaskFailure {}

/** The engine stops or lost its lease: the flow stays open in the journal for the engine that resumes it. */
export class Interrupted extends Error {
  override readonly name = 'Interrupted';
}

export type FlowOutcome =
  | { readonly end: 'success'; readonly message: string | null }
  | { readonly end: 'skipped'; readonly message: string }
  | { readonly end: 'ignored'; readonly message: string }
  | { readonly end: 'failure'; readonly message: string; readonly cause: Fault };
