import { describe, expect, it } from 'vitest';
import type { Instance } from '#engine/cloud/cloud.ts';
import { RecoveryWorld } from '#test/world/recovery-world.ts';

/** Masakari's table: what an instance was, and what it must be after it was moved. */
const STATES: readonly [name: string, before: Partial<Instance>, after: string][] = [
  ['active', { vmState: 'active' }, 'active'],
  ['active with a task', { vmState: 'active', taskState: 'rebooting' }, 'active'],
  ['stopped', { vmState: 'stopped' }, 'stopped'],
  ['stopped with a task', { vmState: 'stopped', taskState: 'powering-on' }, 'stopped'],
  ['error', { vmState: 'error' }, 'error'],
  ['error with a task', { vmState: 'error', taskState: 'spawning' }, 'error'],
  ['resized and powered on', { vmState: 'resized', powerState: 1 }, 'active'],
  ['resized and powered off', { vmState: 'resized', powerState: 4 }, 'stopped'],
  ['paused', { vmState: 'paused', powerState: 3 }, 'stopped'],
  ['rescued', { vmState: 'rescued', powerState: 1 }, 'stopped'],
  ['suspended', { vmState: 'suspended', powerState: 4 }, 'stopped'],
  ['shelved', { vmState: 'shelved', powerState: 4 }, 'stopped'],
  ['locked by its user', { vmState: 'active', locked: true }, 'active'],
];

describe('an instance of a failed host', () => {
  it.each(STATES)('that was %s is moved once and ends as it should', async (_, before, after) => {
    await using here = new RecoveryWorld();
    for (const host of ['c1', 'c2']) here.world.addHost(host);
    const { uuid } = here.world.addInstance('c1', before);
    await here.start();
    const view = await here.until(await here.hostFails('c1'));
    expect(view.notification.status).toBe('finished');
    expect(here.world.instances.get(uuid)).toMatchObject({
      host: 'c2',
      vmState: after,
      taskState: null,
      locked: before.locked ?? false,
    });
    expect(here.world.counts.accepted).toEqual({ [uuid]: 1 });
    expect(view.flows.at(-1)?.instances).toEqual([
      expect.objectContaining({
        instance_uuid: uuid,
        from: 'c1',
        to: 'c2',
        state: 'moved',
        original_state: before.vmState,
      }),
    ]);
  });

  it.each(['soft-delete', 'deleted'])('that is %s is not changed', async (vmState) => {
    await using here = new RecoveryWorld();
    for (const host of ['c1', 'c2']) here.world.addHost(host);
    const { uuid } = here.world.addInstance('c1', { vmState });
    here.world.addInstance('c1');
    await here.start();
    const view = await here.until(await here.hostFails('c1'));
    expect(view.notification.status).toBe('finished');
    expect(here.world.instances.get(uuid)).toMatchObject({ host: 'c1', vmState });
  });

  it('that its user deletes meanwhile fails nothing', async () => {
    await using here = new RecoveryWorld({ behaviour: { rebuildMs: [5000, 5000] } });
    for (const host of ['c1', 'c2']) here.world.addHost(host);
    const { uuid } = here.world.addInstance('c1');
    here.world.addInstance('c1');
    await here.start();
    const notification = await here.hostFails('c1');
    await here.clock.run(here.clock.sleep(2000));
    here.world.delete(uuid);
    const view = await here.until(notification);
    expect(view.notification.status).toBe('finished');
    expect(view.flows[0]?.instances.map(({ state }) => state).sort()).toEqual(['deleted', 'moved']);
  });

  it('that has left the host of which its failure was reported is not touched', async () => {
    await using here = new RecoveryWorld({ configuration: '[instance_failure]\nprocess_all_instances = true\n' });
    for (const host of ['c1', 'c2']) here.world.addHost(host);
    const { uuid } = here.world.addInstance('c2');
    await here.start();
    const payload = { event: 'LIFECYCLE', vir_domain_event: 'STOPPED_FAILED', instance_uuid: uuid };
    const reports = ['c1', 'c2.example.org'].map((hostname) => here.notify({ type: 'VM', hostname, payload }));
    const [left, stayed] = await Promise.all((await Promise.all(reports)).map((id) => here.until(id)));
    expect(left?.notification).toMatchObject({
      status: 'ignored',
      message: `Recovery of instance '${uuid}' is ignored as it is on host 'c2' and failed on 'c1'.`,
    });
    expect(stayed?.notification.status).toBe('finished');
  });

  it('with HA_Enabled goes before the others', async () => {
    await using here = new RecoveryWorld({ configuration: '[host_failure]\nmax_evacuations_in_flight = 1\n' });
    for (const host of ['c1', 'c2']) here.world.addHost(host);
    for (let n = 0; n < 6; n += 1) here.world.addInstance('c1', n % 2 ? { metadata: { HA_Enabled: 'yes' } } : {});
    await here.start();
    await here.until(await here.hostFails('c1'));
    const order = here.world.evacuations.map(({ instanceUuid }) => here.world.instances.get(instanceUuid)?.metadata);
    expect(order.map((metadata) => metadata?.HA_Enabled ?? 'no')).toEqual(['yes', 'yes', 'yes', 'no', 'no', 'no']);
  });

  it('is one of 1,500: all are moved', async () => {
    await using here = new RecoveryWorld({
      configuration: '[host_failure]\nmax_evacuations_in_flight = 500\n[DEFAULT]\nhost_failure_recovery_threads = 50\n',
    });
    for (const host of ['c1', 'c2', 'c3']) here.world.addHost(host, 5000);
    for (let n = 0; n < 1500; n += 1) here.world.addInstance('c1');
    await here.start();
    const view = await here.until(await here.hostFails('c1'));
    expect(view.notification.status).toBe('finished');
    expect(Object.values(here.world.counts.accepted)).toEqual(Array(1500).fill(1));
  });
});
