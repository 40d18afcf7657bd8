/** What a flow needs to run, and to be rolled back. */

import type { Clock } from '#protocol/clock.ts';
import type { Log } from '#protocol/log.ts';
import type { Cloud } from '../cloud/cloud.ts';
import type { Journal } from '../journal/journal.ts';
import type { Budgets } from './budget.ts';
import type { PlannedTask } from './plan.ts';
import type { Task } from './task.ts';

export interface RunnerParts {
  readonly journal: Journal;
  readonly cloud: Cloud;
  readonly clock: Clock;
  readonly budgets: Budgets;
  /** The task of a plan; undefined if this program has none of that name. */
  readonly taskOf: (planned: PlannedTask) => Task | undefined;
  readonly log: Log;
}
