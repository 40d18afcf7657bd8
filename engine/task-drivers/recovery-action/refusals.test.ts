/** Actions on many instances of which one is refused, gets no response, or is moved by others: the others are processed in any case. */
// Loaded before simulated time begins, which would pass meanwhile.
import './driver.ts';
import { describe, expect, it } from 'vitest';
import type { Accepted } from '#engine/cloud/call.ts';
import type { Instance } from '#engine/cloud/cloud.ts';
import { CloudError } from '#openstack/cloud-error.ts';
import type { RecoveryView } from '#protocol/views.ts';
import { RecoveryWorld } from '#test/world/recovery-world.ts';

const RETRIES = 2;
const CALLS = RETRIES + 1;
const NAMES = ['web', 'db', 'mail'] as const;
const UUIDS: { readonly [name: string]: string } = Object.fromEntries(
  NAMES.map((name, index) => [name, `00000000-0000-4000-8000-00000000000${index + 1}`]),
);
const DB = UUIDS.db ?? '';

/** The process flow, for the instances that a workflow names: it needs no dead host. */
async function place(actions = '[{name: REBOOT}]', options = ''): Promise<RecoveryWorld> {
  const configuration = `[taskflow_driver_recovery_flows]
process_failure_recovery_tasks = pre:['pick'],main:['heal'],post:[]
[host_failure]
evacuation_retries = ${RETRIES}
[pick]
driver = mistral
workflow_name = pick
provides = chosen
[heal]
driver = recovery_action
actions = ${actions}
instances = chosen
${options}`;
  const here = new RecoveryWorld({ configuration });
  for (const host of ['c1', 'c2', 'c3']) here.world.addHost(host);
  for (const name of NAMES) here.world.addInstance('c1', { name, uuid: UUIDS[name] ?? '' });
  const chosen = NAMES.map((name) => UUIDS[name] ?? '');
  here.world.workflows.workflows.set('pick', { tasks: [], ends: 'SUCCESS', output: { chosen } });
  await here.start();
  return here;
}

const fails = (here: RecoveryWorld): Promise<string> =>
  here.notify({ type: 'PROCESS', hostname: 'c1', payload: { event: 'STOPPED', process_name: 'nova-compute' } });
const change = (here: RecoveryWorld, to: Partial<Instance>) => Object.assign(here.world.requireInstance(DB), to);
const lines = ({ flows }: RecoveryView): string[] =>
  flows.flatMap(({ events }) => events.map(({ message }) => message));

/** What was requested of each instance, by name. */
function requested(here: RecoveryWorld): Record<string, string[]> {
  return Object.fromEntries(
    NAMES.map((name) => [name, here.world.actionsOf(UUIDS[name] ?? '').map(({ action }) => action)]),
  );
}

type Method = 'reboot' | 'rebuild';

/** Nova's responses to calls concerning `db`; without one the call is carried out. Returns when the calls were made. */
function answers(here: RecoveryWorld, method: Method, answer: (nth: number) => Error | undefined): number[] {
  const { clock, cloud } = here;
  const times: number[] = [];
  const given = (uuid: string): void => {
    if (uuid !== DB) return;
    times.push(clock.boottime());
    const error = answer(times.length);
    if (error) throw error;
  };
  const { reboot, rebuild } = { reboot: cloud.reboot.bind(cloud), rebuild: cloud.rebuild.bind(cloud) };
  if (method === 'reboot') {
    cloud.reboot = async (uuid, type, options): Promise<Accepted> => {
      given(uuid);
      return reboot(uuid, type, options);
    };
  } else {
    cloud.rebuild = async (uuid, options): Promise<Accepted> => {
      given(uuid);
      return rebuild(uuid, options);
    };
  }
  return times;
}

const error = (kind: CloudError['kind'], status: number, words: string) =>
  new CloudError(kind, `Nova responded ${status} to POST: ${words}`, { status });

/** A record of Nova of an instance in a cell that is down. */
const partial = (instance: Instance): Instance => ({
  ...instance,
  name: '',
  host: null,
  vmState: 'unknown',
  taskState: null,
  powerState: 0,
  metadata: {},
});

