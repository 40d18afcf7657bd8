import { describe, expect, it } from 'vitest';
import { RecoveryWorld } from '#test/world/recovery-world.ts';

describe('the recovery of a failed host', () => {
  it('moves every instance off it, once, and finishes', async () => {
    await using here = new RecoveryWorld();
    for (const host of ['c1', 'c2', 'c3']) here.world.addHost(host);
    for (let index = 0; index < 20; index += 1) here.world.addInstance('c1');
    await here.start();
    const view = await here.until(await here.hostFails('c1'));
    expect(view.notification.status).toBe('finished');
    expect([...here.world.instances.values()].filter(({ host }) => host === 'c1')).toEqual([]);
    expect(Object.values(here.world.counts.accepted)).toEqual(Array(20).fill(1));
    expect(here.cloud.calls.compute / 20).toBeLessThanOrEqual(3);
  });
});
