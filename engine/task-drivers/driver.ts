/** What carries out custom tasks: one driver for each kind of program, service or module that a task can be. */
import type { CustomTask, DriverName } from '#config/custom-tasks.ts';
import type { Value } from '#config/expression.ts';
import type { OccurrenceName } from '#config/occurrence.ts';
import type { Phase } from '#config/pipelines.ts';
import type { TaskContext, Values } from '../../flow/task.ts';

export interface DriverCall {
  /** Its name in the lists. */
  readonly task: string;
  /** Of this occurrence of the task: unique in the flow, and what keys of steps are made of. */
  readonly name: OccurrenceName;
  /** 1 for the first. */
  readonly occurrence: number;
  readonly phase: Phase;
  /** Of this occurrence; the same for every attempt, engine and round of one recovery: whoever gets it twice may do it once. */
  readonly stepKey: string;
  /** 1 for the first; an engine's death does not count. */
  readonly attempt: number;
  /** An engine died, or stopped, while this ran before. */
  readonly isResumed: boolean;
  /** The inputs of the flow, and of the outputs of earlier tasks those that the definition requires. */
  readonly inputs: Values;
  readonly definition: CustomTask;
  /** The driver's own options by field, values filled in. */
  readonly options: { readonly [field: string]: Value };
  /** The task's own parameters, values filled in. */
  readonly parameters: { readonly [name: string]: Value };
  /** What the run gave, for `undo`; empty when it did not end well. Empty in the other calls. */
  readonly outputs: Values;
  readonly context: TaskContext;
}

export type CheckVerdict =
  | { readonly state: 'done'; readonly outputs: Values }
  | { readonly state: 'not done' }
  | { readonly state: 'unknown'; readonly reason: string };

export interface Driver {
  /**
   * `one`: the whole run is one step, kept by `customTask`. `own`: the driver keeps steps of its own, so that each effect is
   * in the journal for itself, and looks at the world before it repeats one.
   */
  readonly steps: 'one' | 'own';
  /**
   * @returns outputs by name; those that the definition does not provide are dropped
   * @throws TaskFailure, NotDone, InDoubt, SkipRecovery, IgnoreRecovery
   */
  run(call: DriverCall): Promise<Values>;
  /** For tasks with `after_crash = check`: what became of a run that an engine's death cut off. */
  check?(call: DriverCall): Promise<CheckVerdict>;
  undo?(call: DriverCall): Promise<void>;
}

/** What a task that says it is done did not give, for a sentence; undefined: nothing. A name with null is given. */
export function missingOutputs({ provides }: CustomTask, given: Pick<ReadonlySet<string>, 'has'>): string | undefined {
  const missing = provides.filter((name) => !given.has(name));
  return missing.length === 0 ? undefined : missing.map((name) => `"${name}"`).join(', ');
}

export type LoadDriver = (name: DriverName) => Promise<Driver>;
