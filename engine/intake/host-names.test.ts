import { describe, expect, it } from 'vitest';
import { RecoveryWorld, type WorldSettings } from '#test/world/recovery-world.ts';

/** Nova has full names, and two hosts of the same short name. */
async function cloud(configuration: string, settings: WorldSettings = {}): Promise<RecoveryWorld> {
  const here = new RecoveryWorld({ ...settings, configuration });
  for (const host of ['c1.local', 'c2.local', 'twin.a', 'twin.b']) here.world.addHost(host);
  here.world.addHost('r1.local', 10, { status: 'disabled', disabledReason: 'reserved' });
  for (const host of ['c1.local', 'c1.local', 'twin.a', 'twin.b']) here.world.addInstance(host);
  await here.start();
  return here;
}

const SEGMENT = '[failover_segment rack1]\nhosts = c1, c2\n';

function report(here: RecoveryWorld, hostname: string, event = 'STOPPED'): Promise<string> {
  return here.notify({
    type: 'COMPUTE_HOST',
    hostname,
    payload: { event, cluster_status: event === 'STOPPED' ? 'OFFLINE' : 'ONLINE', host_status: 'NORMAL' },
  });
}

function hosts(here: RecoveryWorld): (string | null)[] {
  return [...here.world.instances.values()].map(({ host }) => host);
}

describe('a host that Nova has by its full name', () => {
  it.each(['c1', 'C1', 'c1.local'])(
    'is recovered when the segment has the short one, and the report %s',
    async (name) => {
      await using here = await cloud(SEGMENT);
      here.world.kill('c1.local');
      const view = await here.until(await report(here, name));
      expect(view.notification.status).toBe('finished');
      expect(hosts(here)).not.toContain('c1.local');
      expect(here.logged.join('\n')).toContain('segment rack1 has c1, Nova has c1.local');
    },
  );

  it('is recovered without segments', async () => {
    await using here = await cloud('');
    here.world.kill('c1.local');
    const view = await here.until(await report(here, 'c1'));
    expect(view.notification.status).toBe('finished');
    expect(hosts(here)).not.toContain('c1.local');
  });

  it('has one recovery for reports by both names, also when neither was known as they came', async () => {
    await using here = await cloud('');
    here.world.kill('c1.local');
    const uuids = [await report(here, 'c1'), await report(here, 'c1.local')];
    const views = [];
    for (const uuid of uuids) views.push(await here.until(uuid));
    const evacuated = here.world.evacuations.filter(({ sourceHost }) => sourceHost === 'c1.local');
    expect(evacuated).toHaveLength(2);
    expect(hosts(here)).not.toContain('c1.local');
  });

  it('waits for a Nova that is away when it fails', async () => {
    await using here = await cloud(SEGMENT, { behaviour: { isAway: true } });
    here.world.kill('c1.local');
    const uuid = await report(here, 'c1');
    await here.clock.run(here.clock.sleep(600_000));
    here.world.behaviour = { ...here.world.behaviour, isAway: false };
    const view = await here.until(uuid);
    expect(view.notification).toMatchObject({ status: 'finished', hostname: 'c1.local' });
    expect(hosts(here)).not.toContain('c1.local');
  });

  it('is journaled under that name, so that the next recovery finds what the one before requested', async () => {
    await using here = await cloud('', { behaviour: { lateEvacuations: 1, lateMs: [7_200_000, 7_200_000] } });
    here.world.kill('c1.local');
    const first = await report(here, 'c1');
    await here.clock.run(here.clock.sleep(60_000));
    const [row] = await here.journal.query('list', { limit: 1 });
    expect(row).toMatchObject({ uuid: first, host: 'c1.local', target: 'host:c1.local' });
    const open = await here.journal.query('openEvacuations', { atomId: 0, host: 'c1.local' });
    expect(open).toHaveLength(2);
  });

  it('is used as a reserved host that the segment has by the short name, once', async () => {
    const segment = '[failover_segment rack1]\nhosts = c1, c2\nreserved_hosts = r1\nrecovery_method = reserved_host\n';
    await using here = await cloud(segment);
    here.world.kill('c1.local');
    const view = await here.until(await report(here, 'c1'));
    expect(view.notification.status).toBe('finished');
    expect(hosts(here).filter((host) => host === 'r1.local')).toHaveLength(2);
    here.world.kill('c2.local');
    here.world.addInstance('c2.local');
    const next = await here.until(await report(here, 'c2'), 'error', 'failed', 'finished');
    expect(next.notification.status).not.toBe('finished');
    expect(hosts(here)).toContain('c2.local');
    await here.clock.run(here.engine.operator.setReserved('R1', 1));
    expect(await here.journal.query('hosts')).toMatchObject([{ name: 'r1.local', reserved: 1 }]);
  });
});

describe('a short name that two hosts have', () => {
  it('recovers neither of them, and names both', async () => {
    await using here = await cloud('');
    here.world.kill('twin.a');
    const view = await here.until(await report(here, 'twin'), 'error', 'failed');
    expect(view.notification.message).toContain("host 'twin' may be 'twin.a' or 'twin.b' in Nova");
    expect(hosts(here)).toEqual(['c1.local', 'c1.local', 'twin.a', 'twin.b']);
    expect(here.world.hosts.get('twin.b')).toMatchObject({ forcedDown: false, status: 'enabled' });
  });
});

describe('an operator who names a reserved host', () => {
  it('that no segment has is refused with those there are', async () => {
    await using here = await cloud(`${SEGMENT}reserved_hosts = r1\n`);
    await expect(here.engine.operator.setReserved('r2', 1)).rejects.toThrow(
      "no segment has a reserved host 'r2'; reserved hosts are: r1",
    );
  });
});
