/**
 * The titles of tasks in views. From a generated table and not from the tasks, so that `list` and `show` need not load the code that runs
 * them (measured: with it the part of `show` in the executable has 270 kB instead of 210 kB).
 */
import { type OccurrenceName, occurrenceOf } from '#config/pipelines/occurrence.ts';
import { TITLES } from './title-table.ts';

/** A task of an operator has its name in the lists, and so has each of its occurrences. */
export function titleOf(name: OccurrenceName): string {
  const { task } = occurrenceOf(name);
  return (Object.hasOwn(TITLES, task) ? TITLES[task] : undefined) ?? task;
}
