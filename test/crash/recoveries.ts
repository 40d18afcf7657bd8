/** What is recovered in these tests, and how each thing must be in the end. */
import { expect } from 'vitest';
import type { Instance } from '#engine/cloud/cloud.ts';
import type { Call } from '#engine/cloud/simulated/server.ts';
import type { World } from '#engine/cloud/simulated/world.ts';

export const FAILED_HOST = 'compute-1';

/** Instances of a host in every state that is treated in its own way, and the state each must have on its new host. */
export const MIX: readonly { readonly count: number; readonly change: Partial<Instance>; readonly endsAs: string }[] = [
  { count: 1, change: {}, endsAs: 'active' },
  { count: 2, change: { metadata: { HA_Enabled: 'True' } }, endsAs: 'active' },
  { count: 1, change: { vmState: 'stopped' }, endsAs: 'stopped' },
  { count: 1, change: { vmState: 'paused', powerState: 3 }, endsAs: 'stopped' },
  { count: 1, change: { vmState: 'error' }, endsAs: 'error' },
  { count: 1, change: { taskState: 'rebooting' }, endsAs: 'active' },
];

/** Adds the mix to a host. Returns what each instance must be in the end, by its uuid. */
export function addMix(world: World, host: string): ReadonlyMap<string, string> {
  const endsAs = new Map<string, string>();
  for (const { count, change, endsAs: state } of MIX) {
    for (let n = 0; n < count; n += 1) endsAs.set(world.addInstance(host, change).uuid, state);
  }
  return endsAs;
}

export function hostFailure(host: string): object {
  const payload = { event: 'STOPPED', cluster_status: 'OFFLINE', host_status: 'NORMAL' };
  return { type: 'COMPUTE_HOST', hostname: host, generated_time: new Date().toISOString(), payload };
}

export function hostReturn(host: string): object {
  const payload = { event: 'STARTED', cluster_status: 'ONLINE', host_status: 'NORMAL' };
  return { type: 'COMPUTE_HOST', hostname: host, generated_time: new Date().toISOString(), payload };
}

export function processFailure(host: string): object {
  const payload = { event: 'STOPPED', process_name: 'nova-compute' };
  return { type: 'PROCESS', hostname: host, generated_time: new Date().toISOString(), payload };
}

export function instanceFailure(host: string, uuid: string): object {
  const payload = { event: 'LIFECYCLE', vir_domain_event: 'STOPPED_FAILED', instance_uuid: uuid };
  return { type: 'VM', hostname: host, generated_time: new Date().toISOString(), payload };
}

/** The instances are on other hosts in the expected states, each moved by one evacuation; the host is disabled. */
export function expectMoved(world: World, host: string, endsAs: ReadonlyMap<string, string>): void {
  const now = [...endsAs.keys()].map((uuid) => {
    const { host: where, vmState, taskState } = world.requireInstance(uuid);
    return {
      uuid,
      isMoved: where !== null && where !== host,
      vmState,
      taskState,
      accepted: world.counts.accepted[uuid],
    };
  });
  expect(now).toEqual(
    [...endsAs].map(([uuid, vmState]) => ({ uuid, isMoved: true, vmState, taskState: null, accepted: 1 })),
  );
  expect(world.counts.duplicates).toBe(0);
  expect(world.hosts.get(host)).toMatchObject({ status: 'disabled', forcedDown: true });
}

/** A kind of recovery: what fails, and what must be so afterwards. */
export interface Kind {
  readonly name: string;
  /** Lets something fail. */
  fail(world: World): { readonly notification: object; check(calls: readonly Call[]): void };
}

function answered(calls: readonly Call[], method: string): number {
  return calls.filter((call) => call.method === method && call.outcome === 'answered').length;
}

export const HOST: Kind = {
  name: 'host',
  fail(world) {
    for (const host of [FAILED_HOST, 'compute-2', 'compute-3']) world.addHost(host);
    const endsAs = addMix(world, FAILED_HOST);
    world.kill(FAILED_HOST);
    return { notification: hostFailure(FAILED_HOST), check: () => expectMoved(world, FAILED_HOST, endsAs) };
  },
};

export const INSTANCE: Kind = {
  name: 'instance',
  fail(world) {
    world.addHost('compute-1');
    const { uuid } = world.addInstance('compute-1', { metadata: { HA_Enabled: 'yes' } });
    return {
      notification: instanceFailure('compute-1', uuid),
      check: (calls) => {
        expect(world.requireInstance(uuid)).toMatchObject({ host: 'compute-1', vmState: 'active', taskState: null });
        expect([answered(calls, 'stop'), answered(calls, 'start'), answered(calls, 'evacuate')]).toEqual([1, 1, 0]);
      },
    };
  },
};

export const PROCESS: Kind = {
  name: 'process',
  fail(world) {
    world.addHost('compute-1');
    const { uuid } = world.addInstance('compute-1');
    return {
      notification: processFailure('compute-1'),
      check: (calls) => {
        expect(world.hosts.get('compute-1')).toMatchObject({ status: 'disabled', forcedDown: false });
        expect(world.requireInstance(uuid)).toMatchObject({ host: 'compute-1', vmState: 'active' });
        expect(answered(calls, 'evacuate')).toBe(0);
      },
    };
  },
};
