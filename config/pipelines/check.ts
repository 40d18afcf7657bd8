/**
 * Whether the task lists can run at all: every task is known, and each of its occurrences gets what it requires.
 *
 * Pure: the engine passes the contracts of the tasks and the inputs of the flows.
 */

import { didYouMean, nearest } from '../document/nearest.ts';
import { errorAt, formatPosition, type Position, type Problem } from '../document/problem.ts';
import { faultOfComparison } from '../expressions/comparison.ts';
import { faultOfPath, type Shape, type Shapes } from '../expressions/shape.ts';
import type { PlacedComparison, Reference } from '../expressions/used-values.ts';
import type { DriverForm } from './drivers/driver-form.ts';
import { DRIVERS } from './drivers/drivers.ts';
import { FLOWS, type FlowName, type NamedTask, type Pipelines, placedTasksOf, type TaskName } from './pipelines.ts';
import type { CustomSection } from './task-definition.ts';
import type { TaskPolicy } from './task-policies.ts';

/** Values that a task requires from the flow's inputs or from earlier tasks, and values that it provides to later tasks. */
export interface TaskContract {
  readonly name: TaskName;
  readonly requires: readonly string[];
  readonly provides: readonly string[];
  /** The shapes of its outputs, where they are known. */
  readonly shapes?: Shapes;
  /** Values that templates of its section use, each with its position. */
  readonly references?: readonly Reference[];
  /** The flows in which it is allowed; all if absent. */
  readonly flows?: readonly FlowName[];
  /** Why it cannot stand in a flow, if it cannot; completes "task NAME …". */
  readonly faultIn?: (flow: FlowName) => string | undefined;
  /** Comparisons in its condition and its templates. */
  readonly comparisons?: readonly PlacedComparison[];
  /** Positions of the required names. Those of a built-in task have none. */
  readonly requiredAt?: ReadonlyMap<string, Position>;
  /** Options that its section may contain besides the policy; none if absent. */
  readonly parameters?: readonly string[] | 'any';
}

export function checkPipelines(
  pipelines: Pipelines,
  contracts: ReadonlyMap<TaskName, TaskContract>,
  inputs: Readonly<Record<FlowName, Shapes>>,
): Problem[] {
  return FLOWS.flatMap((flow) => checkFlow(flow, placedTasksOf(pipelines[flow]), contracts, inputs[flow]));
}

/** What is wrong with the list of one flow. */
export function checkFlow(
  flow: FlowName,
  tasks: readonly NamedTask[],
  contracts: ReadonlyMap<TaskName, TaskContract>,
  inputs: Shapes,
): Problem[] {
  const problems: Problem[] = [];
  const provided = new Map<string, Shape>(Object.entries(inputs));
  let unknownBefore = false;
  for (const [index, { name, at }] of tasks.entries()) {
    const before = problems.slice();
    const report = (place: Position, message: string): void => {
      // What is wrong with a definition is reported for the first occurrence of its task.
      const isReported = before.some((one) => formatPosition(one) === formatPosition(place));
      if (!isReported) problems.push(errorAt(place, message));
    };
    const contract = contracts.get(name);
    if (contract === undefined) {
      const hint = didYouMean(name, contracts.keys()) || `; a task of your own is a section [${name}] with "driver"`;
      report(at, `unknown task "${name}"${hint}`);
      // It could have provided any value, so requirements of later tasks cannot be checked.
      unknownBefore = true;
      continue;
    }
    const misplaced = faultOfPlace(contract, flow);
    if (misplaced !== undefined) report(at, `task "${name}" ${misplaced}`);
    const lacks = (value: string): string => {
      const later = tasks
        .slice(index + 1)
        .find((task) => task.name !== name && contracts.get(task.name)?.provides.includes(value));
      const hint = hintAt(later?.name, contract, contracts) || whatThereIs(value, [...provided.keys()]);
      return `which neither the flow ${flow} nor a task before it provides${hint}`;
    };
    for (const required of unknownBefore ? [] : contract.requires) {
      if (provided.has(required)) continue;
      const place = contract.requiredAt?.get(required) ?? at;
      report(place, `task "${name}" requires "${required}", ${lacks(required)}`);
    }
    for (const { steps, at: place } of unknownBefore ? [] : (contract.references ?? [])) {
      const [value = '', ...rest] = steps;
      const shape = provided.get(value);
      if (shape === undefined) {
        const isText = steps.length === 1 && isComparedWith(value, contract.comparisons ?? []);
        const hint = isText ? `; if it is a text, it needs quotes: "${value}"` : '';
        report(place, `task "${name}" uses "${value}", ${lacks(value)}${hint}`);
      } else {
        const fault = faultOfPath(shape, rest);
        if (fault) report(place, `task "${name}" uses "${steps.join('.')}", but "${value}" ${fault}`);
      }
    }
    for (const { comparison, at: place } of contract.comparisons ?? []) {
      const fault = faultOfComparison(comparison, provided);
      if (fault) report(place, `task "${name}" ${fault}`);
    }
    for (const output of contract.provides) {
      // Another host_name than the one that is proven dead would be evacuated by the tasks after it.
      if (!Object.hasOwn(inputs, output)) continue;
      report(at, `task "${name}" provides "${output}", which the flow ${flow} itself gives; rename it`);
    }
    for (const output of contract.provides) provided.set(output, contract.shapes?.[output] ?? 'any');
  }
  return problems;
}