function cellDown(here: RecoveryWorld, isDown: () => boolean): void {
  const { cloud } = here;
  const real = cloud.instance.bind(cloud);
  cloud.instance = async (uuid, options) => {
    const instance = await real(uuid, options);
    return instance && uuid === DB && isDown() ? partial(instance) : instance;
  };
}

describe.each<Method>(['reboot', 'rebuild'])('a %s', (method) => {
  const actions = `[{name: ${method.toUpperCase()}}, {name: WORKFLOW, params: {workflow_name: note}}]`;
  const once = { web: [method], mail: [method] };

  async function world(options = ''): Promise<RecoveryWorld> {
    const here = await place(actions, options);
    here.world.workflows.workflows.set('note', { tasks: [], ends: 'SUCCESS' });
    return here;
  }

  it.each([
    ['refused by policy', error('unauthorized', 403, "Policy doesn't allow it"), /403.*Policy/, 2],
    ['refused as malformed', error('refused', 400, 'Image is not active'), /400.*Image/, 2],
    ['refused for a quota', error('refused', 413, 'Quota exceeded'), /413.*Quota/, 2],
    ['refused for its state', error('conflict', 409, 'it is locked'), /409.*it is locked/, 2],
    ['not found though it exists', error('not_found', 404, 'Compute host c1 not found'), /404.*Compute host/, 2],
    [
      'refused with 500 for ever',
      error('unknown', 500, 'Unexpected API Error'),
      /500.*Unexpected API Error/,
      2 * CALLS,
    ],
  ])(
    'of one instance that is %s is its failure, in the words of Nova; the others get every action',
    async (...facts) => {
      const [, answer, words, most] = facts;
      await using here = await world('on_failure = abort\n');
      const calls = answers(here, method, () => answer);
      const view = await here.until(await fails(here), 'finished', 'failed');
      expect(view.notification).toMatchObject({ status: 'failed', message: expect.stringMatching(words) });
      expect(view.notification.message).toContain(`not done for 1 of 3 instances: ${DB}`);
      expect(calls).toHaveLength(most);
      expect(requested(here)).toEqual({ ...once, db: [] });
      const noted = here.world.workflows.executions.filter(({ workflowName }) => workflowName === 'note');
      expect(noted.map(({ inputs }) => inputs)).toEqual([{ instance_uuid: UUIDS.web }, { instance_uuid: UUIDS.mail }]);
    },
  );

  it('of one instance that is refused leaves the rest of the flow to the policy of the task', async () => {
    await using here = await world('on_failure = continue\n');
    answers(here, method, () => error('unauthorized', 403, "Policy doesn't allow it"));
    const view = await here.until(await fails(here));
    expect(view.notification).toMatchObject({ status: 'finished', message: expect.stringMatching(/403.*Policy/) });
  });

  it('that gets a 500 repeatedly is requested later each time', async () => {
    await using here = await world();
    const calls = answers(here, method, () => error('unknown', 500, 'Unexpected API Error'));
    await here.until(await fails(here), 'error');
    const pauses = calls.slice(1).map((time, index) => time - (calls[index] ?? 0));
    expect(pauses).toHaveLength(RETRIES);
    expect(pauses[1]).toBeGreaterThan(pauses[0] ?? 0);
  });

  it('whose answer is lost is requested again, as often as allowed, also by an engine that resumes it', async () => {
    await using here = await world();
    const lost = () => error('unknown', 504, 'Gateway Timeout');
    const before = answers(here, method, lost);
    const uuid = await fails(here);
    const first = async (): Promise<void> => {
      while (before.length === 0) await here.clock.sleep(50);
    };
    await here.clock.run(first());
    await here.clock.run(here.engine.stop());
    await here.start('n2');
    const after = answers(here, method, lost);
    await here.until(uuid, 'error');
    expect(before.length + after.length).toBe(CALLS);
  });

  it('that is refused because Nova is at another task is requested when that is over', async () => {
    await using here = await world();
    const calls = answers(here, method, (nth) => {
      if (nth > 1) return undefined;
      change(here, { taskState: 'image_snapshot' });
      void here.clock.sleep(30_000).then(() => change(here, { taskState: null }));
      return error('conflict', 409, 'it is in task_state image_snapshot');
    });
    expect((await here.until(await fails(here))).notification.status).toBe('finished');
    expect((calls[1] ?? 0) - (calls[0] ?? 0)).toBeGreaterThanOrEqual(30_000);
    expect(requested(here)).toEqual({ ...once, db: [method] });
  });

  it('that Nova is too busy for is requested when it wants to be requested again', async () => {
    await using here = await world();
    const busy = new CloudError('busy', 'Nova responded 429', { status: 429, retryAfter: 40 });
    const calls = answers(here, method, (nth) => (nth <= 4 ? busy : undefined));
    expect((await here.until(await fails(here))).notification.status).toBe('finished');
    const pauses = calls.slice(1).map((time, index) => time - (calls[index] ?? 0));
    expect(pauses).toHaveLength(4);
    expect(Math.min(...pauses)).toBeGreaterThanOrEqual(40_000);
    expect(requested(here)).toEqual({ ...once, db: [method] });
  });

  it('of an instance that is gone is left out', async () => {
    await using here = await world();
    answers(here, method, () => {
      here.world.delete(DB);
      return error('not_found', 404, 'Instance could not be found');
    });
    const view = await here.until(await fails(here));
    expect(view.notification.status).toBe('finished');
    expect(lines(view).join()).toMatch(new RegExp(`leaves '${DB}' where it is: the instance was deleted`));
  });

  it('of an instance whose cell goes down delays no other, and is done when the cell is back', async () => {
    await using here = await world('[engine]\noutage_patience = 30\n');
    let isDown = false;
    cellDown(here, () => isDown);
    const real = here.cloud.instanceActions.bind(here.cloud);
    here.cloud.instanceActions = async (uuid, options) => {
      // After it was chosen.
      isDown ||= uuid === DB && here.clock.now() < Date.UTC(2026, 0, 1, 0, 1);
      return real(uuid, options);
    };
    const uuid = await fails(here);
    const view = await here.until(uuid, 'error');
    expect(view.notification.message).toContain(`the cell of instance ${DB} does not respond to Nova`);
    expect(requested(here)).toEqual({ ...once, db: [] });
    isDown = false;
    expect((await here.until(uuid)).notification.status).toBe('finished');
    expect(requested(here)).toEqual({ ...once, db: [method] });
  });

  it('waits for an instance of which nothing is known when it is to be chosen', async () => {
    await using here = await world();
    const until = here.clock.now() + 60_000;
    cellDown(here, () => here.clock.now() < until);
    const view = await here.until(await fails(here));
    expect(view.notification.status).toBe('finished');
    expect(lines(view)).toContain(`Waiting: the cell of instance ${DB} does not respond to Nova`);
    expect(requested(here)).toEqual({ ...once, db: [method] });
  });

  it('of an instance that others migrate waits, and changes nothing when it has left', async () => {
    await using here = await world();
    here.world.behaviour = { ...here.world.behaviour, migrationMs: [40_000, 40_000] };
    here.world.migrate(DB, 'live', 'c2', 'req-of-an-operator');
    const view = await here.until(await fails(here));
    expect(view.notification.status).toBe('finished');
    expect(requested(here)).toEqual({ ...once, db: ['live-migration'] });
    expect(lines(view).join()).toContain(`leaves '${DB}' where it is: another user moved it to c2 meanwhile`);
  });

  it('of an instance that others migrate for too long fails, and names the record of the migration', async () => {
    await using here = await world();
    here.world.behaviour = { ...here.world.behaviour, migrationMs: [9e9, 9e9] };
    here.world.migrate(DB, 'live', 'c2', 'req-of-an-operator');
    const [record] = here.world.migrationsFrom('c1');
    const view = await here.until(await fails(here), 'error');
    expect(view.notification.message).toContain(
      `Nova is busy with it (task migrating): its migration ${record?.id} from c1 to c2 is running`,
    );
    expect(requested(here)).toEqual({ ...once, db: ['live-migration'] });
  });
});

