/**
 * The frozen plan of a flow: its tasks in order with their limits, inputs and settings. The plan is built once and stored in the journal. A
 * resume uses only the plan; later changes of the configuration do not matter. Pure.
 */

import type { Shapes } from '#config/expressions/shape.ts';
import { DEFAULT_TASK_SETTINGS, type TaskSettings } from '#config/options/task-settings.ts';
import { type OccurrenceName, occurrenceNames } from '#config/pipelines/occurrence.ts';
import type { CrashPolicy, FlowName, Phase, Pipelines } from '#config/pipelines/pipelines.ts';
import type { CustomTask } from '#config/pipelines/task-definition.ts';
import type { FailurePolicy, TaskPolicy } from '#config/pipelines/task-policies.ts';
import type { Proof } from '../journal/rows.ts';

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

export interface PlannedTask {
  readonly phase: Phase;
  /** Unique in the plan: see config/pipelines/occurrence.ts. */
  readonly name: OccurrenceName;
  readonly timeoutMs: number;
  readonly retries: number;
  readonly retryDelayMs: number;
  readonly onFailure: FailurePolicy;
  readonly parameters: { readonly [name: string]: string };
  /** Its definition, if the task is not built in. */
  readonly custom?: CustomTask;
}

export interface Plan {
  /** Version of this structure; a reader refuses another. */
  readonly version: 1;
  readonly flow: FlowName;
  /** Counts the rounds of the recovery: the first by the notification, the others by retries. Starts at 1. */
  readonly round: number;
  /** When the host of the recovery failed, by the report's clock and no later than the acceptance, ms UTC; null otherwise. */
  readonly deadSince: number | null;
  /** Proof that the host was down when the flow was planned. Plans of version 0.1 have none. */
  readonly proof?: Proof;
  /** What happens to the flow when its engine ends. */
  readonly afterCrash: CrashPolicy;
  readonly tasks: readonly PlannedTask[];
  /** What tasks can require by name: `host_name`, `instance_uuid`, `process_name`, `notification_uuid`, `reserved_host` … */
  readonly inputs: { readonly [name: string]: Json };
  readonly settings: TaskSettings;
}

/** Masakari's names of its flows, and one in the same style for the flow that Masakari does not have. */
export const FLOW_TITLES: { readonly [F in FlowName]: string } = {
  host_auto: 'instance_evacuate_engine',
  host_rh: 'instance_evacuate_engine',
  instance: 'instance_recovery_engine',
  process: 'process_recovery_engine',
  host_return: 'host_return_engine',
  host_reboot: 'host_reboot_engine',
};

const HOST_INPUTS: Shapes = {
  host_name: 'text',
  notification_uuid: 'text',
  reserved_host: 'text',
  reserved_host_list: { listOf: 'text' },
};

/** Inputs that every flow of a kind gives its tasks; `reserved_host` is null if the scheduler chooses. */
export const FLOW_INPUTS: { readonly [F in FlowName]: Shapes } = {
  host_auto: HOST_INPUTS,
  host_rh: HOST_INPUTS,
  instance: { instance_uuid: 'text', host_name: 'text', notification_uuid: 'text' },
  process: { process_name: 'text', host_name: 'text', notification_uuid: 'text' },
  host_return: { host_name: 'text', notification_uuid: 'text' },
  host_reboot: { host_name: 'text', notification_uuid: 'text' },
};

const PHASES: readonly Phase[] = ['pre', 'main', 'post'];

export function buildPlan(facts: {
  readonly flow: FlowName;
  readonly round: number;
  readonly pipelines: Pipelines;
  readonly policyOf: (task: string) => TaskPolicy;
  readonly customOf: (task: string) => CustomTask | undefined;
  readonly inputs: { readonly [name: string]: Json };
  readonly settings: TaskSettings;
  readonly deadSince: number | null;
  readonly proof: Proof;
}): Plan {
  const pipeline = facts.pipelines[facts.flow];
  const listed = PHASES.flatMap((phase) => pipeline[phase].map((task) => ({ phase, task })));
  const names = occurrenceNames(listed.map(({ task }) => task));
  const tasks = listed.map(({ phase, task }, index): PlannedTask => {
    const { timeoutMs, retries, retryDelayMs, onFailure, parameters } = facts.policyOf(task);
    const values = Object.fromEntries([...parameters].map(([key, { value }]) => [key, value]));
    const custom = facts.customOf(task);
    const name = names[index] ?? task;
    const planned = { phase, name, timeoutMs, retries, retryDelayMs, onFailure, parameters: values };
    return custom ? { ...planned, custom } : planned;
  });
  const { flow, round, inputs, settings, deadSince, proof } = facts;
  return { version: 1, flow, round, deadSince, proof, afterCrash: pipeline.afterCrash, tasks, inputs, settings };
}

/** Reads a plan from the journal. Settings that its version did not have are the defaults. Throws if another version of the program wrote it. */
export function readPlan(text: string): Plan {
  const plan = JSON.parse(text) as Plan;
  if (plan.version !== 1) {
    throw new Error(`the flow's plan has version ${String(plan.version)}; this program resumes version 1 only`);
  }
  return { ...plan, settings: { ...DEFAULT_TASK_SETTINGS, ...plan.settings } };
}

export type Values = { readonly [name: string]: Json };
