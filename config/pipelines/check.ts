/**
 * Whether the task lists can run at all: every task is known, and each of its occurrences gets what it requires.
 *
 * Pure: what tasks there are and what a flow is given is told by the engine.
 */

import type { PlacedComparison, Reference } from './asked-values.ts';
import { faultOfComparison } from './comparison.ts';
import { type CustomSection, DRIVERS } from './custom-tasks.ts';
import type { DriverForm } from './driver-form.ts';
import { didYouMean, nearest } from './nearest.ts';
import { FLOWS, type FlowName, type NamedTask, type Pipelines, placedTasksOf, type TaskName } from './pipelines.ts';
import { errorAt, formatPosition, type Position, type Problem } from './problem.ts';
import { faultOfPath, type Shape, type Shapes } from './shape.ts';
import type { TaskPolicy } from './task-policies.ts';

/** What a task needs from the flow's inputs or from tasks before it, and what it gives to those after it. */
export interface TaskContract {
  readonly name: TaskName;
  readonly requires: readonly string[];
  readonly provides: readonly string[];
  /** What its outputs look like, where that is known. */
  readonly shapes?: Shapes;
  /** Values that templates of its section ask for, each with its place. */
  readonly references?: readonly Reference[];
  /** The flows in which it may stand; all if not said. */
  readonly flows?: readonly FlowName[];
  /** Why it cannot stand in a flow, if it cannot; completes "task NAME …". */
  readonly faultIn?: (flow: FlowName) => string | undefined;
  /** Comparisons in its condition and its templates. */
  readonly comparisons?: readonly PlacedComparison[];
  /** Where the names stand that it requires; those of a built-in task stand nowhere. */
  readonly requiredAt?: ReadonlyMap<string, Position>;
  /** Options its section may hold besides the policy; none if not said. */
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
      // It could have provided anything: nothing more can be said about requirements after it.
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
        report(place, `task "${name}" asks for "${value}", ${lacks(value)}${hint}`);
      } else {
        const fault = faultOfPath(shape, rest);
        if (fault) report(place, `task "${name}" asks for "${steps.join('.')}", but "${value}" ${fault}`);
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
  if (flows !== undefined && !flows.includes(flow)) return `can stand in ${flows.join(', ')} only, not in ${flow}`;
  return faultIn?.(flow);
}

/** Whether something is compared with this name, as it would be with a text. */
function isComparedWith(name: string, comparisons: readonly PlacedComparison[]): boolean {
  return comparisons.some(({ comparison: { right } }) =>
    (right.is === 'list' ? right.items : [right]).some((each) => each.is === 'path' && each.steps.join('.') === name),
  );
}

/** More names than these help nobody. */
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
  const asked = [...(other?.requires ?? []), ...(other?.references ?? []).map(({ steps }) => steps[0] ?? '')];
  const isCircle = asked.some((value) => provides.includes(value));
  return `; "${later}" does, but ${isCircle ? 'that one needs what this one provides: they wait for each other' : 'stands after it'}`;
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
