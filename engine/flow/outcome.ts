/** How a flow can end other than by success, and how a task says so. */

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
  /** `outage`: the cloud was away; the recovery is taken up again and again rather than given up. */
  readonly fault: 'work' | 'outage';

  constructor(message: string, fault: 'work' | 'outage' = 'work', cause?: unknown) {
    super(message, cause === undefined ? {} : { cause });
    this.fault = fault;
  }
}

/** The engine stops or lost its reign: the flow stays open in the journal for whoever resumes it. */
export class Interrupted extends Error {
  override readonly name = 'Interrupted';
}

export type FlowOutcome =
  | { readonly end: 'success'; readonly message: string | null }
  | { readonly end: 'skipped'; readonly message: string }
  | { readonly end: 'ignored'; readonly message: string }
  | { readonly end: 'failure'; readonly message: string; readonly cause: 'work' | 'outage' };
