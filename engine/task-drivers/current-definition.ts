/**
 * Whether the definition in a plan of the journal equals the one in the current configuration.
 *
 * Invariant: an attacker who can write to the shared storage makes no engine run a command, a module, a user or a URL of the attacker's
 * choice. A plan that was frozen under another definition ends in doubt instead.
 */
import { isDeepStrictEqual } from 'node:util';
import type { DriverForm } from '#config/pipelines/drivers/driver-form.ts';
import { DRIVERS } from '#config/pipelines/drivers/drivers.ts';
import type { CustomTask } from '#config/pipelines/task-definition.ts';
import { InDoubt } from '../flow/outcome.ts';
import type { PlannedTask } from '../flow/plan.ts';
import type { Task } from '../flow/task.ts';

/** The names of the options that differ, as in a file; empty: the plan runs the current definition. */
export function differences(planned: CustomTask, today: CustomTask | undefined): readonly string[] {
  if (today === undefined || today.driver !== planned.driver) return ['driver'];
  const specs: DriverForm['options'] = DRIVERS[planned.driver].options;
  return [
    ...differing(planned.options, today.options).map((field) => specs[field]?.name ?? field),
    ...differing(planned.parameters, today.parameters),
  ];
}

function differing(planned: object, today: object): readonly string[] {
  const [before, now] = [planned, today].map(asJournaled);
  const fields = new Set([...Object.keys(before ?? {}), ...Object.keys(now ?? {})]);
  return [...fields].filter((field) => !isDeepStrictEqual(before?.[field], now?.[field]));
}

/** As it comes out of the journal. */
function asJournaled(values: object): Record<string, unknown> {
  return JSON.parse(JSON.stringify(values));
}

/** Replaces a task whose definition differs: it runs nothing. */
export function refusedTask({ name }: PlannedTask, task: string, options: readonly string[]): Task {
  const what = options.map((option) => `"${option}"`).join(', ');
  const refuse = async (): Promise<never> => {
    throw new InDoubt(
      `task "${task}" was planned with another definition than the configuration has today (${what}): the plan of the journal is not run; ` +
        'compare both, then retry the recovery, which plans the task again',
    );
  };
  return { name, requires: [], provides: [], run: refuse, undo: refuse };
}
