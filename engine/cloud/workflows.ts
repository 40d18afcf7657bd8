/**
 * The operations that tasks use of Mistral, the workflow service of a cloud.
 *
 * Invariant: the caller chooses the id of an execution, and Mistral keeps one execution for an id. Two starts with one id start it once,
 * and a read shows whether it was started. Only an execution that was deleted could be started again.
 */

import type { CallOptions } from '#openstack/http/call.ts';
import type { Accepted, ActOptions } from './call.ts';

/** A value of JSON. */
export type Value = null | boolean | number | string | readonly Value[] | { readonly [name: string]: Value };

/** `SUCCESS`, `ERROR` and `CANCELLED` are final; `RUNNING`, `PAUSED`, `IDLE` and others are not. */
export type ExecutionState = string;

const ENDS: ReadonlySet<ExecutionState> = new Set(['SUCCESS', 'ERROR', 'CANCELLED']);

export function isOver(state: ExecutionState): boolean {
  return ENDS.has(state);
}

/** One run of a workflow. */
export interface Execution {
  readonly id: string;
  readonly state: ExecutionState;
  /** Why it is in this state, if Mistral returns a reason. */
  readonly stateInfo: string | null;
  readonly output: { readonly [name: string]: Value };
}

/** One task of an execution with its current state. */
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
  /** For operators who read it in Mistral. */
  readonly description: string;
}

export interface Workflows {
  has(workflowName: string, options?: CallOptions): Promise<boolean>;
  /** @param definition YAML; kind `conflict` when there is a workflow of one of its names */
  create(definition: string, options?: ActOptions): Promise<Accepted>;
  /**
   * Safe to repeat; kind `not_found` if there is no such workflow.
   * @returns with the id of the execution: another one than the requested one if Mistral is too old to accept it
   */
  begin(beginning: Beginning, options?: ActOptions): Promise<Accepted & { readonly id: string }>;
  /** Undefined if it does not exist. */
  execution(id: string, options?: CallOptions): Promise<Execution | undefined>;
  /** In the order of their starts. */
  tasksOf(executionId: string, options?: CallOptions): Promise<readonly WorkflowTask[]>;
  /** Safe to repeat; one that is over is not changed. Kind `not_found` if it does not exist. */
  cancel(executionId: string, reason: string, options?: ActOptions): Promise<Accepted>;
}
