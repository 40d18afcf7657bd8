/** The policy in the section of a task, and the defaults for tasks without one. */

import { nearest } from '../document/nearest.ts';
import type { DocumentSection } from '../document/parsed-document.ts';
import { errorAt, type Position, type Problem } from '../document/problem.ts';
import { choice, count, seconds } from '../options/kinds.ts';
import { effectlessSectionHint } from '../options/masakari.ts';
import type { EngineOptions } from '../options/options.ts';
import { valueIn } from '../options/read-options.ts';
import type { TaskName } from './pipelines.ts';

export const FAILURE_POLICIES = ['abort', 'continue', 'rollback'] as const;
/** Behaviour of a flow after a task has failed and no attempt is left. */
export type FailurePolicy = (typeof FAILURE_POLICIES)[number];

export interface TaskPolicy {
  /** Of one attempt. */
  readonly timeoutMs: number;
  /** Further attempts after the first. */
  readonly retries: number;
  readonly retryDelayMs: number;
  readonly onFailure: FailurePolicy;
  /** Every other option of the section, for the task itself. */
  readonly parameters: ReadonlyMap<string, Parameter>;
}

export interface Parameter {
  readonly value: string;
  readonly at: Position;
}

const WEEK = 7 * 86_400;
const TIMEOUT = seconds('timeout', 3600, [1, WEEK], 'Upper bound of one attempt; default: task_timeout.');
const RETRIES = count('retries', 0, [0, 100], 'Further attempts after a failed one; default: task_retries.');
const RETRY_DELAY = seconds('retry_delay', 5, [0, 3600], 'Wait before a further attempt; default: task_retry_delay.');
const ON_FAILURE = choice('on_failure', 'abort', FAILURE_POLICIES, 'What to do when no attempt is left.');

/** The options that every section of a task may hold. */
export const POLICY_OPTIONS = [TIMEOUT, RETRIES, RETRY_DELAY, ON_FAILURE] as const;
const POLICY_NAMES: readonly string[] = POLICY_OPTIONS.map((spec) => spec.name);

/** The policy of a task: that of its section, else the engine's defaults. */
export function policyOf(
  configuration: { readonly options: EngineOptions; readonly taskPolicies: ReadonlyMap<TaskName, TaskPolicy> },
  task: TaskName,
): TaskPolicy {
  return configuration.taskPolicies.get(task) ?? defaultPolicy(configuration.options);
}

function defaultPolicy({ engine }: EngineOptions): TaskPolicy {
  return {
    timeoutMs: engine.taskTimeoutMs,
    retries: engine.taskRetries,
    retryDelayMs: engine.taskRetryDelayMs,
    onFailure: ON_FAILURE.fallback,
    parameters: new Map(),
  };
}

/** Whether a section defines its task: see custom-tasks.ts. Any other section sets options of an existing task. */
export function isDefinition(section: DocumentSection): boolean {
  // oslo.messaging and others have options of that name in their own sections.
  return section.options.has('driver') && effectlessSectionHint(section.name) === undefined;
}

export function readTaskPolicy(section: DocumentSection, options: EngineOptions, problems: Problem[]): TaskPolicy {
  const defaults = defaultPolicy(options);
  const parameters = new Map<string, Parameter>();
  for (const { name, at, value } of section.options.values()) {
    // The driver checks the other options of a definition.
    if (POLICY_NAMES.includes(name) || isDefinition(section)) continue;
    // Without a driver there is no definition, so its other options are not reported.
    const meant = nearest(name, [...POLICY_NAMES, 'driver']);
    if (meant !== undefined) problems.push(errorAt(at, `unknown option "${name}"; did you mean "${meant}"?`));
    else parameters.set(name, { value: value.text, at: value.place(0) });
  }
  return {
    timeoutMs: valueIn(section, TIMEOUT, problems) ?? defaults.timeoutMs,
    retries: valueIn(section, RETRIES, problems) ?? defaults.retries,
    retryDelayMs: valueIn(section, RETRY_DELAY, problems) ?? defaults.retryDelayMs,
    onFailure: valueIn(section, ON_FAILURE, problems) ?? defaults.onFailure,
    parameters,
  };
}
