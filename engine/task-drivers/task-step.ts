/** The step that represents one occurrence of a custom task as a whole. Separate from the tasks, so that a view of one need not load it. */
import type { OccurrenceName } from '#config/pipelines/occurrence.ts';

export const TASK_STEP = 'task';

export function taskStepKey(name: OccurrenceName): string {
  return `${TASK_STEP}:${name}`;
}
