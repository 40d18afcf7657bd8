/** Operator commands that end a recovery or change its turn, at every moment of it; on a simulated cloud. */
import { describe, expect, it } from 'vitest';
import { LOCAL_ORIGIN as LOCAL } from '#protocol/origin.ts';
import { RecoveryWorld } from '#test/world/recovery-world.ts';

async function worldOf(configuration = ''): Promise<RecoveryWorld> {
  const here = new RecoveryWorld({ configuration });
  for (const host of ['c1', 'c2', 'c3', 'spare']) here.world.addHost(host);
  for (let count = 0; count < 6; count += 1) here.world.addInstance('c1');
  here.world.addInstance('c2');
  here.world.addInstance('c3');
  await here.start('n1');
  return here;
}

const WHY = { ...LOCAL, reason: 'wrong host' };
const CANCELLED = /^Cancelled by .* \(wrong host\)\..* "recovery-agent retry/;

describe('a cancelled recovery', () => {
  it('that has requested nothing ends ignored, with who and why, and requests nothing', async () => {
    await using here = await worldOf();
    await here.clock.run(here.engine.operator.pause(null));
    const uuid = await here.hostFails('c1');
    await here.clock.run(here.engine.operator.turn(uuid, 'cancel', WHY));
    await here.clock.run(here.engine.operator.unpause());
    const { notification, audit } = await here.until(uuid);
    expect(notification).toMatchObject({ status: 'ignored', message: expect.stringMatching(CANCELLED) });
    expect(audit).toContainEqual(expect.objectContaining({ action: 'cancel', reason: 'wrong host' }));
    await here.clock.run(here.clock.sleep(300_000));
    expect(here.world.counts.accepted).toEqual({});
    await expect(here.clock.run(here.engine.operator.turn(uuid, 'cancel'))).rejects.toThrow(
      'is ignored; there is nothing to cancel',
    );
  });

  it('in its middle requests nothing more, also in the next engine, and a retry moves the rest, each instance once', async () => {
    await using here = await worldOf('[host_failure]\nmax_evacuations_in_flight = 1\n');
    const uuid = await here.hostFails('c1');
    const reached = async (): Promise<void> => {
      while (Object.keys(here.world.counts.accepted).length < 2) await here.clock.sleep(100);
    };
    await here.clock.run(reached());
    await here.clock.run(here.engine.operator.turn(uuid, 'cancel', WHY));
    const { notification, flows } = await here.until(uuid);
    expect(notification).toMatchObject({ status: 'failed', message: expect.stringMatching(CANCELLED) });
    expect(notification.message).toContain('What Nova has accepted is completed by Nova.');
    expect(flows.map(({ state }) => state)).toEqual(['ABANDONED']);
    const requested = Object.keys(here.world.counts.accepted).length;
    await here.clock.run(here.engine.stop());
    await here.start('n2');
    await here.clock.run(here.clock.sleep(300_000));
    expect(Object.keys(here.world.counts.accepted)).toHaveLength(requested);
    await here.clock.run(here.engine.operator.retry(uuid, 'none'));
    expect((await here.until(uuid)).notification.status).toBe('finished');
    expect(Object.values(here.world.counts.accepted)).toEqual([1, 1, 1, 1, 1, 1]);
  });

  it('releases what waited behind it', async () => {
    await using here = await worldOf('[host_failure]\nmax_evacuations_in_flight = 1\n');
    const uuid = await here.hostFails('c1');
    await here.until(uuid, 'running');
    const payload = { event: 'STOPPED', process_name: 'nova-compute' } as const;
    const process = await here.notify({ type: 'PROCESS', hostname: 'c1', payload });
    await here.clock.run(here.engine.operator.turn(uuid, 'cancel'));
    expect((await here.until(process)).notification.status).not.toBe('new');
  });

  it('is refused while it rolls back', async () => {
    await using here = await worldOf('[host_failure]\nmax_evacuations_in_flight = 1\n');
    const uuid = await here.hostFails('c1');
    await here.until(uuid, 'running');
    await here.clock.run(here.engine.operator.turn(uuid, 'rollback'));
    const end = here.clock.run(here.engine.operator.turn(uuid, 'cancel'));
    await expect(end).rejects.toThrow(/rolling back|nothing to cancel/);
  });
});

describe('the priority of a recovery', () => {
  it('decides which of the waiting ones starts first', async () => {
    await using here = await worldOf(
      '[engine]\nmax_concurrent_recoveries = 1\n[gates]\nmax_failed_hosts_percent = 100\n',
    );
    await here.clock.run(here.engine.operator.pause(null));
    const uuids = [await here.hostFails('c1'), await here.hostFails('c2'), await here.hostFails('c3')];
    const [, , last = ''] = uuids;
    await here.clock.run(here.engine.operator.prioritize(last, 5, { ...LOCAL, reason: 'has the database' }));
    await here.clock.run(here.engine.operator.unpause());
    const started: number[] = [];
    for (const uuid of uuids) {
      const { flows } = await here.until(uuid);
      started.push(Date.parse(flows[0]?.started_at ?? ''));
    }
    expect(started[2]).toBeLessThan(started[0] ?? 0);
    expect(started[0]).toBeLessThan(started[1] ?? 0);
    await expect(here.clock.run(here.engine.operator.prioritize(last, 1))).rejects.toThrow('it waits for nothing');
  });
});

describe('a skipped instance', () => {
  it('stays where it is in a running recovery, which moves the others and finishes', async () => {
    await using here = await worldOf('[host_failure]\nmax_evacuations_in_flight = 1\n');
    const uuid = await here.hostFails('c1');
    const first = async (): Promise<void> => {
      while (Object.keys(here.world.counts.accepted).length < 1) await here.clock.sleep(100);
    };
    await here.clock.run(first());
    const [requested = ''] = Object.keys(here.world.counts.accepted);
    const of = [...here.world.instances.values()].filter(({ host }) => host === 'c1').map((one) => one.uuid);
    const left = of.find((one) => one !== requested) ?? '';
    await here.clock.run(here.engine.operator.skip(uuid, left, { ...LOCAL, reason: 'broken image' }));
    await expect(here.clock.run(here.engine.operator.skip(uuid, requested))).rejects.toThrow('Nova completes it');
    const { notification, flows, audit } = await here.until(uuid);
    expect(notification.status).toBe('finished');
    expect(flows.at(-1)?.instances.find(({ instance_uuid }) => instance_uuid === left)).toMatchObject({
      state: 'left',
      reason: 'an operator skips it',
    });
    expect(audit).toContainEqual(expect.objectContaining({ action: 'skip', reason: 'broken image' }));
    expect(here.world.instances.get(left)?.host).toBe('c1');
    expect(Object.keys(here.world.counts.accepted)).toHaveLength(5);
  });

  it('is left by a recovery that waits, also in the next engine', async () => {
    await using here = await worldOf();
    await here.clock.run(here.engine.operator.pause(null));
    const uuid = await here.hostFails('c2');
    const [instance] = [...here.world.instances.values()].filter(({ host }) => host === 'c2');
    await here.clock.run(here.engine.operator.skip(uuid, instance?.uuid ?? ''));
    await here.clock.run(here.engine.stop());
    await here.start('n2');
    await here.clock.run(here.engine.operator.unpause());
    expect((await here.until(uuid)).notification.status).toBe('finished');
    expect(here.world.counts.accepted).toEqual({});
    await expect(here.clock.run(here.engine.operator.skip(uuid, instance?.uuid ?? ''))).rejects.toThrow(
      'there is nothing to skip',
    );
  });
});
