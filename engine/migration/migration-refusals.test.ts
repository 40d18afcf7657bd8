/** The way home of several instances when Nova refuses one of them, or does not answer. */
// Loaded before simulated time begins, which would pass meanwhile.
import '../task-drivers/recovery-action/driver.ts';
import { describe, expect, it } from 'vitest';
import { CloudError } from '#openstack/cloud-error.ts';
import type { RecoveryView } from '#protocol/views.ts';
import { RecoveryWorld } from '#test/world/recovery-world.ts';

const RETRIES = 1;
const CALLS = RETRIES + 1;
const CONFIGURATION = `[taskflow_driver_recovery_flows]
host_return_recovery_tasks = pre:['enable_compute_service_task'],main:['home'],post:[]
[host_failure]
evacuation_retries = ${RETRIES}
[home]
driver = recovery_action
actions = [{name: MIGRATE}]
`;

/** The host c1 is back, and its two running instances and a stopped one are elsewhere. */
async function returned(): Promise<RecoveryWorld> {
  const here = new RecoveryWorld({ configuration: CONFIGURATION });
  for (const host of ['c1', 'c2', 'c3']) here.world.addHost(host);
  for (const name of ['web', 'db']) here.world.addInstance('c1', { name });
  here.world.addInstance('c1', { name: 'mail', vmState: 'stopped' });
  await here.start();
  expect((await here.until(await here.hostFails('c1'))).notification.status).toBe('finished');
  return here;
}

const named = (here: RecoveryWorld, name: string) =>
  [...here.world.instances.values()].find((one) => one.name === name) ?? here.world.addInstance('c1', { name });
const lines = ({ flows }: RecoveryView): string[] =>
  flows.flatMap(({ events }) => events.map(({ message }) => message));
const hosts = (here: RecoveryWorld): Record<string, string | null> =>
  Object.fromEntries([...here.world.instances.values()].map(({ name, host }) => [name, host]));

const error = (kind: CloudError['kind'], status: number, words: string) =>
  new CloudError(kind, `Nova responded ${status} to POST: ${words}`, { status });

describe.each(['db', 'mail'])('the migration of %s home', (name) => {
  it.each([
    ['refused by policy', error('unauthorized', 403, "Policy doesn't allow it"), 2],
    ['refused by the scheduler', error('refused', 400, 'No valid host was found'), 2],
    ['refused for its state', error('conflict', 409, 'it is locked'), 2],
    ['not found though it exists', error('not_found', 404, 'Compute host c1 could not be found'), 2],
    ['refused with 500 for ever', error('unknown', 500, 'Unexpected API Error'), 2 * CALLS],
  ])('that is %s fails with the words of Nova, and the others come home', async (_, answer, most) => {
    await using here = await returned();
    const { uuid, host } = named(here, name);
    const migrate = here.cloud.migrate.bind(here.cloud);
    let calls = 0;
    here.cloud.migrate = async (...call) => {
      if (call[0] !== uuid) return migrate(...call);
      calls += 1;
      throw answer;
    };
    const view = await here.until(await here.hostReturns('c1'), 'finished', 'failed');
    expect(view.notification).toMatchObject({ status: 'failed', message: expect.stringContaining(answer.message) });
    expect(calls).toBe(most);
    expect(hosts(here)).toEqual({ web: 'c1', db: 'c1', mail: 'c1', [name]: host });
  });
});

it('a migration whose confirmation is refused is named with what its operator has to do', async () => {
  await using here = await returned();
  here.cloud.confirmResize = async () => {
    throw error('unauthorized', 403, "Policy doesn't allow it");
  };
  const view = await here.until(await here.hostReturns('c1'), 'finished', 'failed');
  expect(view.notification.message).toMatch(/it is on c1, but not confirmed: .*403.*openstack server migrate confirm/);
  expect(hosts(here)).toEqual({ web: 'c1', db: 'c1', mail: 'c1' });
});

it('nothing is migrated home while the evacuations from the host are not visible', async () => {
  await using here = await returned();
  const { clock, cloud } = here;
  const uuid = await here.hostReturns('c1');
  const isEnabled = async (): Promise<void> => {
    while (here.world.hosts.get('c1')?.status !== 'enabled') await clock.sleep(50);
  };
  await clock.run(isEnabled());
  const until = clock.now() + 60_000;
  const [list, service] = [cloud.listEvacuations.bind(cloud), cloud.computeService.bind(cloud)];
  cloud.listEvacuations = async (filter, options) => {
    const listing = await list(filter, options);
    return clock.now() < until ? { ...listing, items: [] } : listing;
  };
  cloud.computeService = async (host, options) => {
    const found = await service(host, options);
    // The task before this one still has to see what it did.
    return clock.now() < until && found?.status === 'enabled' && lines(await here.engine.reads.show(uuid)).some(isOver)
      ? undefined
      : found;
  };
  const view = await here.until(uuid);
  expect(view.notification.status).toBe('finished');
  expect(clock.now()).toBeGreaterThan(until);
  expect(hosts(here)).toEqual({ web: 'c1', db: 'c1', mail: 'c1' });
});

function isOver(line: string): boolean {
  return line.startsWith('Enabled compute service');
}
