/**
 * The input and the results of a task that is a JavaScript or TypeScript module (driver = module). Types only.
 *
 * The packages install this file as /usr/share/recovery-agent/task.d.ts:
 *
 *     import type { Run } from '/usr/share/recovery-agent/task.d.ts';
 *
 *     export const run: Run = async ({ inputs, progress }) => {
 *       progress(`Updating the inventory of ${inputs.host_name}`);
 *       …
 *       return { ticket: 4711 };
 *     };
 *
 * A module exports `run`, and may export `check` and `undo`. Loading it must have no effect on the outside: it is also loaded
 * to check, in a thread of a process of its own, with an environment of PATH and LANG, and ends when the function does. Written
 * in TypeScript, it may contain only syntax that can be erased (no enums, no parameter properties); imports of types use `import type`.
 */

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/**
 * Outputs by name: JSON, at most 256 KiB. Outputs that are not in `provides` are dropped; a run without one of `provides` has
 * failed. Null is a value.
 */
export type Outputs = { readonly [name: string]: Json };

/** One call of a function of the module. */
export interface Call {
  /** Of this contract. */
  readonly version: 1;
  /** The name of the task in the pipeline. */
  readonly task: string;
  /** Number of the task's place in its flow, if the lists contain it more than once; 1 for the first. */
  readonly occurrence: number;
  readonly phase: 'pre' | 'main' | 'post';
  /**
   * The same for every attempt and every engine within one recovery: pass it as idempotency key to a service that recognizes
   * repeated requests.
   */
  readonly step_key: string;
  /** 1 for the first; an engine failure does not count. */
  readonly attempt: number;
  /** An engine failed, or stopped, while the task ran before: its effect may already exist. */
  readonly resumed: boolean;
  /** The inputs of the flow (`host_name`, `notification_uuid` …), and the outputs of earlier tasks that are in `requires`. */
  readonly inputs: { readonly [name: string]: Json };
  /** The task's own options of the section, with their values filled in. */
  readonly parameters: { readonly [name: string]: Json };
  /** For `undo`: the outputs of `run`; empty if it failed, and in the other calls. */
  readonly outputs: Outputs;
  /**
   * Aborted when the task times out, or the engine stops. The function then has 5 seconds to end by itself; the rest of it
   * is killed.
   */
  readonly signal: AbortSignal;
  /**
   * Reports the progress of the task, for `recovery-agent show` and the journal. Of more than four lines a second only some are
   * kept, the last one always.
   * @param message one line; it is cut at 1000 characters
   * @param fraction 0 to 1; without it the last one
   */
  progress(message: string, fraction?: number): void;
  /** Writes a line to the engine's log; so do lines on the standard output and the standard error. */
  log(level: 'debug' | 'info' | 'warning' | 'error', message: string): void;
  /** To be thrown: certainly nothing was done, and the task may be started again at any time. */
  notDone(message: string): Error;
  /** To be thrown: the outcome is unknown. A task with `after_crash = once` then waits for an operator. */
  inDoubt(message: string): Error;
  /** To be thrown by `run`: nothing has to be recovered; the recovery ends here with success. */
  skipRecovery(message: string): Error;
  /** To be thrown by `run`: this failure is not one to recover; its notification ends as ignored. */
  ignoreRecovery(message: string): Error;
}

/** The outcome of a run that was interrupted by an engine failure or a lost response. */
export type CheckResult =
  | { readonly state: 'done'; readonly outputs?: Outputs }
  | { readonly state: 'not done' }
  /** An operator has to decide. */
  | { readonly state: 'unknown'; readonly reason: string };

/** Does the work. Any error that it throws fails the task. */
// biome-ignore lint/suspicious/noConfusingVoidType: a function that returns nothing returns void
export type Run = (call: Call) => Promise<Outputs | void> | Outputs | void;

/** Reads the state, and changes nothing. For tasks with `after_crash = check`. */
export type Check = (call: Call) => Promise<CheckResult> | CheckResult;

/**
 * Undoes `run`, also if it did only a part of its work, or nothing; is called again after an engine failure. For tasks with
 * `undo = true`.
 */
export type Undo = (call: Call) => Promise<void> | void;

export interface TaskModule {
  readonly run: Run;
  readonly check?: Check;
  readonly undo?: Undo;
}
