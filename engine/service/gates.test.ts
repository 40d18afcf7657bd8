/** Gates in the real order of calls: reports, the queue, operator commands, a hand-over; on a simulated cloud. */
import { describe, expect, it } from 'vitest';
import { LOCAL_ORIGIN as LOCAL } from '#protocol/origin.ts';
import { RecoveryWorld } from '#test/world/recovery-world.ts';

const HOSTS = ['c1', 'c2', 'c3', 'c4'];

async function worldOf(configuration = ''): Promise<RecoveryWorld> {
  const here = new RecoveryWorld({ configuration });
  for (const host of HOSTS) here.world.addHost(host);
  here.world.addHost('spare');
  for (const host of HOSTS) here.world.addInstance(host);
  await here.start('n1');
  return here;
}

const seconds = (here: RecoveryWorld, count: number): Promise<void> =>
  here.clock.run(here.clock.sleep(count * 1_000)) as Promise<void>;

const reasonOf = async (here: RecoveryWorld, uuid: string): Promise<string | null> =>
  (await here.clock.run(here.engine.reads.show(uuid))).notification.parked_reason;

describe('a pause', () => {
  it('holds what is reported, is shown, survives a hand-over, and its end starts what waited, once', async () => {
    await using here = await worldOf();
    await here.clock.run(here.engine.operator.pause(null, { ...LOCAL, reason: 'switch work' }));
    const uuid = await here.hostFails('c1');
    await seconds(here, 60);
    expect(await reasonOf(here, uuid)).toMatch(/^Held by gate pause: recoveries are paused by .*\(switch work\)/);
    expect(here.world.counts.accepted).toEqual({});
    await here.clock.run(here.engine.stop());
    await here.start('n2');
    await seconds(here, 60);
    expect((await here.clock.run(here.engine.reads.status())).pause).toMatchObject({
      reason: 'switch work',
      seconds_left: null,
    });
    expect(here.world.counts.accepted).toEqual({});
    await here.clock.run(here.engine.operator.unpause());
    expect((await here.until(uuid)).notification).toMatchObject({ status: 'finished', parked_reason: null });
    expect(Object.values(here.world.counts.accepted)).toEqual([1]);
    await expect(here.clock.run(here.engine.operator.unpause())).rejects.toThrow('recoveries are not paused');
  });

  it('with a length ends by itself, although the wall clock jumps', async () => {
    await using here = await worldOf('[engine]\nbeat_interval = 1\nlease_timeout = 3\n');
    await here.clock.run(here.engine.operator.pause(600_000));
    const uuid = await here.hostFails('c1');
    here.skewMs = 86_400_000;
    await seconds(here, 540);
    expect(await reasonOf(here, uuid)).toContain('Held by gate pause');
    expect((await here.until(uuid)).notification.status).toBe('finished');
  });

  it('with a length counts from its command on, not from the lease renewal before it', async () => {
    await using here = await worldOf('[engine]\nbeat_interval = 600\nlease_timeout = 1800\n');
    await here.clock.run(here.journal.beat());
    await seconds(here, 500);
    await here.clock.run(here.engine.operator.pause(300_000));
    const uuid = await here.hostFails('c1');
    await seconds(here, 200);
    expect(await reasonOf(here, uuid)).toContain('Held by gate pause');
    expect((await here.until(uuid)).notification.status).toBe('finished');
  });

  it('lets a recovery that runs finish, and holds its retry', async () => {
    await using here = await worldOf();
    const running = await here.hostFails('c1');
    await here.until(running, 'running');
    await here.clock.run(here.engine.operator.pause(null));
    expect((await here.until(running)).notification.status).toBe('finished');
  });

  it('holds a recovery that an operator approved, until it ends', async () => {
    await using here = await worldOf();
    await here.clock.run(here.engine.operator.pause(null));
    const uuid = await here.hostFails('c1');
    await seconds(here, 5);
    await here.clock.run(here.engine.operator.approve(uuid));
    await seconds(here, 60);
    expect(await reasonOf(here, uuid)).toContain('Held by gate pause');
  });
});

