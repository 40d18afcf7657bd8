import { describe, expect, it } from 'vitest';
import { RecoveryWorld } from '#test/world/recovery-world.ts';

function segment(method: string, reserved: string): string {
  return `[failover_segment s]\nrecovery_method = ${method}\nhosts = c1, c2\nreserved_hosts = ${reserved}\n`;
}

/** c1 fails; c2 takes one instance; r1 and r2 stand by, disabled as reserved hosts are. */
async function cloud(configuration: string, capacity: { c2: number; r1: number; r2: number }): Promise<RecoveryWorld> {
  const here = new RecoveryWorld({
    configuration: `${configuration}[host_failure]\nadd_reserved_host_to_aggregate = true\nevacuation_retries = 0\n`,
  });
  here.world.addHost('c1');
  here.world.addHost('c2', capacity.c2);
  here.world.addHost('r1', capacity.r1, { status: 'disabled', disabledReason: 'reserved' });
  here.world.addHost('r2', capacity.r2, { status: 'disabled', disabledReason: 'reserved' });
  here.world.addAggregate('rack', ['c1', 'c2']);
  here.world.addAggregate('other', ['c2']);
  for (let n = 0; n < 4; n += 1) here.world.addInstance('c1');
  await here.start();
  return here;
}

function hosts(here: RecoveryWorld): string[] {
  return [...here.world.instances.values()].map(({ host }) => host ?? '').sort();
}

describe('the recovery method', () => {
  it('reserved_host enables the reserved host, adds it to the aggregates and moves everything there', async () => {
    await using here = await cloud(segment('reserved_host', 'r1, r2'), { c2: 0, r1: 10, r2: 10 });
    const view = await here.until(await here.hostFails('c1'));
    expect(view.notification.status).toBe('finished');
    expect(hosts(here)).toEqual(['r1', 'r1', 'r1', 'r1']);
    expect(here.world.hosts.get('r1')).toMatchObject({ status: 'enabled' });
    expect(here.world.hosts.get('r2')).toMatchObject({ status: 'disabled' });
    expect(here.world.aggregates.get('1')?.hosts).toContain('r1');
    expect(here.world.aggregates.get('2')?.hosts).not.toContain('r1');
    const texts = view.flows[0]?.events.map(({ message }) => message);
    expect(texts).toEqual(
      expect.arrayContaining([
        "Enabling reserved host: 'r1'",
        'Add host r1 to aggregate rack',
        'Added host r1 to aggregate rack',
      ]),
    );
  });

  it('reserved_host sends the instances of two hosts that fail at once to two reserved hosts', async () => {
    await using here = await cloud(segment('reserved_host', 'r1, r2'), { c2: 0, r1: 10, r2: 10 });
    here.world.addInstance('c2');
    for (const host of ['c1', 'c2']) here.world.kill(host);
    const uuids = await Promise.all([here.hostFails('c1'), here.hostFails('c2')]);
    for (const uuid of uuids) expect((await here.until(uuid)).notification.status).toBe('finished');
    expect(hosts(here)).toEqual(['r1', 'r1', 'r1', 'r1', 'r2']);
  });

  it('reserved_host gives no recovery up for an outage, though the other reserved host is in use', async () => {
    await using here = await cloud(segment('reserved_host', 'r1, r2'), { c2: 0, r1: 10, r2: 10 });
    here.world.addInstance('c2');
    here.world.behaviour = { ...here.world.behaviour, isAway: true };
    const first = await here.hostFails('c1');
    await here.clock.run(here.clock.sleep(60_000));
    const second = await here.hostFails('c2');
    await here.clock.run(here.clock.sleep(3 * 3600_000));
    here.world.behaviour = { ...here.world.behaviour, isAway: false };
    for (const uuid of [first, second]) expect((await here.until(uuid)).notification.status).toBe('finished');
    expect(hosts(here)).toEqual(['r1', 'r1', 'r1', 'r1', 'r2']);
  });

  it('reserved_host takes the next one for what the first could not hold', async () => {
    await using here = await cloud(segment('reserved_host', 'r1, r2'), { c2: 0, r1: 3, r2: 10 });
    const view = await here.until(await here.hostFails('c1'));
    expect(view.notification.status).toBe('finished');
    expect(hosts(here)).toEqual(['r1', 'r1', 'r1', 'r2']);
    expect(view.flows.map(({ reserved_host, state }) => [reserved_host, state])).toEqual([
      ['r1', 'FAILURE'],
      ['r2', 'SUCCESS'],
    ]);
  });

  it('reserved_host does not use a spent host again until an operator enables it', async () => {
    await using here = await cloud(segment('reserved_host', 'r1'), { c2: 0, r1: 10, r2: 0 });
    await here.until(await here.hostFails('c1'));
    here.world.addInstance('c2');
    const second = await here.hostFails('c2');
    const failed = await here.until(second, 'error');
    expect(failed.notification.message).toBe('No reserved_hosts available for evacuation.');
    await here.clock.run(here.engine.operator.setReserved('r1', 1));
    await here.clock.run(here.engine.operator.retry(second, 'none'));
    expect((await here.until(second)).notification.status).toBe('finished');
  });

  it('auto_priority falls back to the reserved host', async () => {
    await using here = await cloud(segment('auto_priority', 'r1'), { c2: 1, r1: 10, r2: 0 });
    const view = await here.until(await here.hostFails('c1'));
    expect(view.notification.status).toBe('finished');
    expect(hosts(here)).toEqual(['c2', 'r1', 'r1', 'r1']);
  });

  it('rh_priority falls back to the scheduler', async () => {
    await using here = await cloud(segment('rh_priority', 'r1'), { c2: 10, r1: 1, r2: 0 });
    const view = await here.until(await here.hostFails('c1'));
    expect(view.notification.status).toBe('finished');
    expect(hosts(here)).toEqual(['c2', 'c2', 'c2', 'r1']);
  });

  it('auto that fails is taken up again and ends finished when the rest moves then', async () => {
    await using here = await cloud(segment('auto', ''), { c2: 1, r1: 0, r2: 0 });
    const uuid = await here.hostFails('c1');
    const first = await here.until(uuid, 'error');
    expect(first.notification.message).toMatch(/Failed to evacuate instances/);
    here.world.addHost('c9', 10);
    const view = await here.until(uuid);
    expect(view.notification.status).toBe('finished');
    expect(hosts(here)).toEqual(['c2', 'c9', 'c9', 'c9']);
    expect([...here.world.instances.values()].every(({ vmState }) => vmState === 'active')).toBe(true);
  });

  it('auto that fails twice is failed, and an operator can retry it', async () => {
    await using here = await cloud(segment('auto', ''), { c2: 0, r1: 0, r2: 0 });
    const uuid = await here.hostFails('c1');
    expect((await here.until(uuid)).notification.status).toBe('failed');
    here.world.addHost('c9', 10);
    await here.clock.run(here.engine.operator.retry(uuid, 'none'));
    expect((await here.until(uuid)).notification.status).toBe('finished');
  });
});
