/** The sources that the options name; the code of the others is not loaded. */
import type { EngineOptions } from '#config/options.ts';
import type { Fact, Source } from './fact.ts';

export type SourceName = Fact['source'];
type Make = (options: EngineOptions, node: string) => Promise<Source>;

const FACTORIES: Readonly<Record<SourceName, () => Promise<Make>>> = {
  pacemaker: async () => {
    const { createPacemakerSource } = await import('./pacemaker/source.ts');
    return (options) => createPacemakerSource(options);
  },
  ping: async () => (await import('./ping.ts')).createPingSource,
  ipmi: async () => (await import('./ipmi.ts')).createIpmiSource,
  redfish: async () => (await import('./redfish.ts')).createRedfishSource,
  heartbeat: async () => (await import('./heartbeat/source.ts')).createHeartbeatSource,
  consul: async () => (await import('./consul.ts')).createConsulSource,
};

/** Those of `sources`, else that of `monitoring_driver`. */
export function sourceNames({ hostMonitor: { sources, monitoringDriver } }: EngineOptions): readonly SourceName[] {
  if (sources.length > 0) return sources;
  return [monitoringDriver === 'consul' ? 'consul' : 'pacemaker'];
}

/** Throws when an option of a source cannot be right. */
export async function createSources(options: EngineOptions, node: string): Promise<readonly Source[]> {
  return await Promise.all(
    sourceNames(options).map(async (name) => {
      const make = await FACTORIES[name]();
      return await make(options, node);
    }),
  );
}
