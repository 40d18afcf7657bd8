import { describe, expect, test } from 'vitest';
import { RequestRefused } from '#engine/service/request-refused.ts';
import type { Caller } from '#protocol/caller.ts';
import { LOCAL_ORIGIN, type Origin } from '#protocol/origin.ts';
import { RecoveryWorld } from '#test/world/recovery-world.ts';

const C7: Caller = { identity: 'c7', host: null, roles: ['host'], address: '10.0.0.7' };
const ANNA: Origin = {
  ...LOCAL_ORIGIN,
  user: { uid: 1000, user: 'anna', sudo_uid: null, sudo_user: null },
  reason: 'rack 7 has no power',
};
const SEGMENT = '[failover_segment one]\nhosts = c1, c2\nreserved_hosts = r1\n';

async function world(): Promise<RecoveryWorld> {
  const here = new RecoveryWorld({ configuration: SEGMENT });
  for (const host of ['c1', 'c2', 'r1']) here.world.addHost(host);
  await here.start();
  return here;
}

async function audited(here: RecoveryWorld, action: string) {
  return (await here.engine.reads.listAudit({ limit: 1_000 })).filter((entry) => entry.action === action);
}

describe('a command', () => {
  test('is in the audit by the commit of its change', async () => {
    await using here = await world();
    const before = await here.commits();
    await here.clock.run(here.engine.operator.setReserved('r1', 1, ANNA));
    expect((await here.commits()) - before).toBe(1);
    expect(await audited(here, 'host')).toMatchObject([
      { kind: 'command', user: 'anna', object: 'r1', message: 'reserved', reason: 'rack 7 has no power' },
    ]);
  });

  test.each(['rollback', 'restart'] as const)('%s is in the audit of its recovery', async (way) => {
    await using here = await world();
    here.world.addInstance('c1', { vmState: 'active' });
    here.world.behaviour = { ...here.world.behaviour, rebuildMs: [600_000, 600_000] };
    const uuid = await here.hostFails('c1');
    await here.until(uuid, 'running');
    await here.clock.run(here.clock.sleep(5_000));
    await here.clock.run(here.engine.operator.turn(uuid, way, ANNA));
    const { audit } = await here.engine.reads.show(uuid);
    expect(audit.map(({ kind, action, object, user }) => [kind, action, object, user])).toEqual([
      ['report', 'notify', 'c1', null],
      ['command', way, 'c1', 'anna'],
    ]);
  });

  test('that is refused leaves nothing but what its caller records', async () => {
    await using here = await world();
    await expect(here.engine.operator.setReserved('r9', 1, ANNA)).rejects.toThrow(RequestRefused);
    expect(await here.engine.reads.listAudit({ limit: 10 })).toEqual([]);
  });
});

describe('a flood of refusals', () => {
  const MINUTES = 10;

  async function commitsIn(refusalsPerSecond: number) {
    await using here = await world();
    const before = await here.commits();
    for (let second = 0; second < MINUTES * 60; second += 1) {
      for (let n = 0; n < refusalsPerSecond; n += 1) {
        here.engine.audit.refused(C7, { action: 'notify', object: 'c1', reason: 'c7 may not report c1' });
      }
      await here.clock.run(here.clock.sleep(1_000));
    }
    const commits = (await here.commits()) - before;
    const lines = here.logged.filter((line) => line.includes('audit: notify refused'));
    return { commits, entries: await audited(here, 'notify'), lines };
  }

  test('costs an entry and two lines a minute, in commits that renew the lease anyway', async () => {
    const quiet = await commitsIn(0);
    const flood = await commitsIn(50);
    expect(flood.commits).toBeLessThanOrEqual(quiet.commits + 1);
    expect(flood.entries.length).toBeGreaterThanOrEqual(MINUTES - 1);
    expect(flood.entries.length).toBeLessThanOrEqual(MINUTES + 1);
    expect(flood.lines.length).toBeLessThanOrEqual(2 * (MINUTES + 1));
    const counted = flood.entries.reduce((sum, { times }) => sum + times, 0);
    expect(counted).toBeGreaterThan(50 * 60 * (MINUTES - 1.5));
  });
});

test('refusals of the last minute are written when the engine stops, and the next one shows them', async () => {
  await using here = await world();
  here.engine.audit.refused(C7, { action: 'blind', reason: 'c7 is no watcher' });
  await here.clock.run(here.engine.stop());
  await here.start('n2');
  expect(await audited(here, 'blind')).toMatchObject([
    { kind: 'refusal', identity: 'c7', address: '10.0.0.7', times: 1 },
  ]);
});
