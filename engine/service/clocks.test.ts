/** Wall clocks decide nothing: neither those of the senders of reports nor those of the engines' nodes. */
import { describe, expect, it } from 'vitest';
import { RecoveryWorld } from '#test/world/recovery-world.ts';

const HOUR = 3_600_000;
/** Seldom renewals, so that hours of simulated time cost little. */
const SELDOM = '[engine]\nbeat_interval = 300\nlease_timeout = 900\n';
const BACK = { event: 'STARTED', cluster_status: 'ONLINE', host_status: 'NORMAL' };

async function scene(configuration = ''): Promise<{ here: RecoveryWorld; instance: string }> {
  const here = new RecoveryWorld({ configuration: `${SELDOM}${configuration}` });
  for (const host of ['c1', 'c2']) here.world.addHost(host);
  const { uuid: instance } = here.world.addInstance('c1');
  await here.start('n1');
  return { here, instance };
}

function away(here: RecoveryWorld, isAway: boolean): void {
  here.world.behaviour = { ...here.world.behaviour, isAway };
}

/** A recovery that waits for its retry, since the cloud is away. */
async function waiting(configuration = ''): Promise<{ here: RecoveryWorld; uuid: string }> {
  const { here } = await scene(configuration);
  away(here, true);
  const uuid = await here.hostFails('c1');
  await here.until(uuid, 'error');
  return { here, uuid };
}

describe('the clock of an engine', () => {
  it.each([25, -25, 24 * 365])(
    'that is %s h off in the next engine neither expires nor delays what waits',
    async (hours) => {
      const { here, uuid } = await waiting();
      await using _ = here;
      await here.clock.run(here.engine.stop());
      here.skewMs = hours * HOUR;
      await here.start('n2');
      away(here, false);
      const from = here.clock.now();
      expect((await here.until(uuid, 'finished', 'failed')).notification.status).toBe('finished');
      expect(here.clock.now() - from).toBeLessThan(300_000);
    },
  );

  it.each([24, -24])('that jumps by %s h while an engine runs changes no wait', async (hours) => {
    const { here, uuid } = await waiting();
    await using _ = here;
    here.skewMs = hours * HOUR;
    await here.clock.run(here.clock.sleep(30_000));
    away(here, false);
    const from = here.clock.now();
    expect((await here.until(uuid, 'finished', 'failed')).notification.status).toBe('finished');
    expect(here.clock.now() - from).toBeLessThan(300_000);
  });

  it('does not keep a recovery from expiring: the time that engines had it open counts, over all of them', async () => {
    const { here, uuid } = await waiting('[DEFAULT]\nnotifications_expired_interval = 7200\n');
    await using _ = here;
    await here.clock.run(here.clock.sleep(HOUR));
    await here.clock.run(here.engine.stop());
    here.skewMs = -48 * HOUR;
    await here.start('n2');
    await here.clock.run(here.clock.sleep(HOUR / 2));
    expect((await here.clock.run(here.engine.reads.show(uuid))).notification.closed_at).toBeNull();
    await here.clock.run(here.clock.sleep(HOUR));
    const { notification } = await here.clock.run(here.engine.reads.show(uuid));
    expect(notification).toMatchObject({ status: 'failed', message: 'Expired: not finished within 7200 s.' });
  });
});

describe('the clock of a sender', () => {
  it.each(['90 s ahead', 'in 2038'])(
    '%s: a return is no sign of life for a death that is accepted later',
    async (stamp) => {
      const { here, instance } = await scene();
      await using _ = here;
      const ahead = stamp === 'in 2038' ? Date.UTC(2038, 0, 1) : here.clock.now() + 90_000;
      const generated_time = new Date(ahead).toISOString();
      await here.notify({ type: 'COMPUTE_HOST', hostname: 'c1', generated_time, payload: BACK });
      expect(here.logged.at(-1)).toContain('"skew_seconds":');
      await here.clock.run(here.clock.sleep(60_000));
      expect((await here.until(await here.hostFails('c1'))).notification.status).toBe('finished');
      expect(here.world.requireInstance(instance).host).toBe('c2');
    },
  );

  it('far behind: a death that was reported hours ago is recovered when the host is dead', async () => {
    const { here, instance } = await scene();
    await using _ = here;
    here.world.kill('c1');
    const uuid = await here.notify({
      type: 'COMPUTE_HOST',
      hostname: 'c1',
      generated_time: new Date(here.clock.now() - 20 * HOUR).toISOString(),
      payload: { event: 'STOPPED', cluster_status: 'OFFLINE', host_status: 'NORMAL' },
    });
    expect((await here.until(uuid)).notification.status).toBe('finished');
    expect(here.world.requireInstance(instance).host).toBe('c2');
  });

  it('slow, on the monitor that reports the return: the host itself decides', async () => {
    const { here, instance } = await scene('[taskflow_driver_recovery_flows]\nhost_reboot_recovery_tasks = pre:[]\n');
    await using _ = here;
    await here.clock.run(here.clock.sleep(HOUR));
    away(here, true);
    const uuid = await here.hostFails('c1');
    const generated_time = new Date(here.clock.now() - 90_000).toISOString();
    await here.notify({ type: 'COMPUTE_HOST', hostname: 'c1', generated_time, payload: BACK });
    away(here, false);
    // It is dead: the report was one of before.
    expect((await here.until(uuid)).notification.status).toBe('finished');
    expect(here.world.requireInstance(instance).host).toBe('c2');
  });
});
