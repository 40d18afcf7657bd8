/** An evacuation that Nova never ends, since its destination died: it is named, and an operator can declare it abandoned. */
import { describe, expect, it } from 'vitest';
import { RecoveryWorld } from '#test/world/recovery-world.ts';

interface Scene {
  readonly here: RecoveryWorld;
  /** The recovery of c1. */
  readonly recovery: string;
  readonly instance: string;
  /** Nova's record of the evacuation to c2, which died. */
  readonly record: string;
}

async function destinationDies(change: { readonly vmState?: string } = {}): Promise<Scene> {
  const here = new RecoveryWorld({ behaviour: { rebuildMs: [20_000, 20_000], claimMs: 1000 } });
  for (const host of ['c1', 'c2']) here.world.addHost(host);
  await here.start();
  const { uuid: instance } = here.world.addInstance('c1', change);
  const recovery = await here.hostFails('c1');
  const record = (): { id: string; status: string } | undefined => here.world.evacuations[0];
  while (record()?.status !== 'pre-migrating') {
    await here.clock.run(here.clock.sleep(200));
    here.world.catchUp();
  }
  here.world.kill('c2');
  here.world.addHost('c3');
  return { here, recovery, instance, record: record()?.id ?? '' };
}

describe('an evacuation whose destination died', () => {
  it('ends the recovery with its record, the state of the destination and the way out', async () => {
    const { here, recovery, instance, record } = await destinationDies();
    await using _ = here;
    const { notification, flows } = await here.until(recovery);
    expect(notification.status).toBe('failed');
    for (const part of [
      `Nova's evacuation ${record} to c2 is still pre-migrating, and the compute service of c2 is down`,
      `recovery-agent retry ${recovery} --instance ${instance} --abandon-evacuation`,
    ]) {
      expect(notification.message).toContain(part);
      expect(flows.at(-1)?.instances[0]).toMatchObject({ state: 'unknown', reason: expect.stringContaining(part) });
    }
    expect(here.world.counts.accepted).toEqual({ [instance]: 1 });
  });

  it('is requested again by no retry, whether or not an operator reset the task state', async () => {
    const { here, recovery, instance } = await destinationDies();
    await using _ = here;
    await here.until(recovery);
    await here.clock.run(here.engine.operator.retry(recovery, 'operator'));
    await here.until(recovery);
    here.world.resetState(instance, 'active');
    await here.clock.run(here.engine.operator.retry(recovery, 'operator'));
    await here.until(recovery);
    expect(here.world.counts.accepted).toEqual({ [instance]: 1 });
  });

  it.each([
    ['active', 'active'],
    ['stopped', 'stopped'],
  ])('that an operator declares abandoned gives way to another one (%s)', async (vmState, ends) => {
    const { here, recovery, instance } = await destinationDies({ vmState });
    await using _ = here;
    await here.until(recovery);
    await here.clock.run(here.engine.operator.retry(recovery, 'none', new Map(), instance));
    const view = await here.until(recovery);
    expect(view.notification.status).toBe('finished');
    expect(here.world.requireInstance(instance)).toMatchObject({ host: 'c3', vmState: ends, taskState: null });
    expect(here.world.counts).toEqual({ accepted: { [instance]: 2 }, duplicates: 0 });
    expect(here.logged.join('\n')).toContain('declared abandoned');
  });

  it('stays abandoned for an engine that takes over', async () => {
    const { here, recovery, instance } = await destinationDies();
    await using _ = here;
    await here.until(recovery);
    await here.clock.run(here.engine.operator.retry(recovery, 'none', new Map(), instance));
    await here.clock.run(here.engine.stop());
    await here.start('n2');
    expect((await here.until(recovery)).notification.status).toBe('finished');
    expect(here.world.counts).toEqual({ accepted: { [instance]: 2 }, duplicates: 0 });
  });

  it('is declared abandoned of no instance without one', async () => {
    const { here, recovery } = await destinationDies();
    await using _ = here;
    await here.until(recovery);
    const { uuid: other } = here.world.addInstance('c1');
    const retried = here.engine.operator.retry(recovery, 'none', new Map(), other);
    await expect(here.clock.run(retried)).rejects.toThrow(`has no open evacuation of instance ${other}`);
    expect((await here.engine.reads.show(recovery)).notification.status).toBe('failed');
  });
});
