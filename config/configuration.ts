/** A valid configuration: every effective value. `load.ts` reads it. */

import type { Problem } from './document/problem.ts';
import type { EngineOptions } from './options/options.ts';
import type { FailoverSegment } from './options/segments.ts';
import type { Pipelines, TaskName } from './pipelines/pipelines.ts';
import type { ProofProgram } from './pipelines/proof-programs.ts';
import type { CustomSection } from './pipelines/task-definition.ts';
import type { TaskPolicy } from './pipelines/task-policies.ts';

export interface Configuration {
  readonly options: EngineOptions;
  /** Never empty. */
  readonly segments: readonly FailoverSegment[];
  readonly pipelines: Pipelines;
  /** The sections of tasks; for missing options see `policyOf`. */
  readonly taskPolicies: ReadonlyMap<TaskName, TaskPolicy>;
  /** Tasks that operators and packages define; empty where the sources have no `definitions`. */
  readonly customTasks: ReadonlyMap<TaskName, CustomSection>;
  /** Programs that prove deaths, by the name in their section; empty where the sources have no `definitions`. */
  readonly proofs: ReadonlyMap<string, ProofProgram>;
  readonly warnings: readonly Problem[];
  /** sha256 (hex) over every effective value except secrets: equal hashes, equal behaviour. */
  readonly hash: string;
}
