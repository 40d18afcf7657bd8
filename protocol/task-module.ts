/**
 * What a task written as a JavaScript or TypeScript module is given and what it answers (driver = module). Types only.
 *
 * The packages install this file as /usr/share/recovery-agent/task.d.ts:
 *
 *     import type { Run } from '/usr/share/recovery-agent/task.d.ts';
 *
 *     export const run: Run = async ({ inputs, progress }) => {
 *       progress(`Telling the inventory about ${inputs.host_name}`);
 *       …
 *       return { ticket: 4711 };
 *     };
 *
 * A module exports `run`, and may export `check` and `undo`. Loading it must have no effect on the outside: it is also loaded
 * to check, in a thread of a process of its own, with an environment of PATH and LANG, and ends when the function does. Written
 * in TypeScript, it may hold only syntax that can be erased (no enums, no parameter properties); imports of types say `import type`.
 */

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/**
 * Outputs by name: JSON, at most 256 KiB. Those that `provides` does not name are dropped; a run without one that it names has
 * failed. Null is a value.
 */
export type Outputs = { readonly [name: string]: Json };

/** One call of a function of the module. */
export interface Call {
  /** Of this contract. */
  readonly version: 1;
  /** The name of the task in the pipeline. */
  readonly task: string;
  /** Counts the places of the task in its flow, where the lists name it more than once; 1 for the first. */
  readonly occurrence: number;
  readonly phase: 'pre' | 'main' | 'post';
  /**
   * Of this occurrence, the same for every attempt and every engine within one recovery: give it to a service that knows what it
   * did already, as idempotency key.
   */
  readonly step_key: string;
  /** 1 for the first; an engine's death does not count. */
  readonly attempt: number;
  /** An engine died, or stopped, while the task ran before: its effect may be there already. */
  readonly resumed: boolean;
  /** What the flow was given (`host_name`, `notification_uuid` …), and the outputs of earlier tasks that `requires` names. */
  readonly inputs: { readonly [name: string]: Json };
  /** The options of the section that are the task's own, values filled in. */
  readonly parameters: { readonly [name: string]: Json };
  /** For `undo`: what `run` gave; empty when it did not end well, and in the other calls. */
  readonly outputs: Outputs;
  /**
   * Aborted when the time of the task is up, or the engine stops. The function then has 5 seconds to end by itself; what is
   * left of it is killed.
   */
  readonly signal: AbortSignal;
  /**
   * Says how far the task is, for `recovery-agent show` and the journal. Of more than four lines a second only some are
   * kept, the last one always.
   * @param message one line; what is over 1000 characters is cut
   * @param fraction 0 to 1; without it what was said last
   */
  progress(message: string, fraction?: number): void;
  /** A line for the engine's log; so are lines on the standard output and the standard error. */
  log(level: 'debug' | 'info' | 'warning' | 'error', message: string): void;
  /** To be thrown: certainly nothing was done, and the task may be begun again at any time. */
  notDone(message: string): Error;
  /** To be thrown: whether it was done is not known. A task with `after_crash = once` then waits for an operator. */
  inDoubt(message: string): Error;
  /** To be thrown by `run`: there is nothing to recover; the recovery ends well here. */
  skipRecovery(message: string): Error;
  /** To be thrown by `run`: this failure is not one to recover; its notification ends as ignored. */
  ignoreRecovery(message: string): Error;
}

/** What became of a run that an engine's death, or a lost answer, cut off. */
export type CheckVerdict =
  | { readonly state: 'done'; readonly outputs?: Outputs }
  | { readonly state: 'not done' }
  /** An operator has to say. */
  | { readonly state: 'unknown'; readonly reason: string };

/** Does the work. Whatever it throws fails the task. */
// biome-ignore lint/suspicious/noConfusingVoidType: a function that returns nothing returns void
export type Run = (call: Call) => Promise<Outputs | void> | Outputs | void;

/** Looks, and changes nothing. For tasks with `after_crash = check`. */
export type Check = (call: Call) => Promise<CheckVerdict> | CheckVerdict;

/**
 * Takes back what `run` did, also when it did only a part of it, or nothing; is called again after a death. For tasks with
 * `undo = true`.
 */
export type Undo = (call: Call) => Promise<void> | void;

export interface TaskModule {
  readonly run: Run;
  readonly check?: Check;
  readonly undo?: Undo;
}
