/**
 * The sources of the options; the code of other sources is not loaded. A source is a folder with a `source.ts`, a line here, and its name
 * in SOURCE_NAMES of config/options/host-sources.ts, where its options are declared too.
 */
import type { SourceName } from '#config/options/host-sources.ts';
import type { EngineOptions } from '#config/options/options.ts';
import type { Source, SourceKind } from './source.ts';

/** Exactly the names that option `sources` allows: the compiler checks it. */
export const SOURCES: Readonly<Record<SourceName, () => Promise<SourceKind>>> = {
  pacemaker: async () => (await import('./pacemaker/source.ts')).pacemaker,
  ping: async () => (await import('./ping/source.ts')).ping,
  ipmi: async () => (await import('./ipmi/source.ts')).ipmi,
  redfish: async () => (await import('./redfish/source.ts')).redfish,
  heartbeat: async () => (await import('./heartbeat/source.ts')).heartbeat,
  consul: async () => (await import('./consul/source.ts')).consul,
};

/** The names in `sources`, else that of `monitoring_driver`. */
export function sourceNames({ hostMonitor: { sources, monitoringDriver } }: EngineOptions): readonly SourceName[] {
  if (sources.length > 0) return sources;
  return [monitoringDriver === 'consul' ? 'consul' : 'pacemaker'];
}

/** Throws if an option of a source is invalid. */
export async function createSources(options: EngineOptions, node: string): Promise<readonly Source[]> {
  return await Promise.all(sourceNames(options).map(async (name) => (await SOURCES[name]()).create(options, node)));
}
