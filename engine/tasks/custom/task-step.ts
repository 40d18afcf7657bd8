/** The step that stands for a custom task as a whole. Apart from the tasks, so that whoever shows one need not load it. */
export const TASK_STEP = 'task';

export function taskStepKey(task: string): string {
  return `${TASK_STEP}:${task}`;
}
