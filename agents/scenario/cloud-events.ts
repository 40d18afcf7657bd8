/** Events of a scenario that change the simulated cloud. They take effect at once. */
import type { World } from '#engine/cloud/simulated/world.ts';
import { CloudError } from '#openstack/cloud-error.ts';
import { POWER } from './cloud-file.ts';
import type { Happening, HostEvent, InstanceEvent, RefusalEvent } from './event-kinds.ts';
import { namesOf } from './name-pattern.ts';

/** @param instances uuids by name */
export function changeCloud(world: World, event: Happening, instances: ReadonlyMap<string, string>): void {
  const { power_off, power_on, cloud, behaviour, instance, host, refuse, permit, cell_down, cell_up } = event;
  // What is due before the change happens before it.
  world.catchUp();
  const objectOf = (name: string): string => instances.get(name) ?? name;
  for (const name of power_off ? namesOf(power_off) : []) world.kill(name);
  for (const name of power_on ? namesOf(power_on) : []) world.comeBack(name);
  if (behaviour) world.behaviour = { ...world.behaviour, ...behaviour };
  if (cloud) world.behaviour = { ...world.behaviour, isAway: cloud === 'away' };
  if (instance) changeInstance(world, objectOf(instance.name), instance);
  if (host) changeHost(world, host);
  if (refuse) world.refuse(refuse.call, objectOf(refuse.object), errorOf(refuse), refuse.times);
  if (permit) world.permit(permit.call, objectOf(permit.object));
  if (cell_down) world.cellDown(cell_down);
  if (cell_up) world.cellUp(cell_up);
}

function changeInstance(world: World, uuid: string, { state, task_state, locked, host }: InstanceEvent): void {
  if (state === 'deleted') {
    world.delete(uuid);
    return;
  }
  const power = state === undefined ? undefined : POWER[state];
  world.changeInstance(uuid, {
    ...(state === undefined ? {} : { vmState: state }),
    ...(power === undefined ? {} : { powerState: power }),
    ...(task_state === undefined ? {} : { taskState: task_state }),
    ...(locked === undefined ? {} : { locked }),
    ...(host === undefined ? {} : { host }),
  });
}

function changeHost(world: World, { name, status, disabled_reason, forced_down, capacity }: HostEvent): void {
  Object.assign(world.requireHost(name), {
    ...(status === undefined ? {} : { status, disabledReason: disabled_reason ?? null }),
    ...(forced_down === undefined ? {} : { forcedDown: forced_down }),
    ...(capacity === undefined ? {} : { capacity }),
    updatedAt: world.now(),
  });
}

function errorOf({ call, object, error, status }: RefusalEvent): CloudError {
  const details = status === undefined ? {} : { status };
  return new CloudError(error, `the simulated cloud refuses ${call} of ${object}`, details);
}
