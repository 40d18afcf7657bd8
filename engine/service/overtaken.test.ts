/** Reports that overtake each other, and failures during other recoveries: instances that ran are running in the end. */
import { describe, expect, it } from 'vitest';
import { RecoveryWorld } from '#test/world/recovery-world.ts';

const SELDOM = '[engine]\nbeat_interval = 60\nlease_timeout = 900\n[instance_failure]\nprocess_all_instances = true\n';
const DEAD = { event: 'STOPPED', cluster_status: 'OFFLINE', host_status: 'NORMAL' };
const BACK = { event: 'STARTED', cluster_status: 'ONLINE', host_status: 'NORMAL' };

async function scene(): Promise<{ here: RecoveryWorld; instance: string }> {
  const here = new RecoveryWorld({ configuration: SELDOM, behaviour: { powerSync: true } });
  for (const host of ['c1', 'c2']) here.world.addHost(host);
  const { uuid: instance } = here.world.addInstance('c1');
  await here.start('n1');
  return { here, instance };
}

/** Fenced by a reboot: up again after a minute. Returns when it died. */
async function reboots(here: RecoveryWorld): Promise<number> {
  const died = here.clock.now();
  here.world.kill('c1');
  await here.clock.run(here.clock.sleep(60_000));
  here.world.comeBack('c1');
  await here.clock.run(here.clock.sleep(10_000));
  here.world.catchUp();
  return died;
}

const report = (here: RecoveryWorld, payload: Record<string, string>, at: number): Promise<string> =>
  here.notify({ type: 'COMPUTE_HOST', hostname: 'c1', generated_time: new Date(at).toISOString(), payload });

const HOUR = 3_600_000;

describe('what ran on a host that was rebooted is started', () => {
  it('when the report of its return overtakes that of its death', async () => {
    const { here, instance } = await scene();
    await using _ = here;
    const died = await reboots(here);
    const back = await report(here, BACK, died + 65_000);
    expect((await here.until(back)).notification.status).toBe('finished');
    const death = await report(here, DEAD, died);
    expect((await here.until(death)).notification.status).toBe('ignored');
    await here.clock.run(here.clock.sleep(HOUR));
    expect(here.world.requireInstance(instance)).toMatchObject({ host: 'c1', vmState: 'active' });
  });

  it('when a false report of another death comes before its return is acted on', async () => {
    const { here, instance } = await scene();
    await using _ = here;
    const died = await reboots(here);
    await here.until(await report(here, DEAD, died), 'ignored');
    const back = await report(here, BACK, died + 65_000);
    const rumour = await report(here, DEAD, here.clock.now());
    expect((await here.until(rumour)).notification.status).toBe('ignored');
    expect((await here.until(back)).notification.status).toBe('finished');
    expect(here.world.requireInstance(instance)).toMatchObject({ host: 'c1', vmState: 'active' });
  });

  it('when nova-compute begins to stop what is off a minute after the host is back', async () => {
    const { here, instance } = await scene();
    await using _ = here;
    here.world.behaviour = { ...here.world.behaviour, powerSync: false };
    const died = await reboots(here);
    await here.until(await report(here, DEAD, died), 'ignored');
    const back = await report(here, BACK, died + 65_000);
    await here.clock.run(here.clock.sleep(55_000));
    here.world.stop(instance);
    expect((await here.until(back)).notification.status).toBe('finished');
    expect(here.world.requireInstance(instance).vmState).toBe('active');
  });
});

describe('an instance that ran is not taken for one that was stopped', () => {
  it('when its host dies between the stop and the start of the recovery of its crash', async () => {
    const { here, instance } = await scene();
    await using _ = here;
    const payload = { event: 'LIFECYCLE', vir_domain_event: 'STOPPED_FAILED', instance_uuid: instance };
    const crash = await here.notify({ type: 'VM', hostname: 'c1', payload });
    const isStopped = async (): Promise<void> => {
      while (here.world.requireInstance(instance).vmState !== 'stopped') {
        await here.clock.sleep(50);
        here.world.catchUp();
      }
    };
    await here.clock.run(isStopped());
    expect((await here.until(await here.hostFails('c1'))).notification.status).toBe('finished');
    expect((await here.until(crash)).notification.status).toBe('ignored');
    expect(here.world.requireInstance(instance)).toMatchObject({ host: 'c2', vmState: 'active' });
  });

  it('when its host comes back while the engine that had it forced down is away', async () => {
    const { here, instance } = await scene();
    await using _ = here;
    const uuid = await here.hostFails('c1');
    const isForced = async (): Promise<void> => {
      while (!here.world.hosts.get('c1')?.forcedDown) await here.clock.sleep(50);
    };
    await here.clock.run(isForced());
    here.life.doom();
    void here.life.outlive(null);
    here.world.comeBack('c1');
    await here.clock.run(here.clock.sleep(600_000));
    here.world.catchUp();
    await here.start('n2');
    expect((await here.until(uuid)).notification.status).toBe('finished');
    expect(here.world.requireInstance(instance)).toMatchObject({ host: 'c2', vmState: 'active' });
  });
});
