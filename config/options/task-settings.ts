/**
 * The options that tasks see. They are frozen into the plan of a flow, so that a resumed flow behaves as it did at its start. Which
 * options these are, and under which names, is declared with each option: `seenByTasks`. Times in ms.
 */

import type { OptionSpec } from './kinds.ts';
import { DEFAULT_OPTIONS, type EngineOptions, type OPTION_GROUPS, OPTIONS } from './options.ts';

type SpecsOf<Group extends keyof EngineOptions> = (typeof OPTION_GROUPS)[Group]['options'];

/** The settings of one group of options. */
type SettingsOf<Specs> = {
  readonly [Field in keyof Specs as Specs[Field] extends { readonly setting: infer Name extends string }
    ? Name
    : never]: Specs[Field] extends OptionSpec<infer T> ? T : never;
};

type Intersection<Union> = (Union extends unknown ? (each: Union) => void : never) extends (all: infer All) => void
  ? All
  : never;
type AllSettings = Intersection<{ [Group in keyof EngineOptions]: SettingsOf<SpecsOf<Group>> }[keyof EngineOptions]>;

export type TaskSettings = { readonly [Name in keyof AllSettings]: AllSettings[Name] };

/** Selects the options that tasks see, to be frozen into plans. */
export function taskSettings(options: EngineOptions): TaskSettings {
  const settings = OPTIONS.flatMap(({ group, field, spec }): [string, unknown][] => {
    const values: Readonly<Record<string, unknown>> = options[group];
    return spec.setting === undefined ? [] : [[spec.setting, values[field]]];
  });
  // The table of options is where both this object and the type come from.
  return Object.fromEntries(settings) as unknown as TaskSettings;
}

/** For settings that the plan of an earlier version lacks. */
export const DEFAULT_TASK_SETTINGS: TaskSettings = taskSettings(DEFAULT_OPTIONS);
