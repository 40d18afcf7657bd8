/**
 * Plays the custom tasks of a simulation: nothing is started and nothing is sent.
 *
 * A run records the step key as done and returns the outputs that the definition provides. A task that must not be
 * done twice is thus detected if it is.
 */
import type { OccurrenceName } from '#config/pipelines/occurrence.ts';
import type { Driver, DriverCall } from '#engine/task-drivers/driver.ts';
import type { Trouble } from './fault.ts';
import type { Life } from './life.ts';

export interface Deed {
  readonly task: OccurrenceName;
  readonly afterCrash: DriverCall['definition']['afterCrash'];
  times: number;
}

/** What stand-ins have done in one simulation, by step key; it survives the engines. */
export type Deeds = Map<string, Deed>;

export function standIn(deeds: Deeds, trouble: Trouble, life: Life): Driver {
  return {
    steps: 'one',
    async run({ name, stepKey, definition, context }) {
      await trouble.atWork(name, context);
      if (!context.guard.isFresh()) await context.guard.confirm();
      const deed = deeds.get(stepKey) ?? { task: name, afterCrash: definition.afterCrash, times: 0 };
      deed.times += 1;
      deeds.set(stepKey, deed);
      return life.outlive(outputsOf(definition.provides));
    },
    check: async ({ stepKey, definition }) =>
      deeds.has(stepKey) ? { state: 'done', outputs: outputsOf(definition.provides) } : { state: 'not done' },
    undo: async ({ stepKey, definition }) => {
      // A completed workflow is not undone.
      if (definition.undo) deeds.delete(stepKey);
    },
  };
}

function outputsOf(provides: readonly string[]): Readonly<Record<string, string>> {
  return Object.fromEntries(provides.map((name) => [name, `(${name} of a stand-in)`]));
}
