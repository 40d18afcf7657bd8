/** The death of a host needs a second witness besides the node that reports it. */
import { describe, expect, it } from 'vitest';
import { parseNotification } from '#protocol/notification.ts';
import type { Origin } from '#protocol/origin.ts';
import type { NotificationView } from '#protocol/views.ts';
import { RecoveryWorld } from '#test/world/recovery-world.ts';

const WATCHER: Origin = {
  caller: { identity: 'controller-2', host: 'controller-2', roles: ['host', 'watcher'], address: '192.0.2.12' },
  user: null,
  reason: null,
};

/** What becomes of a death of c1 that a watcher on another node reports, as seen after the recovery is over. */
async function reported(witness: 'confirms' | 'does not confirm', isDead: boolean) {
  const reason = witness === 'confirms' ? undefined : 'Pacemaker on this node does not show that it was fenced: online';
  const requested: boolean[] = [];
  const here = new RecoveryWorld({
    checkFencing: async (isMeant) => {
      requested.push(isMeant('c1'), isMeant('c2'));
      return reason;
    },
  });
  for (const host of ['c1', 'c2']) here.world.addHost(host);
  const { uuid: instance } = here.world.addInstance('c1');
  await here.start('n1');
  if (isDead) here.world.kill('c1');
  const startedAt = here.clock.boottime();
  const notification = parseNotification({
    notification: {
      type: 'COMPUTE_HOST',
      hostname: 'c1',
      generated_time: new Date(here.clock.now()).toISOString(),
      payload: { event: 'STOPPED', cluster_status: 'OFFLINE', host_status: 'NORMAL' },
    },
  });
  const { logbook } = await here.clock.run(here.engine.accept(notification, 'fencing', undefined, WATCHER));
  const { notification: end } = await here.until(logbook.uuid);
  return { here, instance, requested: requested, end, seconds: (here.clock.boottime() - startedAt) / 1000 };
}

const isFenced = ({ status }: NotificationView): boolean => status === 'finished';

describe('a watcher on another node that reports a fencing', () => {
  it('has the host recovered at once when this node confirms it', async () => {
    const { here, instance, requested, end, seconds } = await reported('confirms', true);
    await using _ = here;
    expect([isFenced(end), here.world.requireInstance(instance).host]).toEqual([true, 'c2']);
    expect(requested).toEqual([true, false]);
    expect(seconds).toBeLessThan(25);
  });

  it('harms no living host: what is not confirmed leaves the word to Nova', async () => {
    const { here, instance, end } = await reported('does not confirm', false);
    await using _ = here;
    expect(end).toMatchObject({ status: 'ignored', message: expect.stringMatching(/^Host 'c1' lives: /) });
    expect(here.world.requireInstance(instance).host).toBe('c1');
    expect(here.world.hosts.get('c1')).toMatchObject({ forcedDown: false, status: 'enabled' });
    expect(here.logged.join('\n')).toContain("a reported fencing is not confirmed: Nova's signs of life decide");
  });

  it('has a dead host recovered all the same, once Nova has had no sign of life from it', async () => {
    const { here, instance, end } = await reported('does not confirm', true);
    await using _ = here;
    expect([isFenced(end), here.world.requireInstance(instance).host]).toEqual([true, 'c2']);
  });
});
