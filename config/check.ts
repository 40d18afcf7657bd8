/**
 * Whether the task lists can run at all: every task is known, stands once in a flow, and gets what it requires.
 *
 * Pure: what tasks there are and what a flow is given is told by the engine.
 */

import { didYouMean } from './nearest.ts';
import { FLOWS, type FlowName, type NamedTask, type Pipelines, placedTasksOf, type TaskName } from './pipelines.ts';
import { errorAt, formatPosition, type Position, type Problem } from './problem.ts';
import type { TaskPolicy } from './task-policies.ts';

/** What a task needs from the flow's inputs or from tasks before it, and what it gives to those after it. */
export interface TaskContract {
  readonly name: TaskName;
  readonly requires: readonly string[];
  readonly provides: readonly string[];
  /** Options its section may hold besides the policy; none if not said. */
  readonly parameters?: readonly string[] | 'any';
}

export function checkPipelines(
  pipelines: Pipelines,
  contracts: ReadonlyMap<TaskName, TaskContract>,
  inputs: Readonly<Record<FlowName, readonly string[]>>,
): Problem[] {
  return FLOWS.flatMap((flow) => checkFlow(flow, placedTasksOf(pipelines[flow]), contracts, inputs[flow]));
}

function checkFlow(
  flow: FlowName,
  tasks: readonly NamedTask[],
  contracts: ReadonlyMap<TaskName, TaskContract>,
  inputs: readonly string[],
): Problem[] {
  const problems: Problem[] = [];
  const seen = new Map<TaskName, Position>();
  const provided = new Set(inputs);
  let unknownBefore = false;
  for (const [index, { name, at }] of tasks.entries()) {
    const earlier = seen.get(name);
    if (earlier !== undefined) {
      problems.push(errorAt(at, `task "${name}" already stands in this flow at ${formatPosition(earlier)}`));
      continue;
    }
    seen.set(name, at);
    const contract = contracts.get(name);
    if (contract === undefined) {
      problems.push(errorAt(at, `unknown task "${name}"${didYouMean(name, contracts.keys())}`));
      // It could have provided anything: nothing more can be said about requirements after it.
      unknownBefore = true;
      continue;
    }
    for (const required of unknownBefore ? [] : contract.requires) {
      if (provided.has(required)) continue;
      const later = tasks.slice(index + 1).find((task) => contracts.get(task.name)?.provides.includes(required));
      const hint = later === undefined ? '' : `; "${later.name}" does, but stands after it`;
      const message = `task "${name}" requires "${required}", which neither the flow ${flow} nor a task before it provides${hint}`;
      problems.push(errorAt(at, message));
    }
    for (const output of contract.provides) provided.add(output);
  }
  return problems;
}

/** Options in sections of tasks that the task does not know. Tasks without a contract are left to `checkPipelines`. */
export function checkParameters(
  policies: ReadonlyMap<TaskName, TaskPolicy>,
  contracts: ReadonlyMap<TaskName, TaskContract>,
): Problem[] {
  const problems: Problem[] = [];
  for (const [task, policy] of policies) {
    const contract = contracts.get(task);
    const known = contract?.parameters ?? [];
    if (contract === undefined || known === 'any') continue;
    for (const [name, { at }] of policy.parameters) {
      if (known.includes(name)) continue;
      problems.push(errorAt(at, `task "${task}" has no option "${name}"${didYouMean(name, known)}`));
    }
  }
  return problems;
}
