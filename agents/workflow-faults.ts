/** The files with definitions of workflows, as this host has them now: what would keep Mistral from being given one. */

import type { Value } from '#config/expressions/expression.ts';
import type { CustomTask } from '#config/pipelines/task-definition.ts';
import { readDefinitionNow } from '#engine/task-drivers/mistral/definition-file.ts';

interface Named {
  readonly file: string;
  readonly workflowName: string;
}

/** Each with the option that names the file; completes a sentence about the task. */
export function workflowFaults(task: CustomTask): { readonly option: string; readonly fault: string }[] {
  const option = task.driver === 'mistral' ? 'definition_file' : 'actions';
  return filesOf(task).flatMap(({ file, workflowName }) => {
    // A name with a value in it is known only when the task runs.
    const definition = readDefinitionNow(file, workflowName.includes('{{') ? undefined : workflowName);
    return 'fault' in definition ? [{ option, fault: definition.fault }] : [];
  });
}

function filesOf({ driver, options }: CustomTask): readonly Named[] {
  if (driver === 'mistral') return named(options.workflowName, options.definitionFile);
  if (driver !== 'recovery_action' || !Array.isArray(options.actions)) return [];
  return (options.actions as readonly { readonly params?: { readonly [name: string]: Value } }[]).flatMap(
    ({ params = {} }) => named(params.workflow_name, params.definition_file),
  );
}

function named(workflowName: Value | undefined, file: Value | undefined): readonly Named[] {
  return typeof file === 'string' && file !== '' ? [{ file, workflowName: String(workflowName) }] : [];
}
