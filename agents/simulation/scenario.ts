/** For each flow a small cloud and a failure that lets this flow run, and how many of its instances were recovered. */
import type { Configuration } from '#config/load.ts';
import type { FlowName } from '#config/pipelines.ts';
import { DEFAULT_SEGMENT } from '#config/segments.ts';
import type { Instance } from '#engine/cloud/cloud.ts';
import type { World } from '#engine/cloud/simulated/world.ts';

const FAILING_HOST = 'compute-1';
const HOSTS = [FAILING_HOST, 'compute-2', 'compute-3'];
const RESERVED_HOSTS = ['reserve-1', 'reserve-2'];

/** What lies on the failing host, and what each must be on its new one. All are marked as highly available. */
const MIX: readonly { readonly change: Partial<Instance>; readonly endsAs: string }[] = [
  { change: {}, endsAs: 'active' },
  { change: {}, endsAs: 'active' },
  { change: {}, endsAs: 'active' },
  { change: { vmState: 'stopped' }, endsAs: 'stopped' },
  { change: { vmState: 'paused', powerState: 3 }, endsAs: 'stopped' },
  { change: { taskState: 'rebooting' }, endsAs: 'active' },
];

export interface Failure {
  readonly notification: Readonly<Record<string, unknown>>;
  /** How many instances the failure is about. */
  readonly total: number;
  recovered(): number;
}

/**
 * The configuration with which the failure of the simulation runs into the flow: the operator's segments know nothing of its
 * hosts. The beat would only fill the journal: nothing else holds it.
 */
export function configurationFor(flow: FlowName, configuration: Configuration): Configuration {
  const { options } = configuration;
  const segment =
    flow === 'host_rh'
      ? ({ ...DEFAULT_SEGMENT, recoveryMethod: 'reserved_host', reservedHosts: RESERVED_HOSTS } as const)
      : DEFAULT_SEGMENT;
  return {
    ...configuration,
    segments: [segment],
    options: { ...options, engine: { ...options.engine, beatIntervalMs: 600_000 } },
  };
}

/** Fills the cloud and lets something fail. */
export function fail(flow: FlowName, world: World, { options }: Configuration): Failure {
  for (const host of HOSTS) world.addHost(host);
  for (const host of RESERVED_HOSTS) world.addHost(host, 1000, { status: 'disabled', disabledReason: 'reserved' });
  switch (flow) {
    case 'host_auto':
    case 'host_rh':
      return failHost(world, options.hostFailure.haEnabledInstanceMetadataKey);
    case 'instance':
      return failInstance(world, options.instanceFailure.haEnabledInstanceMetadataKey);
    case 'process':
      return {
        notification: {
          type: 'PROCESS',
          hostname: FAILING_HOST,
          payload: { event: 'STOPPED', process_name: 'nova-compute' },
        },
        total: 0,
        recovered: () => 0,
      };
  }
}

function failHost(world: World, haKey: string): Failure {
  const endsAs = new Map(
    MIX.map(({ change, endsAs: state }) => [
      world.addInstance(FAILING_HOST, { metadata: { [haKey]: 'True' }, ...change }).uuid,
      state,
    ]),
  );
  world.kill(FAILING_HOST);
  return {
    notification: {
      type: 'COMPUTE_HOST',
      hostname: FAILING_HOST,
      payload: { event: 'STOPPED', cluster_status: 'OFFLINE', host_status: 'NORMAL' },
    },
    total: endsAs.size,
    recovered: () =>
      [...endsAs].filter(([uuid, state]) => {
        const { host, vmState, taskState } = world.requireInstance(uuid);
        return host !== FAILING_HOST && vmState === state && taskState === null;
      }).length,
  };
}

/** Nova does not see that an instance has died; the boot after it is what shows that it was recovered. */
function failInstance(world: World, haKey: string): Failure {
  const instance = world.addInstance(FAILING_HOST, { metadata: { [haKey]: 'True' } });
  const payload = { event: 'LIFECYCLE', vir_domain_event: 'STOPPED_FAILED', instance_uuid: instance.uuid };
  const bornAt = world.now();
  return {
    notification: { type: 'VM', hostname: FAILING_HOST, payload },
    total: 1,
    recovered: () => {
      const { vmState, taskState, changedAt } = world.requireInstance(instance.uuid);
      return vmState === 'active' && taskState === null && changedAt > bornAt ? 1 : 0;
    },
  };
}
