/** A host that was reported dead and shows life is not forced down, and nothing more is evacuated from it. */
import { describe, expect, it } from 'vitest';
import { RecoveryWorld } from '#test/world/recovery-world.ts';

async function scene(): Promise<{ here: RecoveryWorld; instance: string }> {
  const here = new RecoveryWorld({ configuration: '[host_failure]\nevacuation_retries = 0' });
  for (const host of ['c1', 'c2']) here.world.addHost(host);
  const { uuid: instance } = here.world.addInstance('c1');
  await here.start('n1');
  return { here, instance };
}

const accepted = (here: RecoveryWorld): number => Object.values(here.world.counts.accepted).reduce((a, b) => a + b, 0);

/** Round one fails, and the recovery waits for its second one. */
async function waitingForRoundTwo(here: RecoveryWorld): Promise<string> {
  here.world.behaviour = { ...here.world.behaviour, failedEvacuations: 1 };
  const uuid = await here.hostFails('c1');
  await here.until(uuid, 'error');
  here.world.behaviour = { ...here.world.behaviour, failedEvacuations: 0 };
  return uuid;
}

/** Power again, and an operator enables it; its instance runs there. */
function putIntoService(here: RecoveryWorld, instance: string): void {
  const host = { isAlive: true, forcedDown: false, status: 'enabled', disabledReason: null };
  Object.assign(here.world.hosts.get('c1') ?? {}, host);
  Object.assign(here.world.instances.get(instance) ?? {}, { vmState: 'active', taskState: null });
}

const comesBack = (here: RecoveryWorld): Promise<string> =>
  here.notify({ type: 'COMPUTE_HOST', hostname: 'c1', payload: { event: 'STARTED', cluster_status: 'ONLINE' } });

describe('a host that came back', () => {
  it('is not recovered by a recovery that waits for its second round', async () => {
    const { here, instance } = await scene();
    await using _ = here;
    const uuid = await waitingForRoundTwo(here);
    putIntoService(here, instance);
    await comesBack(here);
    const { notification } = await here.until(uuid, 'finished', 'failed', 'ignored');
    expect(notification.status).toBe('ignored');
    expect(notification.message).toMatch(/^Host 'c1' came back at .*: it is not recovered\. .*--host-is-down/);
    expect(accepted(here)).toBe(1);
    expect(here.world.hosts.get('c1')).toMatchObject({ forcedDown: false, status: 'enabled' });
  });

  it('is recovered by a retry only on the word that it is down, and that word is outlived by the next return', async () => {
    const { here, instance } = await scene();
    await using _ = here;
    const uuid = await waitingForRoundTwo(here);
    putIntoService(here, instance);
    await comesBack(here);
    await here.until(uuid, 'ignored');
    const retry = (proof: 'none' | 'operator') => here.clock.run(here.engine.operator.retry(uuid, proof));
    await expect(retry('none')).rejects.toThrow(/^Host 'c1' came back at/);
    here.world.kill('c1');
    await here.clock.run(here.clock.sleep(1000));
    here.world.behaviour = { ...here.world.behaviour, failedEvacuations: 1 };
    await retry('operator');
    await here.until(uuid, 'failed', 'error');
    here.world.behaviour = { ...here.world.behaviour, failedEvacuations: 0 };
    // Later than the same report is taken for a duplicate.
    await here.clock.run(here.clock.sleep(600_000));
    await comesBack(here);
    await expect(retry('none')).rejects.toThrow(/^Host 'c1' came back at/);
    await retry('operator');
    expect((await here.until(uuid)).notification.status).toBe('finished');
    expect(here.world.requireInstance(instance).host).toBe('c2');
  });

  it.each(['stopped', 'killed'] as const)(
    'during a flow whose engine is %s then is recovered to the end',
    async (how) => {
      const { here, instance } = await scene();
      await using _ = here;
      here.world.behaviour = { ...here.world.behaviour, rebuildMs: [60_000, 60_000] };
      const uuid = await here.hostFails('c1');
      const isRequested = async (): Promise<void> => {
        while (accepted(here) === 0) await here.clock.sleep(50);
      };
      await here.clock.run(isRequested());
      await comesBack(here);
      if (how === 'stopped') await here.clock.run(here.engine.stop());
      else {
        here.life.doom();
        void here.life.outlive(null);
      }
      await here.start('n2');
      const view = await here.until(uuid);
      expect([view.notification.status, ...view.flows.map(({ state }) => state)]).toEqual(['finished', 'SUCCESS']);
      expect(here.world.requireInstance(instance).host).toBe('c2');
      expect(accepted(here)).toBe(1);
    },
  );

  it('during a flow does not stop the work in progress', async () => {
    const { here, instance } = await scene();
    await using _ = here;
    here.world.behaviour = { ...here.world.behaviour, rebuildMs: [60_000, 60_000] };
    const uuid = await here.hostFails('c1');
    await here.clock.run(here.clock.sleep(20_000));
    await comesBack(here);
    expect((await here.until(uuid)).notification.status).toBe('finished');
    expect(here.world.requireInstance(instance).host).toBe('c2');
  });

  it('and dies again has died twice: the second report is no duplicate, and is recovered', async () => {
    const { here, instance } = await scene();
    await using _ = here;
    const first = await waitingForRoundTwo(here);
    putIntoService(here, instance);
    await comesBack(here);
    await here.clock.run(here.clock.sleep(1000));
    const second = await here.hostFails('c1');
    expect(second).not.toBe(first);
    expect((await here.until(second)).notification.status).toBe('finished');
    expect((await here.until(first)).notification.status).toBe('ignored');
    expect(here.world.requireInstance(instance).host).toBe('c2');
  });
});

