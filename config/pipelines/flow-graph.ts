/**
 * A task list as a graph: for each task the values that it requires and provides, with their providers and users.
 *
 * Pure, and true only of a flow in which `checkFlow` found nothing wrong.
 */

import type { Position } from '../document/problem.ts';
import type { TaskContract } from './check.ts';
import type { AfterCrash } from './drivers/driver-form.ts';
import type { DriverName } from './drivers/drivers.ts';
import { type OccurrenceName, occurrenceNames } from './occurrence.ts';
import { type CrashPolicy, type FlowName, PHASES, type Phase, type Pipelines, type TaskName } from './pipelines.ts';
import type { CustomSection } from './task-definition.ts';
import type { FailurePolicy, TaskPolicy } from './task-policies.ts';

/** What a definition adds to a task that is not built in. */
export interface GraphDefinition {
  readonly driver: DriverName;
  readonly at: Position;
  readonly afterCrash: AfterCrash;
  readonly undo: boolean;
  /** A condition; empty: always. */
  readonly when: string;
}

export interface GraphTask {
  readonly phase: Phase;
  readonly name: OccurrenceName;
  /** Undefined: built in. */
  readonly definition: GraphDefinition | undefined;
  readonly timeoutMs: number;
  readonly retries: number;
  readonly retryDelayMs: number;
  readonly onFailure: FailurePolicy;
  /** From: the earlier task that provides the value; undefined for an input of the flow. */
  readonly needs: readonly { readonly value: string; readonly from: OccurrenceName | undefined }[];
  /** To: the later tasks that use the value; may be empty. */
  readonly gives: readonly { readonly value: string; readonly to: readonly OccurrenceName[] }[];
}

export interface FlowGraph {
  readonly flow: FlowName;
  readonly afterCrash: CrashPolicy;
  readonly tasks: readonly GraphTask[];
}

export interface GraphFacts {
  readonly pipelines: Pipelines;
  readonly contracts: ReadonlyMap<TaskName, TaskContract>;
  readonly definitions: ReadonlyMap<TaskName, CustomSection>;
  readonly policyOf: (task: TaskName) => TaskPolicy;
}

export function graphOf(flow: FlowName, facts: GraphFacts): FlowGraph {
  const pipeline = facts.pipelines[flow];
  const listed = PHASES.flatMap((phase) => pipeline[phase].map((task) => ({ phase, task })));
  const names = occurrenceNames(listed.map(({ task }) => task));
  const placed = listed.map((one, index) => ({ ...one, name: names[index] ?? one.task }));
  /** The last provider of each value; a later task uses that one. */
  const givers = new Map<string, number>();
  const needs = placed.map(({ task }, index) => {
    const requested = requestedBy(facts.contracts.get(task)).map((value) => ({ value, giver: givers.get(value) }));
    for (const value of facts.contracts.get(task)?.provides ?? []) givers.set(value, index);
    return requested;
  });
  const takersOf = (giver: number, value: string): OccurrenceName[] =>
    placed
      .filter((_, index) => needs[index]?.some((need) => need.giver === giver && need.value === value))
      .map(({ name }) => name);
  const tasks = placed.map(({ phase, task, name }, index): GraphTask => {
    const { timeoutMs, retries, retryDelayMs, onFailure } = facts.policyOf(task);
    return {
      phase,
      name,
      definition: definitionOf(facts.definitions.get(task)),
      timeoutMs,
      retries,
      retryDelayMs,
      onFailure,
      needs: (needs[index] ?? []).map(({ value, giver }) => ({
        value,
        from: giver === undefined ? undefined : placed[giver]?.name,
      })),
      gives: (facts.contracts.get(task)?.provides ?? []).map((value) => ({ value, to: takersOf(index, value) })),
    };
  });
  return { flow, afterCrash: pipeline.afterCrash, tasks };
}

/** The names of the values that a task uses, those of its templates and its condition included; each once. */
function requestedBy(contract: TaskContract | undefined): string[] {
  const requested = (contract?.references ?? []).map(({ steps }) => steps[0] ?? '');
  return [...new Set([...(contract?.requires ?? []), ...requested])];
}

function definitionOf(section: CustomSection | undefined): GraphDefinition | undefined {
  if (!section) return undefined;
  const { driver, afterCrash, undo, when } = section.task;
  return { driver, at: section.at, afterCrash, undo, when };
}
