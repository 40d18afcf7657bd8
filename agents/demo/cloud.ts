/** The cloud of the demonstration: four hosts and 24 instances in mixed states on the one that will fail. */
import type { Instance } from '#engine/cloud/cloud.ts';
import { CALM, World } from '#engine/cloud/simulated/world.ts';

export const FAILING_HOST = 'compute-1';
const HOSTS = [FAILING_HOST, 'compute-2', 'compute-3', 'compute-4'];
/** Every state that matters, most of them running; what each must be in the end. */
const MIX: readonly { readonly count: number; readonly change: Partial<Instance>; readonly endsAs: string }[] = [
  { count: 6, change: { metadata: { HA_Enabled: 'True' } }, endsAs: 'active' },
  { count: 10, change: {}, endsAs: 'active' },
  { count: 4, change: { vmState: 'stopped' }, endsAs: 'stopped' },
  { count: 1, change: { vmState: 'paused', powerState: 3 }, endsAs: 'stopped' },
  { count: 1, change: { vmState: 'error' }, endsAs: 'error' },
  { count: 1, change: { taskState: 'rebooting' }, endsAs: 'active' },
  { count: 1, change: { vmState: 'resized', powerState: 1 }, endsAs: 'active' },
];

export interface DemoCloud {
  readonly world: World;
  readonly total: number;
  /** Instances that are off the failed host and what they were before. */
  recovered(): number;
  failed(): number;
  duplicateEvacuations(): number;
}

export function buildCloud(seed: number): DemoCloud {
  const world = new World({ now: () => Date.now() }, seed, { ...CALM, rebuildMs: [1200, 2600], powerMs: 400 });
  for (const host of HOSTS) world.addHost(host, 40);
  const endsAs = new Map<string, string>();
  for (const { count, change, endsAs: state } of MIX) {
    for (let index = 0; index < count; index += 1) {
      endsAs.set(world.addInstance(FAILING_HOST, change).uuid, state);
    }
  }
  const isRecovered = (uuid: string): boolean => {
    const instance = world.instances.get(uuid);
    return instance !== undefined && instance.host !== FAILING_HOST && instance.vmState === endsAs.get(uuid);
  };
  return {
    world,
    total: endsAs.size,
    recovered: () => [...endsAs.keys()].filter(isRecovered).length,
    failed: () =>
      [...endsAs].filter(([uuid, state]) => world.instances.get(uuid)?.vmState === 'error' && state !== 'error').length,
    duplicateEvacuations: () =>
      world.counts.duplicates + Object.values(world.counts.accepted).reduce((sum, count) => sum + count - 1, 0),
  };
}