describe('a host whose heartbeat Nova receives after the report of its death', () => {
  /** A report that is old when it arrives, e.g. one of a monitor that lost what it knew. */
  const reported = (here: RecoveryWorld, agoMs: number): Promise<string> =>
    here.notify({
      type: 'COMPUTE_HOST',
      hostname: 'c1',
      generated_time: new Date(here.clock.now() - agoMs).toISOString(),
      payload: { event: 'STOPPED', cluster_status: 'OFFLINE', host_status: 'NORMAL' },
    });

  it('repeatedly is not recovered', async () => {
    const { here } = await scene();
    await using _ = here;
    const { notification } = await here.until(await reported(here, 600_000), 'finished', 'failed', 'ignored');
    expect(notification.status).toBe('ignored');
    expect(notification.message).toMatch(/^Host 'c1' lives: its nova-compute reported to Nova at .*not recovered/);
    expect(here.world.hosts.get('c1')).toMatchObject({ forcedDown: false, status: 'enabled' });
    expect(accepted(here)).toBe(0);
  });

  it('once, and then no more, is recovered after another poll', async () => {
    const { here, instance } = await scene();
    await using _ = here;
    await here.clock.run(here.clock.sleep(3_600_000));
    here.world.kill('c1');
    // Nova takes a host as up for a minute after its last heartbeat.
    here.world.stateOf = ({ forcedDown }) => (forcedDown ? 'down' : 'up');
    const view = await here.until(await reported(here, 600_000));
    expect(view.notification.status).toBe('finished');
    expect(view.flows[0]?.events.map(({ message }) => message).join('\n')).toMatch(
      /Nova shows host 'c1' up, last heartbeat at .*reading again/,
    );
    expect(here.world.requireInstance(instance).host).toBe('c2');
  });

  it('only up to its death is recovered without another poll', async () => {
    const { here } = await scene();
    await using _ = here;
    const view = await here.until(await here.hostFails('c1'));
    expect(view.flows[0]?.events.map(({ message }) => message).join('\n')).not.toMatch(/reading again/);
  });

  describe('with a fencing that its monitor saw', () => {
    const died = (here: RecoveryWorld, ageSeconds?: number): Promise<string> => {
      const payload = { event: 'STOPPED', cluster_status: 'OFFLINE', host_status: 'NORMAL' } as const;
      const notification = {
        type: 'COMPUTE_HOST',
        hostname: 'c1',
        payload,
        generated_time: new Date(here.clock.now()),
      } as const;
      const delivery = ageSeconds === undefined ? undefined : { ageSeconds, attempts: 1 };
      return here.clock.run(here.engine.accept(notification, 'fencing', delivery)).then(({ logbook }) => logbook.uuid);
    };
    /** Nova takes a host as up for a minute after its last heartbeat. */
    const staysUp = (here: RecoveryWorld): void => {
      here.world.stateOf = ({ forcedDown }) => (forcedDown ? 'down' : 'up');
    };

    it('is recovered at once although Nova still shows it up', async () => {
      const { here, instance } = await scene();
      await using _ = here;
      here.world.kill('c1');
      staysUp(here);
      const from = here.clock.now();
      expect((await here.until(await died(here))).notification.status).toBe('finished');
      expect(here.clock.now() - from).toBeLessThan(10_000);
      expect(here.world.requireInstance(instance).host).toBe('c2');
    });

    it.each(['was delivered late', 'waited for a cloud that was away'] as const)(
      'that %s proves nothing',
      async (why) => {
        const { here } = await scene();
        await using _ = here;
        here.world.behaviour = { ...here.world.behaviour, isAway: why !== 'was delivered late' };
        const uuid = await died(here, why === 'was delivered late' ? 120 : undefined);
        await here.clock.run(here.clock.sleep(90_000));
        // Rebooted meanwhile: it is alive, and no monitor has reported its return.
        here.world.behaviour = { ...here.world.behaviour, isAway: false };
        expect((await here.until(uuid)).notification.status).toBe('ignored');
        expect(here.world.hosts.get('c1')?.forcedDown).toBe(false);
      },
    );
  });
});
