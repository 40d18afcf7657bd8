/** A driver of custom tasks: one for each kind of program, service or module that a task can be. */

import type { Value } from '#config/expressions/expression.ts';
import type { DriverName } from '#config/pipelines/drivers/drivers.ts';
import type { OccurrenceName } from '#config/pipelines/occurrence.ts';
import type { Phase } from '#config/pipelines/pipelines.ts';
import type { CustomTask } from '#config/pipelines/task-definition.ts';
import type { Values } from '../flow/plan.ts';
import type { TaskContext } from '../flow/task.ts';

/** The part of the context of a task that a program needs. */
export type ProgramContext = Pick<TaskContext, 'signal' | 'guard' | 'log' | 'progress'>;

export interface DriverCall<Context extends ProgramContext = TaskContext> {
  /** The name of the task in the lists. */
  readonly task: string;
  /** Of this occurrence of the task: unique in the flow, and part of the keys of steps. */
  readonly name: OccurrenceName;
  /** 1 for the first. */
  readonly occurrence: number;
  readonly phase: Phase;
  /** Of this occurrence; the same for every attempt, engine and round of one recovery: a receiver that gets it twice may act once. */
  readonly stepKey: string;
  /** 1 for the first; an engine failure does not count. */
  readonly attempt: number;
  /** An engine ended while this ran before. */
  readonly isResumed: boolean;
  /** The inputs of the flow, and those outputs of earlier tasks that the definition requires. */
  readonly inputs: Values;
  readonly definition: CustomTask;
  /** The driver's own options by field, values filled in. */
  readonly options: { readonly [field: string]: Value };
  /** The task's own parameters, values filled in. */
  readonly parameters: { readonly [name: string]: Value };
  /** The outputs of the run, for `undo`; empty if the run failed. Empty in the other calls. */
  readonly outputs: Values;
  readonly context: Context;
}

export type CheckResult =
  | { readonly state: 'done'; readonly outputs: Values }
  | { readonly state: 'not done' }
  | { readonly state: 'unknown'; readonly reason: string };

export interface Driver<Context extends ProgramContext = TaskContext> {
  /**
   * `one`: the whole run is one step, which `customTask` writes. `own`: the driver writes steps of its own, so that each effect is in the
   * journal separately, and reads the state of the world before it repeats one.
   */
  readonly steps: 'one' | 'own';
  /**
   * @returns outputs by name; those that the definition does not provide are dropped
   * @throws TaskFailure, NotDone, InDoubt, SkipRecovery, IgnoreRecovery
   */
  run(call: DriverCall<Context>): Promise<Values>;
  /** For tasks with `after_crash = check`: the outcome of a run that an engine failure interrupted. */
  check?(call: DriverCall<Context>): Promise<CheckResult>;
  undo?(call: DriverCall<Context>): Promise<void>;
}

/** The missing outputs of a task that reports success, for a sentence; undefined: none. A name with null is present. */
export function missingOutputs({ provides }: CustomTask, given: Pick<ReadonlySet<string>, 'has'>): string | undefined {
  const missing = provides.filter((name) => !given.has(name));
  return missing.length === 0 ? undefined : missing.map((name) => `"${name}"`).join(', ');
}

export type LoadDriver = (name: DriverName) => Promise<Driver>;