describe('the instances of a host', () => {
  async function hostWorld(): Promise<RecoveryWorld> {
    const configuration = `[taskflow_driver_recovery_flows]
host_auto_failure_recovery_tasks = pre:['disable_compute_service_task'],main:['heal'],post:[]
[heal]
driver = recovery_action
actions = [{name: EVACUATE}, {name: REBOOT}]
`;
    const here = new RecoveryWorld({ configuration });
    for (const host of ['c1', 'c2', 'c3']) here.world.addHost(host);
    here.world.addInstance('c1', { name: 'web' });
    here.world.addInstance('c3', { name: 'foreign' });
    await here.start();
    return here;
  }
  const byName = (here: RecoveryWorld): Record<string, string[]> =>
    Object.fromEntries(
      [...here.world.instances.values()].map(({ name, uuid }) => [
        name,
        here.world.actionsOf(uuid).map(({ action }) => action),
      ]),
    );

  it('are those on it, also where Nova drops the filter by host; the missing right is named', async () => {
    await using here = await hostWorld();
    const { cloud } = here;
    const list = cloud.listInstances.bind(cloud);
    cloud.listInstances = ({ host: _, ...filter }, options) => list(filter, options);
    const view = await here.until(await here.hostFails('c1'));
    expect(view.notification.status).toBe('finished');
    expect(byName(here)).toEqual({ web: ['reboot'], foreign: [] });
    expect(lines(view).join()).toMatch(/Nova listed 1 instances of other hosts.*servers:allow_all_filters/);
  });

  it('are the same in the next round: one that was evacuated and could not be rebooted is not forgotten', async () => {
    await using here = await hostWorld();
    const reboot = here.cloud.reboot.bind(here.cloud);
    let isRefused = true;
    here.cloud.reboot = async (...call) => {
      if (isRefused) throw error('unauthorized', 403, "Policy doesn't allow it");
      return reboot(...call);
    };
    const uuid = await here.hostFails('c1');
    expect((await here.until(uuid, 'error', 'finished')).notification.message).toMatch(/403.*Policy/);
    isRefused = false;
    expect((await here.until(uuid)).notification.status).toBe('finished');
    expect(byName(here)).toEqual({ web: ['reboot'], foreign: [] });
    expect(Object.values(here.world.counts.accepted)).toEqual([1]);
  });

  it('are waited for while the cell of the host leaves them out of the list', async () => {
    await using here = await hostWorld();
    const { clock, cloud } = here;
    const uuid = await here.hostFails('c1');
    const isForcedDown = async (): Promise<void> => {
      while (!here.world.hosts.get('c1')?.forcedDown) await clock.sleep(50);
    };
    await clock.run(isForcedDown());
    const until = clock.now() + 60_000;
    const [list, service] = [cloud.listInstances.bind(cloud), cloud.computeService.bind(cloud)];
    cloud.listInstances = async (filter, options) => {
      const listing = await list(filter, options);
      return clock.now() < until ? { ...listing, items: [] } : listing;
    };
    cloud.computeService = async (host, options) => (clock.now() < until ? undefined : service(host, options));
    const view = await here.until(uuid);
    expect(view.notification.status).toBe('finished');
    expect(byName(here)).toEqual({ web: ['reboot'], foreign: [] });
    expect(clock.now()).toBeGreaterThan(until);
  });
});

describe('the instance of a flow', () => {
  it('that left the host on which it failed is not changed', async () => {
    const configuration = `[taskflow_driver_recovery_flows]
instance_failure_recovery_tasks = pre:[],main:['heal'],post:[]
[heal]
driver = recovery_action
actions = [{name: REBOOT}]
`;
    await using here = new RecoveryWorld({ configuration });
    for (const host of ['c1', 'c2']) here.world.addHost(host);
    const { uuid } = here.world.addInstance('c2');
    await here.start();
    const payload = { event: 'LIFECYCLE', vir_domain_event: 'STOPPED_FAILED', instance_uuid: uuid };
    const view = await here.until(await here.notify({ type: 'VM', hostname: 'c1', payload }));
    const message = `Recovery of instance '${uuid}' is ignored as it is on host 'c2' and failed on 'c1'.`;
    expect(view.notification).toMatchObject({ status: 'ignored', message });
    expect(here.world.actionsOf(uuid)).toEqual([]);
  });
});
