/** A custom task after its section was read. `custom-tasks.ts` reads it. */

import type { Position } from '../document/problem.ts';
import type { Value } from '../expressions/expression.ts';
import type { PlacedComparison, Reference } from '../expressions/used-values.ts';
import type { AfterCrash } from './drivers/driver-form.ts';
import type { DriverName } from './drivers/drivers.ts';

/** A definition as it is frozen into plans; JSON. */
export interface CustomTask {
  readonly driver: DriverName;
  readonly requires: readonly string[];
  readonly provides: readonly string[];
  readonly afterCrash: AfterCrash;
  /** Whether its flow calls it to undo its effect during a rollback. */
  readonly undo: boolean;
  /** A condition; empty: always. */
  readonly when: string;
  /** The driver's own, by field. */
  readonly options: { readonly [field: string]: Value };
  /** The task's own: templates by name. */
  readonly parameters: { readonly [name: string]: string };
}

/** A definition, together with the positions that a check needs. */
export interface CustomSection {
  readonly task: CustomTask;
  readonly at: Position;
  /** Positions of the values of its options, by the names of the options. */
  readonly places: ReadonlyMap<string, Position>;
  readonly references: readonly Reference[];
  readonly comparisons: readonly PlacedComparison[];
  /** Positions of the names that it requires. */
  readonly requiredAt: ReadonlyMap<string, Position>;
}
