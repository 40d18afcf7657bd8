/** The sources that the options name; the code of the others is not loaded. */
import type { EngineOptions } from '#config/options.ts';
import type { Fact, Source } from './fact.ts';

export type SourceName = Fact['source'];
type Make = (options: EngineOptions, node: string) => Promise<Source>;

const FACTORIES: Readonly<Partial<Record<SourceName, () => Promise<Make>>>> = {
  pacemaker: async () => {
    const { createPacemakerSource } = await import('./pacemaker/source.ts');
    return (options) => createPacemakerSource(options);
  },
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
      const load = FACTORIES[name];
      if (load === undefined) throw new Error(`[host] sources: this program has no source "${name}"`);
      const make = await load();
      return await make(options, node);
    }),
  );
}
