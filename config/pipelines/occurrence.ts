/**
 * Names of the tasks of one flow, where a task may be listed more than once: the first occurrence is called like the task, the second
 * `NAME#2`, the third `NAME#3`.
 *
 * Invariant: a name is unique in its flow, and the same in every flow that is planned from the same lists. No task has "#" in its name.
 */
import type { TaskName } from './pipelines.ts';

/** `alert`, `alert#2` … */
export type OccurrenceName = string;

const SIGN = '#';
const NAME = /^(.+)#(\d+)$/;

/** The names of the occurrences of tasks, in the order of the tasks. */
export function occurrenceNames(tasks: readonly TaskName[]): OccurrenceName[] {
  const counts = new Map<TaskName, number>();
  return tasks.map((task) => {
    const occurrence = (counts.get(task) ?? 0) + 1;
    counts.set(task, occurrence);
    return occurrence === 1 ? task : `${task}${SIGN}${occurrence}`;
  });
}

export interface Occurrence {
  /** As in the lists. */
  readonly task: TaskName;
  /** 1 for the first. */
  readonly occurrence: number;
}

export function occurrenceOf(name: OccurrenceName): Occurrence {
  const [, task, number] = NAME.exec(name) ?? [];
  return task === undefined ? { task: name, occurrence: 1 } : { task, occurrence: Number(number) };
}