describe('the share of failed hosts', () => {
  it('holds the host that exceeds it; approved, it is recovered, and the audit has the approval', async () => {
    await using here = await worldOf();
    const finished = [await here.hostFails('c1'), await here.hostFails('c2')];
    for (const uuid of finished) expect((await here.until(uuid)).notification.status).toBe('finished');
    // Two are forced down in Nova by now.
    const third = await here.hostFails('c3');
    await seconds(here, 120);
    expect(await reasonOf(here, third)).toContain('3 of 5 hosts are down, and [gates] max_failed_hosts_percent is 50');
    await here.clock.run(here.engine.operator.approve(third, { ...LOCAL, reason: 'the rack lost power' }));
    const { notification, audit } = await here.until(third);
    expect(notification.status).toBe('finished');
    expect(audit).toContainEqual(expect.objectContaining({ action: 'approve', reason: 'the rack lost power' }));
    await expect(here.clock.run(here.engine.operator.approve(third))).rejects.toThrow('there is nothing to approve');
  });

  it('is measured again: when hosts have returned, what waited is recovered', async () => {
    await using here = await worldOf('[gates]\nmin_failed_hosts = 1\nmax_failed_hosts_percent = 20\n');
    const [first, second] = [await here.hostFails('c1'), await here.hostFails('c2')];
    await here.until(first);
    await seconds(here, 60);
    expect(await reasonOf(here, second)).toContain('2 of 5 hosts are down');
    here.world.comeBack('c1');
    const service = here.world.hosts.get('c1');
    if (service) service.forcedDown = false;
    expect((await here.until(second)).notification.status).toBe('finished');
  });

  it('keeps what waited while Nova does not respond', async () => {
    await using here = await worldOf('[gates]\nmin_failed_hosts = 1\nmax_failed_hosts_percent = 1\n');
    const held = await here.hostFails('c1');
    await seconds(here, 10);
    here.world.behaviour = { ...here.world.behaviour, isAway: true };
    await seconds(here, 300);
    expect(await reasonOf(here, held)).toContain('Held by gate failed-hosts');
  });

  it('closes what waited without any action when its host has come back', async () => {
    await using here = await worldOf('[gates]\nmin_failed_hosts = 1\nmax_failed_hosts_percent = 1\n');
    const held = await here.hostFails('c1');
    await seconds(here, 10);
    expect(await reasonOf(here, held)).toContain('Held by gate failed-hosts');
    await here.hostReturns('c1');
    expect((await here.until(held)).notification).toMatchObject({
      status: 'ignored',
      message: expect.stringContaining('c1'),
    });
    expect(here.world.counts.accepted).toEqual({});
  });
});

it('the rate of hosts delays a further host until the interval has passed, also in the next engine', async () => {
  await using here = await worldOf('[gates]\nmax_hosts = 1\nmax_hosts_interval = 600\n');
  const first = await here.hostFails('c1');
  await here.until(first);
  await here.clock.run(here.engine.stop());
  await here.start('n2');
  const from = here.clock.now();
  const second = await here.hostFails('c2');
  await seconds(here, 30);
  expect(await reasonOf(here, second)).toContain('recoveries of 1 hosts started within 600 s');
  expect((await here.until(second)).notification.status).toBe('finished');
  expect(here.clock.now() - from).toBeGreaterThan(500_000);
});

it('the rate of hosts holds all but the allowed ones of hosts that fail together', async () => {
  await using here = await worldOf(
    '[gates]\nmax_hosts = 2\nmax_hosts_interval = 600\nmax_failed_hosts_percent = 100\n',
  );
  await here.clock.run(here.engine.operator.pause(null));
  const failed: string[] = [];
  for (const host of HOSTS) failed.push(await here.hostFails(host));
  await seconds(here, 5);
  await here.clock.run(here.engine.operator.unpause());
  for (const uuid of failed.slice(0, 2)) expect((await here.until(uuid)).notification.status).toBe('finished');
  const reasons: (string | null)[] = [];
  for (const uuid of failed) reasons.push(await reasonOf(here, uuid));
  const held = expect.stringMatching(/^Held by gate host-rate: recoveries of 2 hosts started within 600 s/);
  expect(reasons).toEqual([null, null, held, held]);
});

it('many failed instances of one host wait for an operator, and those of another host do not', async () => {
  await using here = await worldOf(
    '[gates]\nmax_instances_of_host = 2\n[instance_failure]\nprocess_all_instances = true\n[engine]\nmax_concurrent_recoveries = 1\n',
  );
  const instances = [here.world.addInstance('c1'), here.world.addInstance('c1'), here.world.addInstance('c1')];
  await here.clock.run(here.engine.operator.pause(null));
  const crash = (hostname: string, instance_uuid: string): Promise<string> =>
    here.notify({
      type: 'VM',
      hostname,
      payload: { event: 'LIFECYCLE', vir_domain_event: 'STOPPED_FAILED', instance_uuid },
    });
  const held: string[] = [];
  for (const { uuid } of instances) held.push(await crash('c1', uuid));
  const other = await crash('c4', here.world.addInstance('c4').uuid);
  await here.clock.run(here.engine.operator.unpause());
  expect((await here.until(other)).notification.status).toBe('finished');
  await seconds(here, 60);
  for (const uuid of held) expect(await reasonOf(here, uuid)).toContain('more than 2 instances of host');
  await here.clock.run(here.engine.operator.approve(held[0] ?? ''));
  // The other two are no more than allowed now.
  for (const uuid of held) expect((await here.until(uuid)).notification.status).toBe('finished');
});

