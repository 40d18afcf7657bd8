/** How a flow can end other than by success, and how a task says so. */
import type { Json } from './plan.ts';

/**
 * Why a task or a flow failed. `outage`: the cloud was away; the recovery is taken up again and again rather than given up.
 * `doubt`: an operator has to say what became of it. `order`: an operator ended it.
 */
export type Fault = 'work' | 'outage' | 'doubt' | 'order';

/** Whether nothing is tried again before an operator says so. */
export function waitsForOperator(fault: Fault): boolean {
  return fault === 'doubt' || fault === 'order';
}

/** There is nothing to recover: the flow ends well here (Masakari's Skip* exceptions). */
export class SkipRecovery extends Error {
  override readonly name = 'SkipRecovery';
}

/** The failure is not one to recover: the notification ends `ignored` (Masakari's IgnoreInstanceRecovery). */
export class IgnoreRecovery extends Error {
  override readonly name = 'IgnoreRecovery';
}

/** The task could not do its work. */
export class TaskFailure extends Error {
  override readonly name = 'TaskFailure';
  readonly fault: Fault;
  /** What it did all the same, for the tasks of a flow that goes on. */
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

/** Whether the task did its work is not known, and it must not be done twice: an operator has to say. */
export class InDoubt extends TaskFailure {
  constructor(message: string, cause?: unknown) {
    super(message, 'doubt', cause);
  }
}

/** The task says of itself that it did nothing, and can be begun again at any time. */
export class NotDone extends TaskFailure {}

/** The engine stops or lost its reign: the flow stays open in the journal for whoever resumes it. */
export class Interrupted extends Error {
  override readonly name = 'Interrupted';
}

export type FlowOutcome =
  | { readonly end: 'success'; readonly message: string | null }
  | { readonly end: 'skipped'; readonly message: string }
  | { readonly end: 'ignored'; readonly message: string }
  | { readonly end: 'failure'; readonly message: string; readonly cause: Fault };
