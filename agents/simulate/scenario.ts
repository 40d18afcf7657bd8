/** For each flow a small cloud, an event that starts this flow, and the number of its instances that were recovered. */

import type { Configuration } from '#config/configuration.ts';
import { DEFAULT_SEGMENT } from '#config/options/segments.ts';
import { DEFAULT_PIPELINES } from '#config/pipelines/default-lists.ts';
import { type FlowName, placedTasksOf } from '#config/pipelines/pipelines.ts';
import type { CustomTask } from '#config/pipelines/task-definition.ts';
import type { Instance } from '#engine/cloud/cloud.ts';
import type { World } from '#engine/cloud/simulated/world.ts';

const FAILING_HOST = 'compute-1';
const HOSTS = [FAILING_HOST, 'compute-2', 'compute-3'];
const RESERVED_HOSTS = ['reserve-1', 'reserve-2'];

/** The instances of the failing host, and the expected state of each on its new host. All are marked as highly available. */
const MIX: readonly { readonly change: Partial<Instance>; readonly endsAs: string }[] = [
  { change: {}, endsAs: 'active' },
  { change: {}, endsAs: 'active' },
  { change: {}, endsAs: 'active' },
  { change: { vmState: 'stopped' }, endsAs: 'stopped' },
  { change: { vmState: 'paused', powerState: 3 }, endsAs: 'stopped' },
  { change: { taskState: 'rebooting' }, endsAs: 'active' },
];

export interface Failure {
  /** An earlier failure of the host that has been recovered. */
  readonly earlier?: { readonly notification: Readonly<Record<string, unknown>>; over(): void };
  readonly notification: Readonly<Record<string, unknown>>;
  /** Number of instances that the failure affects. */
  readonly total: number;
  recovered(): number;
}

/**
 * The configuration with which the failure of the simulation runs into the flow: the operator's segments know nothing of its
 * hosts. Lease renewals would only fill the journal: no other engine uses it.
 */
export function configurationFor(flow: FlowName, configuration: Configuration): Configuration {
  const { options } = configuration;
  const segment =
    flow === 'host_rh'
      ? ({ ...DEFAULT_SEGMENT, recoveryMethod: 'reserved_host', reservedHosts: RESERVED_HOSTS } as const)
      : DEFAULT_SEGMENT;
  // A host comes back after a recovery; what the operator does about a failure is tried out in its own flow.
  const pipelines =
    flow === 'host_return' || flow === 'host_reboot'
      ? { ...configuration.pipelines, host_auto: DEFAULT_PIPELINES.host_auto }
      : configuration.pipelines;
  return {
    ...configuration,
    pipelines,
    segments: [segment],
    options: { ...options, engine: { ...options.engine, renewalIntervalMs: 600_000 } },
  };
}

/** Fills the cloud and lets something fail. */
export function fail(flow: FlowName, world: World, configuration: Configuration): Failure {
  const { options } = configuration;
  for (const host of HOSTS) world.addHost(host);
  for (const host of RESERVED_HOSTS) world.addHost(host, 1000, { status: 'disabled', disabledReason: 'reserved' });
  switch (flow) {
    case 'host_auto':
    case 'host_rh':
      return failHost(world, options.hostFailure.haEnabledInstanceMetadataKey);
    case 'host_return':
      return comeBack(world, configuration);
    case 'host_reboot':
      return reboot(world, options.hostFailure.haEnabledInstanceMetadataKey);
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

/** Instances that the failure left stopped return as they are; without a task that migrates them back the count is 0. */
function comeBack(world: World, configuration: Configuration): Failure {
  const { notification, total } = failHost(world, configuration.options.hostFailure.haEnabledInstanceMetadataKey);
  const brings = placedTasksOf(configuration.pipelines.host_return).some(({ name }) => {
    const task = configuration.customTasks.get(name)?.task;
    return task !== undefined && migratesOnly(task);
  });
  const atHome = (): number =>
    [...world.instances.values()].filter(
      ({ host, vmState, taskState }) =>
        host === FAILING_HOST && taskState === null && (vmState === 'active' || vmState === 'stopped'),
    ).length;
  return {
    earlier: { notification, over: () => world.comeBack(FAILING_HOST) },
    notification: {
      type: 'COMPUTE_HOST',
      hostname: FAILING_HOST,
      payload: { event: 'STARTED', cluster_status: 'ONLINE', host_status: 'NORMAL' },
    },
    total: brings ? total : 0,
    recovered: () => (brings ? atHome() : 0),
  };
}

/** Fenced by a reboot, and back before an engine could do anything: nova-compute has stopped what ran. */
function reboot(world: World, haKey: string): Failure {
  const ran = ['active', 'active', 'active'].map(
    (vmState) => world.addInstance(FAILING_HOST, { metadata: { [haKey]: 'True' }, vmState }).uuid,
  );
  world.addInstance(FAILING_HOST, { vmState: 'stopped' });
  for (const uuid of ran) world.stop(uuid);
  const report = (payload: Readonly<Record<string, string>>) => ({
    type: 'COMPUTE_HOST',
    hostname: FAILING_HOST,
    payload: { host_status: 'NORMAL', ...payload },
  });
  return {
    earlier: { notification: report({ event: 'STOPPED', cluster_status: 'OFFLINE' }), over: () => {} },
    notification: report({ event: 'STARTED', cluster_status: 'ONLINE' }),
    total: ran.length,
    recovered: () => ran.filter((uuid) => world.requireInstance(uuid).vmState === 'active').length,
  };
}

/** A chain that needs nothing but the cloud, which is simulated, and instances that no stand-in would have to name. */
export function migratesOnly({ driver, options }: Pick<CustomTask, 'driver' | 'options'>): boolean {
  if (driver !== 'recovery_action' || options.instances !== '' || !Array.isArray(options.actions)) return false;
  const names = (options.actions as readonly { readonly name?: unknown }[]).map(({ name }) => name);
  return names.includes('MIGRATE') && !names.includes('WORKFLOW');
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
