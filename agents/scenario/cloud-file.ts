/** `cloud.yaml`: the hosts and instances of the simulated cloud before the first event. A key may be a pattern of names. */
import * as v from 'valibot';
import { POWER_STATE } from '#engine/cloud/cloud.ts';
import type { World } from '#engine/cloud/simulated/world.ts';
import { namesOf } from './name-pattern.ts';
import { checked, joined, ScenarioError, type YamlPart } from './yaml-file.ts';

const share = v.exactOptional(v.pipe(v.number(), v.minValue(0), v.maxValue(1)));
const ms = v.exactOptional(v.pipe(v.number(), v.minValue(0)));
const range = v.exactOptional(v.tuple([v.number(), v.number()]));
const toggle = v.exactOptional(v.boolean());

/** The fields of `Behaviour` that a scenario may set, in ms and shares of 1. */
export const behaviourSchema = v.strictObject({
  rebuildMs: range,
  powerMs: ms,
  lostRequests: share,
  lostReplies: share,
  lateEvacuations: share,
  lateMs: range,
  failedEvacuations: share,
  migrationMs: range,
  failedMigrations: share,
  migrationsOutliveSource: toggle,
  computeStartMs: ms,
  powerSync: toggle,
  foreignListing: toggle,
  responseMs: ms,
  claimMs: ms,
  confirmsAfterMs: ms,
  deadServices: v.exactOptional(v.array(v.picklist(['nova-scheduler', 'nova-conductor']))),
});

const host = v.strictObject({
  status: v.exactOptional(v.picklist(['enabled', 'disabled'])),
  disabled_reason: v.exactOptional(v.string()),
  /** Maximum number of instances. */
  capacity: v.exactOptional(v.pipe(v.number(), v.integer(), v.minValue(0))),
  cell: v.exactOptional(v.string()),
});

const instance = v.strictObject({
  host: v.string(),
  /** Nova's vm_state. */
  state: v.exactOptional(v.string(), 'active'),
  task_state: v.exactOptional(v.string()),
  locked: toggle,
  metadata: v.exactOptional(v.record(v.string(), v.string()), {}),
  project: v.exactOptional(v.string()),
});

const cloudSchema = v.strictObject({
  /** Seed of the random numbers of the cloud. */
  seed: v.exactOptional(v.pipe(v.number(), v.integer(), v.minValue(0)), 1),
  behaviour: v.exactOptional(behaviourSchema, {}),
  hosts: v.record(v.string(), v.nullable(host)),
  aggregates: v.exactOptional(v.record(v.string(), v.array(v.string())), {}),
  instances: v.exactOptional(v.record(v.string(), instance), {}),
});

export type CloudFile = v.InferOutput<typeof cloudSchema>;

/** Throws `ScenarioError`. */
export function cloudOf(part: YamlPart): CloudFile {
  const { hosts, aggregates, instances, ...rest } = checked(part, cloudSchema);
  const cloud = { ...rest, hosts: named(hosts), aggregates: members(aggregates), instances: placed(instances) };
  const requireHost = (name: string, path: string): void => {
    if (Object.hasOwn(cloud.hosts, name)) return;
    throw new ScenarioError(part.file, joined(part.path, path), `there is no host ${name}`);
  };
  for (const [name, { host: place }] of Object.entries(cloud.instances)) requireHost(place, `instances.${name}.host`);
  for (const [name, of] of Object.entries(cloud.aggregates)) {
    for (const one of of) requireHost(one, `aggregates.${name}`);
  }
  return cloud;
}

function named<T>(entries: Readonly<Record<string, T>>): Record<string, T> {
  return Object.fromEntries(
    Object.entries(entries).flatMap(([pattern, value]) => namesOf(pattern).map((name) => [name, value])),
  );
}

function members(aggregates: CloudFile['aggregates']): CloudFile['aggregates'] {
  return Object.fromEntries(Object.entries(aggregates).map(([name, hosts]) => [name, hosts.flatMap(namesOf)]));
}

/** The instances of a pattern are on the hosts of a pattern in turn. */
function placed(instances: CloudFile['instances']): CloudFile['instances'] {
  return Object.fromEntries(
    Object.entries(instances).flatMap(([pattern, settings]) => {
      const hosts = namesOf(settings.host);
      return namesOf(pattern).map((name, index) => [
        name,
        { ...settings, host: hosts[index % hosts.length] ?? settings.host },
      ]);
    }),
  );
}

/** Nova's power state of an instance that is neither running nor shut down. */
export const POWER: Readonly<Record<string, number>> = {
  active: POWER_STATE.RUNNING,
  resized: POWER_STATE.RUNNING,
  paused: POWER_STATE.PAUSED,
  suspended: POWER_STATE.SUSPENDED,
};

/** @returns the uuids of the instances by their names */
export function fill(world: World, { hosts, aggregates, instances }: CloudFile): ReadonlyMap<string, string> {
  for (const [name, settings] of Object.entries(hosts)) {
    const { capacity, status, disabled_reason, cell } = settings ?? {};
    world.addHost(name, capacity, {
      ...(status ? { status } : {}),
      ...(disabled_reason ? { disabledReason: disabled_reason } : {}),
      ...(cell ? { cell } : {}),
    });
  }
  for (const [name, members] of Object.entries(aggregates)) world.addAggregate(name, members);
  const uuids = new Map<string, string>();
  for (const [name, { host: place, state, task_state, locked, metadata, project }] of Object.entries(instances)) {
    // In the order of the file, so that a decision by uuid is one by the order of the file.
    const uuid = `00000000-0000-4000-8000-${String(uuids.size + 1).padStart(12, '0')}`;
    world.addInstance(place, {
      uuid,
      name,
      vmState: state,
      taskState: task_state ?? null,
      powerState: POWER[state] ?? POWER_STATE.SHUTDOWN,
      locked: locked ?? false,
      metadata,
      ...(project ? { projectId: project } : {}),
    });
    uuids.set(name, uuid);
  }
  return uuids;
}
