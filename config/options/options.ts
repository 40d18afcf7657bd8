/**
 * Every option of engine and monitors, once: section, name, default, range, help. The type, the reader and the example file follow
 * from this table. Options that Masakari has keep its sections, names and defaults.
 *
 * Durations are in seconds in the file and in milliseconds in `EngineOptions`.
 */

import { cloud, nova } from './cloud.ts';
import { engine, journal } from './engine.ts';
import { gates } from './gates.ts';
import { guestMonitor } from './guest-monitor.ts';
import { hostMonitor } from './host-monitor.ts';
import { consul, heartbeat, hostSources } from './host-sources.ts';
import { instanceMonitor } from './instance-monitor.ts';
import type { OptionSpec } from './kinds.ts';
import { monitors } from './monitors.ts';
import { order } from './order.ts';
import { processMonitor } from './process-monitor.ts';
import { reachability } from './reachability.ts';
import { general, hostFailure, instanceFailure, processFailure } from './recovery.ts';
import { transport } from './transport.ts';

/** The groups of options and the section of each, in the order of the example file. */
export const OPTION_GROUPS = {
  general: { section: 'DEFAULT', options: general },
  nova: { section: 'DEFAULT', options: nova },
  hostFailure: { section: 'host_failure', options: hostFailure },
  instanceFailure: { section: 'instance_failure', options: instanceFailure },
  processFailure: { section: 'process_failure', options: processFailure },
  journal: { section: 'journal', options: journal },
  engine: { section: 'engine', options: engine },
  gates: { section: 'gates', options: gates },
  reachability: { section: 'reachability', options: reachability },
  order: { section: 'order', options: order },
  cloud: { section: 'cloud', options: cloud },
  transport: { section: 'transport', options: transport },
  monitors: { section: 'monitors', options: monitors },
  hostMonitor: { section: 'host', options: hostMonitor },
  hostSources: { section: 'host', options: hostSources },
  processMonitor: { section: 'process', options: processMonitor },
  instanceMonitor: { section: 'libvirt', options: instanceMonitor },
  guestMonitor: { section: 'introspectiveinstancemonitor', options: guestMonitor },
  heartbeat: { section: 'heartbeat', options: heartbeat },
  consul: { section: 'consul', options: consul },
} as const;

type ValueOf<Spec> = Spec extends OptionSpec<infer T> ? T : never;
type ValuesOf<Specs> = { readonly [Field in keyof Specs]: ValueOf<Specs[Field]> };

/** Every option of the engine with its value; durations in milliseconds. */
export type EngineOptions = {
  readonly [Group in keyof typeof OPTION_GROUPS]: ValuesOf<(typeof OPTION_GROUPS)[Group]['options']>;
};

/** The group of an option, its field there, and its entry in the table. */
export interface OptionEntry {
  readonly group: keyof EngineOptions;
  readonly field: string;
  readonly section: string;
  readonly spec: OptionSpec<unknown>;
}

export const OPTIONS: readonly OptionEntry[] = Object.entries(OPTION_GROUPS).flatMap(([group, { section, options }]) =>
  Object.entries(options).map(([field, spec]) => ({ group: group as keyof EngineOptions, field, section, spec })),
);

/** The options for the values given, group by group, and the default for every other one. */
export function withDefaults(given: ReadonlyMap<OptionEntry, unknown>): EngineOptions {
  const groups: Record<string, Record<string, unknown>> = {};
  for (const entry of OPTIONS) {
    groups[entry.group] ??= {};
    Object.assign(groups[entry.group] ?? {}, { [entry.field]: given.get(entry) ?? entry.spec.fallback });
  }
  // The table above is where both this object and the type come from.
  return groups as unknown as EngineOptions;
}

export const DEFAULT_OPTIONS: EngineOptions = withDefaults(new Map());