describe('a host in maintenance', () => {
  it('is not recovered until the maintenance ends, in the next engine neither; `status` has who and why', async () => {
    await using here = await worldOf();
    await here.clock.run(here.engine.operator.setMaintenance('c1', 'on', { ...LOCAL, reason: 'new memory' }));
    const uuid = await here.hostFails('c1');
    const other = await here.hostFails('c2');
    expect((await here.until(other)).notification.status).toBe('finished');
    await here.clock.run(here.engine.stop());
    await here.start('n2');
    await seconds(here, 60);
    expect(await reasonOf(here, uuid)).toContain("Held by gate maintenance: host 'c1' is in maintenance by");
    const { maintenance } = await here.clock.run(here.engine.reads.status());
    expect(maintenance).toMatchObject([{ host: 'c1', reason: 'new memory' }]);
    await here.clock.run(here.engine.operator.setMaintenance('c1', 'off'));
    expect((await here.until(uuid)).notification.status).toBe('finished');
    await expect(here.clock.run(here.engine.operator.setMaintenance('c1', 'off'))).rejects.toThrow(
      "host 'c1' is not in maintenance",
    );
  });

  it('that is back before the end is not recovered, and failures of its instances are ignored', async () => {
    await using here = await worldOf();
    await here.clock.run(here.engine.operator.setMaintenance('c1', 'on'));
    const uuid = await here.hostFails('c1');
    const instance_uuid = here.world.addInstance('c1').uuid;
    const payload = { event: 'LIFECYCLE', vir_domain_event: 'STOPPED_FAILED', instance_uuid } as const;
    const crash = await here.notify({ type: 'VM', hostname: 'c1', payload });
    expect((await here.until(crash)).notification).toMatchObject({
      status: 'ignored',
      message: "Host 'c1' is in maintenance.",
    });
    await here.hostReturns('c1');
    expect((await here.until(uuid)).notification.status).toBe('ignored');
    expect(here.world.counts.accepted).toEqual({});
  });

  it('must be one that Nova has', async () => {
    await using here = await worldOf();
    await here.until(await here.hostFails('c1'));
    await expect(here.clock.run(here.engine.operator.setMaintenance('c9', 'on'))).rejects.toThrow(
      "Nova has no nova-compute service on a host 'c9'",
    );
  });
});

it('without a scheduler no host is recovered; when one reports again, what waited is', async () => {
  await using here = await worldOf();
  const calm = here.world.behaviour;
  here.world.behaviour = { ...calm, deadServices: ['nova-scheduler'] };
  const uuid = await here.hostFails('c1');
  await seconds(here, 60);
  expect(await reasonOf(here, uuid)).toContain('Held by gate control-services: no nova-scheduler reports to Nova');
  expect(here.world.counts.accepted).toEqual({});
  here.world.behaviour = calm;
  expect((await here.until(uuid)).notification.status).toBe('finished');
});

it('the failure of a host of a disabled segment is held', async () => {
  await using here = await worldOf('[failover_segment rack-1]\nenabled = false\nhosts = c1\n');
  const uuid = await here.hostFails('c1');
  await seconds(here, 60);
  expect(await reasonOf(here, uuid)).toContain('Held by gate disabled-segment: segment rack-1 is disabled');
  expect(here.world.counts.accepted).toEqual({});
});

it('a Nova that responds slower than its list of hosts may be old keeps no recovery from its start', async () => {
  await using here = await worldOf();
  here.world.behaviour = { ...here.world.behaviour, responseMs: 3_000 };
  const uuid = await here.hostFails('c1');
  expect((await here.until(uuid)).notification.status).toBe('finished');
});

it('an engine that takes over releases no held recovery before it decides by the list of hosts', async () => {
  await using here = await worldOf('[gates]\nmin_failed_hosts = 1\nmax_failed_hosts_percent = 1\n');
  const held: string[] = [];
  // So many that the list of hosts arrives while the engine decides about them.
  for (let host = 1; host <= 40; host += 1) {
    here.world.addHost(`many-${host}`);
    held.push(await here.hostFails(`many-${host}`));
  }
  await seconds(here, 5);
  here.life.kill();
  here.logged.length = 0;
  await here.start('n2');
  await seconds(here, 120);
  for (const uuid of held) expect(await reasonOf(here, uuid)).toContain('Held by gate failed-hosts');
  expect(here.logged.filter((line) => line.includes('no longer parked'))).toEqual([]);
  expect(here.world.counts.accepted).toEqual({});
});
