/** Options that the section of a custom task may contain, for one driver. Each driver's own table is in a file of its own. */
import type { Value } from '../../expressions/expression.ts';
import type { OptionSpec } from '../../options/kinds.ts';
import type { FlowName } from '../pipelines.ts';

/** Whether a task that the end of an engine interrupted may run again. */
export const AFTER_CRASH = ['once', 'check', 'idempotent'] as const;
export type AfterCrash = (typeof AFTER_CRASH)[number];

export interface DriverForm {
  /** Values are JSON: they are frozen into plans. No secret among them, only names of files that hold one. */
  readonly options: { readonly [field: string]: OptionSpec<Value> };
  /** Fields that must be written. */
  readonly required: readonly string[];
  /** Fields whose texts are templates, at any depth. */
  readonly templates: readonly string[];
  /** Fields that name files, see task-paths.ts. */
  readonly paths?: readonly string[];
  /** Fields that are structures, in which a secret may be referred to by `file:PATH` or `env:NAME`. */
  readonly references?: readonly string[];
  /** Fields whose text is the name of a value, or empty. */
  readonly names?: readonly string[];
  /** Of these, texts that are URLs: what is filled in is percent-encoded. */
  readonly urls?: readonly string[];
  /** `own`: further options of the section are templates that the task gets by name. */
  readonly parameters: 'own' | 'none';
  /** The first is the default. */
  readonly afterCrash: readonly [AfterCrash, ...AfterCrash[]];
  /** `cancels`: a rollback of the flow ends the work in progress; completed work stays. */
  readonly undo: 'possible' | 'impossible' | 'cancels';
  /** A fault between options, as a complete sentence. The position is that of the field, or of the option of that name. */
  check?(
    values: { readonly [field: string]: Value },
    definition: { readonly name: string; readonly requires: readonly string[] },
  ): { readonly field: string; readonly fault: string } | undefined;
  /** Why such a task is not allowed in a flow; completes "task NAME …". */
  faultIn?(flow: FlowName, values: { readonly [field: string]: Value }): string | undefined;
}