function faultOfPlace({ flows, faultIn }: TaskContract, flow: FlowName): string | undefined {
  if (flows !== undefined && !flows.includes(flow)) return `is allowed in ${flows.join(', ')} only, not in ${flow}`;
  return faultIn?.(flow);
}

/** Whether something is compared with this name, as it would be with a text. */
function isComparedWith(name: string, comparisons: readonly PlacedComparison[]): boolean {
  return comparisons.some(({ comparison: { right } }) =>
    (right.is === 'list' ? right.items : [right]).some((each) => each.is === 'path' && each.steps.join('.') === name),
  );
}

/** A longer list of names does not help the reader. */
const MAX_NAMES = 12;

/** The name that was most likely meant, else those that there are; the end of a message. */
function whatThereIs(name: string, names: readonly string[]): string {
  if (nearest(name, names) !== undefined) return didYouMean(name, names);
  const more = names.length > MAX_NAMES ? ` and ${names.length - MAX_NAMES} more` : '';
  return `; there are ${names.slice(0, MAX_NAMES).join(', ')}${more}`;
}

/** @param later the task after this one that provides what it lacks */
function hintAt(
  later: TaskName | undefined,
  { provides }: TaskContract,
  contracts: ReadonlyMap<TaskName, TaskContract>,
): string {
  if (later === undefined) return '';
  const other = contracts.get(later);
  const requested = [...(other?.requires ?? []), ...(other?.references ?? []).map(({ steps }) => steps[0] ?? '')];
  const isCircle = requested.some((value) => provides.includes(value));
  return `; "${later}" does, but ${isCircle ? 'that one needs what this one provides: they wait for each other' : 'runs after it'}`;
}

/** The contracts of the tasks that are defined, and what is wrong with their names. */
export function withDefinitions(
  builtIn: ReadonlyMap<TaskName, TaskContract>,
  definitions: ReadonlyMap<TaskName, CustomSection>,
): { readonly contracts: ReadonlyMap<TaskName, TaskContract>; readonly problems: readonly Problem[] } {
  const contracts = new Map(builtIn);
  const problems: Problem[] = [];
  for (const [name, { task, at, references, comparisons, requiredAt }] of definitions) {
    if (builtIn.has(name))
      problems.push(errorAt(at, `"${name}" is a built-in task; a task of your own needs another name`));
    else {
      const { requires, provides, driver, options } = task;
      const form: DriverForm = DRIVERS[driver];
      const faultIn = (flow: FlowName): string | undefined => form.faultIn?.(flow, options);
      contracts.set(name, {
        name,
        requires,
        provides,
        references,
        comparisons,
        requiredAt,
        faultIn,
        parameters: 'any',
      });
    }
  }
  return { contracts, problems };
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
