/** The step that stands for one occurrence of a custom task as a whole. Apart from the tasks, so that whoever shows one need not load it. */
import type { OccurrenceName } from '#config/occurrence.ts';

export const TASK_STEP = 'task';

export function taskStepKey(name: OccurrenceName): string {
  return `${TASK_STEP}:${name}`;
}
