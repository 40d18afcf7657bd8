/**
 * What tasks ask of Mistral, the workflow service of a cloud.
 *
 * Invariant: an execution has the id that its beginner chose, and Mistral keeps one execution for an id: beginning it twice
 * begins it once, and whether it was begun can be asked. Only an execution that was deleted could be begun again.
 */
import type { Accepted, ActOptions, CallOptions } from './cloud.ts';

/** What JSON can say. */
export type Value = null | boolean | number | string | readonly Value[] | { readonly [name: string]: Value };

/** `SUCCESS`, `ERROR` and `CANCELLED` are ends; `RUNNING`, `PAUSED`, `IDLE` and other words are not. */
export type ExecutionState = string;

const ENDS: ReadonlySet<ExecutionState> = new Set(['SUCCESS', 'ERROR', 'CANCELLED']);

export function isOver(state: ExecutionState): boolean {
  return ENDS.has(state);
}

/** One run of a workflow. */
export interface Execution {
  readonly id: string;
  readonly state: ExecutionState;
  /** Why it is in this state, where Mistral says so. */
  readonly stateInfo: string | null;
  readonly output: { readonly [name: string]: Value };
}

/** One task of an execution, as it stands. */
export interface WorkflowTask {
  readonly id: string;
  readonly name: string;
  readonly state: ExecutionState;
}

export interface Beginning {
  /** A UUID. */
  readonly id: string;
  /** Or its id. */
  readonly workflowName: string;
  readonly inputs: Value;
  /** For whoever looks into Mistral. */
  readonly description: string;
}

export interface Workflows {
  has(workflowName: string, options?: CallOptions): Promise<boolean>;
  /** @param definition YAML; kind `conflict` when there is a workflow of one of its names */
  create(definition: string, options?: ActOptions): Promise<Accepted>;
  /**
   * Safe to repeat; kind `not_found` when there is no such workflow.
   * @returns with the id that the execution has: another one than that asked for where Mistral is too old for it
   */
  begin(beginning: Beginning, options?: ActOptions): Promise<Accepted & { readonly id: string }>;
  /** Undefined when it does not exist. */
  execution(id: string, options?: CallOptions): Promise<Execution | undefined>;
  /** In the order in which they were begun. */
  tasksOf(executionId: string, options?: CallOptions): Promise<readonly WorkflowTask[]>;
  /** Safe to repeat; one that is over stays as it is. Kind `not_found` when it does not exist. */
  cancel(executionId: string, reason: string, options?: ActOptions): Promise<Accepted>;
}
