/** Failures that follow each other: by whose order, and which of them are one. */
import { describe, expect, test } from 'vitest';
import { RecoveryWorld } from '#test/world/recovery-world.ts';
import type { Driver } from '../task-drivers/driver.ts';

const DEAD = { event: 'STOPPED', cluster_status: 'OFFLINE', host_status: 'NORMAL' };
const BACK = { event: 'STARTED', cluster_status: 'ONLINE', host_status: 'NORMAL' };

async function twoHosts(): Promise<{ here: RecoveryWorld; instance: string }> {
  const here = new RecoveryWorld({ configuration: '[host_failure]\nevacuation_retries = 0' });
  for (const host of ['c1', 'c2']) here.world.addHost(host);
  const { uuid: instance } = here.world.addInstance('c1');
  await here.start();
  return { here, instance };
}

/** What a monitor reports of c1 whose clock is ahead of the engine's by so many seconds. */
function reported(here: RecoveryWorld, payload: Record<string, string>, aheadSeconds: number): Promise<string> {
  const generated_time = new Date(here.clock.now() + aheadSeconds * 1_000).toISOString();
  return here.notify({ type: 'COMPUTE_HOST', hostname: 'c1', generated_time, payload });
}

describe('a host', () => {
  test.each([90, 86_400, 400_000_000])(
    'that dies after a return is recovered, the stamp of the return %d s ahead',
    async (ahead) => {
      const { here, instance } = await twoHosts();
      await using _ = here;
      await reported(here, BACK, ahead);
      await here.clock.run(here.clock.sleep(60_000));
      const view = await here.until(await here.hostFails('c1'));
      expect(view.notification.status).toBe('finished');
      expect(here.world.requireInstance(instance).host).toBe('c2');
    },
  );

  test('that dies again while its first recovery waits for a retry has a recovery of its own', async () => {
    const { here, instance } = await twoHosts();
    await using _ = here;
    here.world.behaviour = { ...here.world.behaviour, failedEvacuations: 1 };
    const first = await here.hostFails('c1');
    await here.until(first, 'error');
    here.world.behaviour = { ...here.world.behaviour, failedEvacuations: 0 };
    here.world.comeBack('c1');
    await reported(here, BACK, 60);
    await here.clock.run(here.clock.sleep(30_000));
    const second = await here.hostFails('c1');
    expect(second).not.toBe(first);
    expect((await here.until(second)).notification.status).toBe('finished');
    expect(here.world.requireInstance(instance).host).toBe('c2');
  });

  test.each([-90, 0, 90])(
    'whose death two controllers report is recovered once, their clocks %d s apart',
    async (ahead) => {
      const { here, instance } = await twoHosts();
      await using _ = here;
      const first = await here.hostFails('c1');
      await here.clock.run(here.clock.sleep(3_000));
      expect(await reported(here, DEAD, ahead)).toBe(first);
      expect((await here.until(first)).notification.status).toBe('finished');
      expect(await reported(here, DEAD, ahead + 1)).toBe(first);
      expect(here.world.counts.accepted[instance]).toBe(1);
    },
  );
});

describe('an instance', () => {
  const configuration = `
[instance_failure]
process_all_instances = true
[taskflow_driver_recovery_flows]
instance_failure_recovery_tasks = pre:['stop_instance_task'],main:['start_instance_task'],post:['slow']
[slow]
driver = executable
command = /bin/slow
`;
  const slow: Driver = {
    steps: 'one',
    run: async ({ context }) => {
      await context.clock.sleep(60_000, context.signal);
      return {};
    },
  };

  async function oneInstance() {
    const here = new RecoveryWorld({ configuration, drivers: async () => slow });
    here.world.addHost('c1');
    const { uuid: instance_uuid } = here.world.addInstance('c1');
    await here.start();
    /** What the hypervisor knows. Nova shows it active until it is stopped through Nova. */
    const guest = { runs: true, stops: 0 };
    const { start, stop } = here.world;
    here.world.start = (uuid) => {
      start.call(here.world, uuid);
      guest.runs = true;
    };
    here.world.stop = (uuid) => {
      stop.call(here.world, uuid);
      guest.stops += 1;
    };
    const crash = (event: string, vir_domain_event: string, aheadSeconds = 0): Promise<string> => {
      guest.runs = false;
      const generated_time = new Date(here.clock.now() + aheadSeconds * 1_000).toISOString();
      return here.notify({
        type: 'VM',
        hostname: 'c1',
        generated_time,
        payload: { event, vir_domain_event, instance_uuid },
      });
    };
    return { here, guest, crash };
  }

  test.each([-90, 0, 90])(
    'that crashes again during the post tasks is recovered again, the clock then %d s ahead',
    async (ahead) => {
      const { here, guest, crash } = await oneInstance();
      await using _ = here;
      const first = await crash('LIFECYCLE', 'STOPPED_FAILED');
      await here.clock.run(here.clock.sleep(25_000));
      expect(guest.runs).toBe(true);
      const second = await crash('LIFECYCLE', 'STOPPED_FAILED', ahead);
      expect(second).not.toBe(first);
      for (const uuid of [first, second]) expect((await here.until(uuid)).notification.status).toBe('finished');
      expect(guest).toEqual({ runs: true, stops: 2 });
    },
  );

  test('whose one crash arrives as two events is stopped once', async () => {
    const { here, guest, crash } = await oneInstance();
    await using _ = here;
    const first = await crash('IO_ERROR', 'IO_ERROR_REPORT');
    await here.clock.run(here.clock.sleep(200));
    expect(await crash('LIFECYCLE', 'STOPPED_FAILED')).toBe(first);
    expect((await here.until(first)).notification.status).toBe('finished');
    expect(guest.stops).toBe(1);
  });
});
