import { describe, expect, it } from 'vitest';
import { RecoveryWorld } from '#test/world/recovery-world.ts';

async function threeHosts(settings: ConstructorParameters<typeof RecoveryWorld>[0] = {}): Promise<RecoveryWorld> {
  const here = new RecoveryWorld(settings);
  for (const host of ['c1', 'c2', 'c3']) here.world.addHost(host);
  await here.start();
  return here;
}

describe('a host recovery', () => {
  it.each([
    ['without proof', { host_status: 'UNKNOWN' }, 'ignored', /not proven dead: host_status is UNKNOWN/],
    ['that came back', { event: 'STARTED', cluster_status: 'ONLINE' }, 'finished', /came back/],
  ])('of a host %s does nothing', async (_, payload, status, message) => {
    await using here = await threeHosts();
    here.world.addInstance('c1');
    const view = await here.until(await here.hostFails('c1', payload));
    expect(view.notification.status).toBe(status);
    expect(view.notification.message).toMatch(message);
    expect(here.world.counts.accepted).toEqual({});
  });

  it('of a host without proof runs when an operator states that it is down', async () => {
    await using here = await threeHosts();
    here.world.addInstance('c1');
    const uuid = await here.hostFails('c1', { host_status: 'UNKNOWN' });
    await expect(here.clock.run(here.engine.operator.retry(uuid, 'none'))).rejects.toThrow(/not proven dead/);
    await here.clock.run(here.engine.operator.retry(uuid, 'operator'));
    expect((await here.until(uuid, 'finished')).notification.status).toBe('finished');
  });

  it('of a process in a disabled segment is ignored in the words of Masakari', async () => {
    await using here = await threeHosts({ configuration: '[failover_segment s]\nenabled = false\nhosts = c1\n' });
    const payload = { event: 'STOPPED', process_name: 'nova-compute' } as const;
    const view = await here.until(await here.notify({ type: 'PROCESS', hostname: 'c1', payload }));
    expect(view.notification).toMatchObject({
      status: 'ignored',
      message: 'Recovery aboart: the segment HA is disabled.',
    });
  });

  it('of a host in no segment is ignored with the reason', async () => {
    await using here = await threeHosts({ configuration: '[failover_segment s]\nhosts = c2\n' });
    const view = await here.until(await here.hostFails('c1'));
    expect(view.notification).toMatchObject({ status: 'ignored', message: "Host 'c1' is in no failover segment." });
  });

  it('of a host without instances is finished with that message', async () => {
    await using here = await threeHosts();
    const view = await here.until(await here.hostFails('c1'));
    expect(view.notification).toMatchObject({
      status: 'finished',
      message: "Skipped host 'c1' recovery as no instances needs to be evacuated",
    });
    expect(here.world.hosts.get('c1')).toMatchObject({ status: 'disabled', forcedDown: true });
  });

  it('of a host that Nova does not list waits as for an outage, since its cell may be down, and names it', async () => {
    await using here = await threeHosts({ configuration: '[engine]\noutage_patience = 60\n' });
    const uuid = await here.hostFails('c7');
    const view = await here.until(uuid, 'error');
    expect(view.notification.message).toContain("Nova has no nova-compute service on host 'c7'");
    here.world.addHost('c7');
    here.world.kill('c7');
    expect((await here.until(uuid)).notification).toMatchObject({ status: 'finished' });
  });

  it('waits out a cloud outage of minutes, and reports it', async () => {
    await using here = await threeHosts();
    for (let n = 0; n < 3; n += 1) here.world.addInstance('c1');
    const uuid = await here.hostFails('c1');
    await here.clock.run(here.clock.sleep(1500));
    here.world.behaviour = { ...here.world.behaviour, isAway: true };
    await here.clock.run(here.clock.sleep(240_000));
    here.world.behaviour = { ...here.world.behaviour, isAway: false };
    const view = await here.until(uuid);
    expect(view.notification.status).toBe('finished');
    expect(view.flows).toHaveLength(1);
    expect(view.flows[0]?.events.map(({ message }) => message).join()).toContain('The cloud does not respond');
    expect(Object.values(here.world.counts.accepted)).toEqual([1, 1, 1]);
  });

  it('is retried for hours while the cloud is unavailable, and never a dead letter for it', async () => {
    await using here = await threeHosts();
    here.world.addInstance('c1');
    here.world.behaviour = { ...here.world.behaviour, isAway: true };
    const uuid = await here.hostFails('c1');
    await here.clock.run(here.clock.sleep(3 * 3600_000));
    here.world.behaviour = { ...here.world.behaviour, isAway: false };
    const view = await here.until(uuid);
    expect(view.notification.status).toBe('finished');
    expect(view.flows.length).toBeGreaterThan(2);
  });

  it('has what is under way about instances of that host wait for its end', async () => {
    await using here = await threeHosts({ configuration: '[instance_failure]\nprocess_all_instances = true\n' });
    const { uuid: instance } = here.world.addInstance('c1');
    here.world.behaviour = { ...here.world.behaviour, powerMs: 3600_000 };
    const payload = { event: 'LIFECYCLE', vir_domain_event: 'STOPPED_FAILED', instance_uuid: instance };
    const first = await here.notify({ type: 'VM', hostname: 'c1', payload });
    await here.clock.run(here.clock.sleep(5_000));
    const host = await here.hostFails('c1');
    expect((await here.until(host)).notification.status).toBe('finished');
    // It was parked meanwhile, and closed with what was seen then.
    const parked = here.logged.filter((line) => line.includes('recovery parked') && line.includes(first));
    expect(parked.join()).toContain(`"by":"${host}"`);
    const view = await here.until(first);
    expect(view.notification).toMatchObject({
      status: 'ignored',
      message: expect.stringMatching(/it is on host 'c\d'/),
    });
    expect(view.flows.map(({ state }) => state)).toEqual(['ABANDONED', 'SUCCESS']);
  });

  it('is one of two hosts that fail together: both are recovered side by side', async () => {
    await using here = await threeHosts();
    for (const host of ['c1', 'c2']) for (let n = 0; n < 10; n += 1) here.world.addInstance(host);
    const first = await here.hostFails('c1');
    const second = await here.hostFails('c2');
    expect((await here.until(first)).notification.status).toBe('finished');
    expect((await here.until(second)).notification.status).toBe('finished');
    expect([...here.world.instances.values()].every(({ host }) => host === 'c3')).toBe(true);
    expect(here.world.counts.duplicates).toBe(0);
  });

  it('reported again while it runs is one recovery', async () => {
    await using here = await threeHosts();
    here.world.addInstance('c1');
    const first = await here.hostFails('c1');
    expect(await here.hostFails('c1')).toBe(first);
    await here.until(first);
    expect(await here.hostFails('c1')).toBe(first);
  });

  it('puts an instance back to what it was, though an earlier recovery had set it to error and failed', async () => {
    await using here = await threeHosts({ configuration: '[host_failure]\nevacuation_retries = 0\n' });
    const { uuid } = here.world.addInstance('c1', { vmState: 'suspended', powerState: 4 });
    const running = here.world.addInstance('c1', { vmState: 'active', taskState: 'rebooting' });
    here.world.behaviour = { ...here.world.behaviour, failedEvacuations: 1 };
    const first = await here.hostFails('c1');
    expect((await here.until(first)).notification.status).toBe('failed');
    expect(here.world.instances.get(uuid)?.vmState).toBe('error');
    here.world.behaviour = { ...here.world.behaviour, failedEvacuations: 0 };
    const second = await here.hostFails('c1');
    expect(second).not.toBe(first);
    expect((await here.until(second)).notification.status).toBe('finished');
    expect(here.world.instances.get(uuid)?.vmState).toBe('stopped');
    expect(here.world.instances.get(running.uuid)?.vmState).toBe('active');
  });

  it('that is resumed while a request of an earlier flow is in a queue of the cloud, waits for it', async () => {
    await using here = await threeHosts({
      behaviour: { rebuildMs: [4000, 4000], lateEvacuations: 1, lateMs: [8000, 8000] },
      configuration: '[evacuate_instances_task]\ntimeout = 5\n[host_failure]\nevacuation_queue_wait = 10\n',
    });
    for (let n = 0; n < 3; n += 1) here.world.addInstance('c1');
    const uuid = await here.hostFails('c1');
    await here.until(uuid, 'error');
    here.world.behaviour = { ...here.world.behaviour, lateEvacuations: 0 };
    await here.clock.run(here.engine.operator.retry(uuid, 'none'));
    for (let round = 0; round < 8; round += 1) {
      const { notification } = await here.until(uuid, 'finished', 'error', 'failed');
      if (notification.status === 'finished') break;
      await here.clock.run(here.engine.operator.retry(uuid, 'none'));
    }
    expect((await here.until(uuid)).notification.status).toBe('finished');
    expect(here.world.counts.duplicates).toBe(0);
    expect(Object.values(here.world.counts.accepted)).toEqual([1, 1, 1]);
  });
});

it('a round that an outage ended does not take the place of the one that may fail', async () => {
  await using here = new RecoveryWorld({ configuration: '[host_failure]\nevacuation_retries = 0' });
  for (const host of ['c1', 'c2']) here.world.addHost(host);
  here.world.addInstance('c1');
  here.world.behaviour = { ...here.world.behaviour, isAway: true, failedEvacuations: 1 };
  await here.start();
  const uuid = await here.hostFails('c1');
  await here.until(uuid, 'error');
  here.world.behaviour = { ...here.world.behaviour, isAway: false };
  await here.until(uuid, 'running');
  expect((await here.until(uuid, 'error', 'failed', 'finished')).notification.status).toBe('error');
});
