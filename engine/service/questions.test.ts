/** Responses to monitors about an instance. */
import { expect, it } from 'vitest';
import { RecoveryWorld } from '#test/world/recovery-world.ts';

it('an instance in a cell that is down is unknown, and the question never waits in front of a recovery', async () => {
  await using here = new RecoveryWorld();
  here.world.addHost('c1');
  const { uuid } = here.world.addInstance('c1');
  await here.start();
  const urgencies: unknown[] = [];
  const { cloud } = here;
  const { instance } = cloud;
  cloud.instance = (one, options) => {
    urgencies.push(options?.urgency);
    return instance.call(cloud, one, options);
  };
  const received = async (one: string): Promise<unknown> => here.clock.run(here.engine.reads.instance(one));
  expect(await received(uuid)).toMatchObject({ host: 'c1', vmState: 'active' });
  here.world.cellDown('cell1');
  expect(await received(uuid)).toBe('unknown');
  here.world.cellUp('cell1');
  here.world.delete(uuid);
  expect(await received(uuid)).toBe('not found');
  expect(urgencies).toEqual(['question', 'question', 'question']);
});
