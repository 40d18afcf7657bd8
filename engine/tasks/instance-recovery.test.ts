/** The recovery of one instance, when Nova refuses, does not answer, or others act on the instance too. */
import { describe, expect, it } from 'vitest';
import type { Accepted } from '#engine/cloud/call.ts';
import type { Instance } from '#engine/cloud/cloud.ts';
import type { SimulatedCloud } from '#engine/cloud/simulated/client.ts';
import type { Behaviour } from '#engine/cloud/simulated/world.ts';
import { CloudError } from '#openstack/cloud-error.ts';
import type { RecoveryView } from '#protocol/views.ts';
import { RecoveryWorld } from '#test/world/recovery-world.ts';

const UUID = '00000000-0000-4000-8000-000000000001';
const RETRIES = 2;
const CALLS = RETRIES + 1;
const CONFIGURATION = `[instance_failure]\nprocess_all_instances = true\n[host_failure]\nevacuation_retries = ${RETRIES}\n`;

interface Scenery {
  readonly configuration?: string;
  readonly behaviour?: Partial<Behaviour>;
  readonly instance?: Partial<Instance>;
}

async function place({ configuration = CONFIGURATION, behaviour = {}, instance = {} }: Scenery = {}) {
  const here = new RecoveryWorld({ configuration, behaviour });
  for (const host of ['c1', 'c2']) here.world.addHost(host);
  here.world.addInstance('c1', { uuid: UUID, ...instance });
  await here.start();
  return here;
}

function fails(here: RecoveryWorld, hostname = 'c1'): Promise<string> {
  const payload = { event: 'LIFECYCLE', vir_domain_event: 'STOPPED_FAILED', instance_uuid: UUID };
  return here.notify({ type: 'VM', hostname, payload });
}

const now = (here: RecoveryWorld): Instance => here.world.requireInstance(UUID);
const change = (here: RecoveryWorld, to: Partial<Instance>) => Object.assign(here.world.requireInstance(UUID), to);
const lines = ({ flows }: RecoveryView): string[] =>
  flows.flatMap(({ events }) => events.map(({ message }) => message));

type Method = 'stop' | 'start';

/** Nova's answer to a call; without one it is carried out. Returns when the calls were made, ms of the simulated clock. */
function answers(
  here: RecoveryWorld,
  method: Method,
  answer: (nth: number, carryOut: () => Promise<Accepted>) => unknown,
) {
  const times: number[] = [];
  const cloud: SimulatedCloud = here.cloud;
  const real = cloud[method].bind(cloud);
  cloud[method] = async (uuid, options) => {
    times.push(here.clock.boottime());
    const carryOut = () => real(uuid, options);
    const given = await answer(times.length, carryOut);
    if (given instanceof Error) throw given;
    return (given as Accepted | undefined) ?? carryOut();
  };
  return times;
}

/** Pauses between the calls of one round: they never shrink, up to the pause between the rounds. */
function expectGrowing(times: readonly number[]): void {
  const pauses = times.slice(1).map((time, index) => time - (times[index] ?? 0));
  expect(pauses).toEqual([...pauses].sort((a, b) => a - b));
  expect(new Set(pauses).size).toBe(pauses.length);
}

const error = (kind: CloudError['kind'], status: number, words: string) =>
  new CloudError(kind, `Nova responded ${status} to POST: ${words}`, { status });
const LOST = new CloudError('unknown', "Nova's response to POST was lost: socket hang up");

/** The responses of Nova while the cell of the instance is down (2.69 and later). */
async function cellDown(here: RecoveryWorld, ms: number): Promise<void> {
  const { cloud } = here;
  const real = cloud.instance.bind(cloud);
  const until = here.clock.boottime() + ms;
  cloud.instance = async (uuid, options) => {
    const instance = await real(uuid, options);
    if (!instance || here.clock.boottime() > until) return instance;
    return { ...instance, name: '', host: null, vmState: 'unknown', taskState: null, powerState: 0, metadata: {} };
  };
}

describe('an instance of which there is no answer', () => {
  it('is waited for: its mark for HA, its host and its state are not known meanwhile', async () => {
    await using here = await place({ configuration: '', instance: { metadata: { HA_Enabled: 'True' } } });
    await cellDown(here, 60_000);
    const view = await here.until(await fails(here));
    expect(view.notification).toMatchObject({ status: 'finished', message: null });
    expect(lines(view)).toContain(`Waiting: the cell of instance ${UUID} does not respond to Nova`);
    expect(lines(view)).toContain(`Stopped instance: '${UUID}'`);
  });

  it('ends an attempt as an outage, and the recovery continues when its cell is back', async () => {
    await using here = await place({ configuration: `${CONFIGURATION}[engine]\noutage_patience = 30\n` });
    await cellDown(here, 600_000);
    const uuid = await fails(here);
    expect((await here.until(uuid, 'error')).notification.message).toMatch(
      /the cell of instance .* does not respond to Nova/,
    );
    expect((await here.until(uuid)).notification.status).toBe('finished');
  });

  it('is waited for as well when its host is not listed: nothing is requested of a host of which nothing is known', async () => {
    await using here = await place();
    const { cloud, clock } = here;
    const stops = answers(here, 'stop', () => undefined);
    const real = cloud.computeService.bind(cloud);
    const until = clock.boottime() + 60_000;
    cloud.computeService = async (...given) => (clock.boottime() > until ? real(...given) : undefined);
    const view = await here.until(await fails(here));
    expect(view.notification.status).toBe('finished');
    expect(stops.map((at) => at > until)).toEqual([true]);
    expect(lines(view).join()).toMatch(/Waiting: Nova has no nova-compute service on host 'c1'/);
  });
});

describe.each<Method>(['stop', 'start'])('Nova, requested to %s an instance,', (method) => {
  it('refuses: the recovery fails with its words, after one call a round', async () => {
    await using here = await place();
    const calls = answers(here, method, () => error('unauthorized', 403, "Policy doesn't allow it"));
    const view = await here.until(await fails(here));
    expect(view.notification).toMatchObject({ status: 'failed', message: expect.stringMatching(/403.*Policy/) });
    expect(calls).toHaveLength(2);
  });

  it('responds 404 though the instance exists: the recovery fails with its text', async () => {
    await using here = await place();
    const calls = answers(here, method, () => error('not_found', 404, 'Compute host c1 could not be found.'));
    const view = await here.until(await fails(here));
    expect(view.notification).toMatchObject({
      status: 'failed',
      message: expect.stringMatching(/404.*Compute host c1/),
    });
    expect(calls).toHaveLength(2);
  });

  it('responds 404, and the instance is gone: there is nothing to recover', async () => {
    await using here = await place();
    const calls = answers(here, method, () => {
      here.world.delete(UUID);
      return error('not_found', 404, 'Instance could not be found.');
    });
    const view = await here.until(await fails(here));
    expect(view.notification).toMatchObject({ status: 'ignored', message: `Instance '${UUID}' does not exist.` });
    expect(calls).toHaveLength(1);
  });

  it.each([
    ['responds 500 for ever', error('unknown', 500, 'Unexpected API Error.'), /500.*Unexpected API Error/],
    ['refuses with a conflict for ever', error('conflict', 409, 'it is locked'), /409.*it is locked/],
  ])('%s: a bounded number of calls, further apart each time, and its words in the end', async (_, answer, words) => {
    await using here = await place();
    const calls = answers(here, method, () => answer);
    const view = await here.until(await fails(here));
    expect(view.notification).toMatchObject({ status: 'failed', message: expect.stringMatching(words) });
    expect(calls).toHaveLength(2 * CALLS);
    expectGrowing(calls.slice(0, CALLS));
  });

  it('accepts it for ever, and it comes to nothing: a bounded number of calls, further apart each time', async () => {
    await using here = await place();
    const calls = answers(here, method, () => ({ requestId: 'req-1' }));
    const view = await here.until(await fails(here));
    const state = method === 'stop' ? 'active' : 'stopped';
    expect(view.notification).toMatchObject({
      status: 'failed',
      message: expect.stringContaining(`Failed to ${method} instance ${UUID}: it is ${state}`),
    });
    expect(calls).toHaveLength(2 * CALLS);
    expectGrowing(calls.slice(0, CALLS));
  });

  it('loses every answer: a bounded number of calls a round, and no failure of the instance', async () => {
    await using here = await place();
    const calls = answers(here, method, () => LOST);
    const uuid = await fails(here);
    const view = await here.until(uuid, 'error');
    expect(view.notification.message).toMatch(/socket hang up/);
    expect(calls).toHaveLength(CALLS);
    expectGrowing(calls);
  });

  it('has a database that is away for a moment: one more call, and the recovery is finished', async () => {
    await using here = await place();
    const calls = answers(here, method, (nth) => (nth === 1 ? error('unknown', 500, 'DBConnectionError') : undefined));
    expect((await here.until(await fails(here))).notification.status).toBe('finished');
    expect(calls).toHaveLength(2);
  });

  it('is too busy and names a time: the next call comes after it', async () => {
    await using here = await place();
    const busy = new CloudError('busy', 'Nova responded 429', { status: 429, retryAfter: 40 });
    const calls = answers(here, method, (nth) => (nth <= 5 ? busy : undefined));
    expect((await here.until(await fails(here))).notification.status).toBe('finished');
    expect(calls.slice(1).map((time, index) => time - (calls[index] ?? 0))).toEqual([
      40_000, 40_000, 40_000, 40_000, 40_000,
    ]);
  });

  it('is at another task: its end is awaited, and then the state decides', async () => {
    await using here = await place();
    const calls = answers(here, method, (nth) => {
      if (nth > 1) return undefined;
      change(here, { taskState: 'image_snapshot' });
      void here.clock.sleep(30_000).then(() => change(here, { taskState: null }));
      return error('conflict', 409, 'it is in task_state image_snapshot');
    });
    const view = await here.until(await fails(here));
    expect(view.notification.status).toBe('finished');
    expect(calls).toHaveLength(2);
    expect((calls[1] ?? 0) - (calls[0] ?? 0)).toBeGreaterThanOrEqual(30_000);
  });

  it('is at another task for ever: the recovery fails and names it', async () => {
    await using here = await place({ instance: method === 'stop' ? {} : { vmState: 'stopped' } });
    const calls = answers(here, method, () => undefined);
    // The first read of the start still has to find it free of tasks.
    change(here, { taskState: 'image_uploading' });
    const view = await here.until(await fails(here));
    expect(view.notification).toMatchObject({
      status: 'failed',
      message: expect.stringMatching(/busy.*image_uploading/),
    });
    expect(calls).toEqual([]);
  });

  it('shows the host of the instance as down: the recovery fails and names it, and nothing is left under way', async () => {
    await using here = await place({ instance: method === 'stop' ? {} : { vmState: 'stopped' } });
    const calls = answers(here, method, () => undefined);
    here.world.kill('c1');
    const view = await here.until(await fails(here));
    expect(view.notification).toMatchObject({
      status: 'failed',
      message: expect.stringContaining(`Failed to ${method} instance ${UUID}: its host 'c1' is down`),
    });
    expect([calls, now(here).taskState]).toEqual([[], null]);
  });
});

describe('an instance whose host dies while it is being stopped', () => {
  it('is a failure that names the host', async () => {
    await using here = await place();
    answers(here, 'stop', () => {
      change(here, { taskState: 'powering-off' });
      here.world.kill('c1');
      return { requestId: 'req-1' };
    });
    const view = await here.until(await fails(here), 'error');
    expect(view.notification.message).toMatch(/Failed to stop instance .*: its host 'c1' is down/);
  });
});

describe('an instance that leaves its host while it is to be stopped', () => {
  it('is not stopped where it is now', async () => {
    await using here = await place({ instance: { taskState: 'migrating' } });
    const stops = answers(here, 'stop', () => undefined);
    void here.clock.sleep(20_000).then(() => change(here, { host: 'c2', taskState: null }));
    const view = await here.until(await fails(here));
    const message = `Recovery of instance '${UUID}' is ignored as it is on host 'c2' and failed on 'c1'.`;
    expect(view.notification).toMatchObject({ status: 'ignored', message });
    expect(stops).toEqual([]);
  });
});

describe('an instance that crashes between its stop and its confirmation', () => {
  it('is started again', async () => {
    await using here = await place();
    const starts = answers(here, 'start', (nth) => {
      if (nth > 1) return undefined;
      // It comes up for less than an interval between two reads, and Nova stops it.
      change(here, { taskState: 'powering-on' });
      void here.clock.sleep(1500).then(() => change(here, { vmState: 'stopped', taskState: null }));
      return { requestId: 'req-1' };
    });
    expect((await here.until(await fails(here))).notification.status).toBe('finished');
    expect([starts.length, now(here).vmState]).toEqual([2, 'active']);
  });

  it("and goes to error fails with Nova's reason", async () => {
    await using here = await place();
    answers(here, 'start', () => {
      change(here, { vmState: 'error', fault: 'Insufficient compute resources' });
      return { requestId: 'req-1' };
    });
    const view = await here.until(await fails(here), 'error');
    expect(view.notification.message).toMatch(/Actual state: 'ERROR': Insufficient compute resources/);
  });
});

describe('an instance that its owner starts', () => {
  const FAILING_POST = `${CONFIGURATION}[taskflow_driver_recovery_flows]
instance_failure_recovery_tasks = pre:['stop_instance_task'],main:['start_instance_task'],post:['confirm_instance_active_task','report']
[report]
driver = mistral
workflow_name = report
`;

  it('is not stopped again in the second round: the recovery is finished', async () => {
    await using here = await place({ configuration: FAILING_POST });
    const { workflows } = here.world.workflows;
    workflows.set('report', { tasks: [], ends: 'ERROR' });
    const stops = answers(here, 'stop', () => undefined);
    const uuid = await fails(here);
    await here.until(uuid, 'error');
    workflows.set('report', { tasks: [], ends: 'SUCCESS' });
    const view = await here.until(uuid);
    expect(view.notification.status).toBe('finished');
    expect(stops).toHaveLength(1);
    expect(lines(view)).toContain(`Instance '${UUID}' was started since its recovery began and is not stopped again`);
  });

  it('after a start that Nova refused is not stopped again', async () => {
    await using here = await place();
    const stops = answers(here, 'stop', () => undefined);
    answers(here, 'start', () => error('refused', 400, 'no'));
    const uuid = await fails(here);
    await here.until(uuid, 'error');
    here.world.start(UUID);
    expect((await here.until(uuid)).notification.status).toBe('finished');
    expect([stops.length, now(here).vmState]).toEqual([1, 'active']);
  });

  it('but that is off since, as far as Nova sees, is stopped again', async () => {
    await using here = await place({ configuration: FAILING_POST });
    here.world.workflows.workflows.set('report', { tasks: [], ends: 'ERROR' });
    const stops = answers(here, 'stop', () => undefined);
    const uuid = await fails(here);
    await here.until(uuid, 'error');
    change(here, { powerState: 4 });
    await here.until(uuid);
    expect(stops).toHaveLength(2);
  });

  it('while the recovery begins, after Nova stopped it, is not stopped', async () => {
    await using here = await place({ instance: { vmState: 'stopped' }, behaviour: { powerMs: 5000 } });
    const stops = answers(here, 'stop', () => undefined);
    here.world.start(UUID);
    const view = await here.until(await fails(here));
    expect([view.notification.status, stops]).toEqual(['finished', []]);
  });

  it('while no engine runs, after the stop was accepted, is not stopped again', async () => {
    await using here = await place();
    let stops = answers(here, 'stop', () => undefined);
    const uuid = await fails(here);
    const isSent = async (): Promise<void> => {
      while (stops.length === 0) await here.clock.sleep(10);
    };
    await here.clock.run(isSent());
    await here.clock.run(here.engine.stop());
    await here.clock.run(here.clock.sleep(1000));
    // The simulated cloud notices when it is read that the time of the stop has come.
    await here.clock.run(here.cloud.instance(UUID));
    here.world.start(UUID);
    await here.clock.run(here.clock.sleep(1000));
    await here.start('n2');
    stops = answers(here, 'stop', () => undefined);
    expect((await here.until(uuid)).notification.status).toBe('finished');
    expect([stops, now(here).vmState]).toEqual([[], 'active']);
  });

  it('right after a stop whose answer was lost is not stopped again', async () => {
    await using here = await place({ behaviour: { powerMs: 100 } });
    const stops = answers(here, 'stop', async (_, carryOut) => {
      await carryOut();
      await here.clock.sleep(500);
      // The simulated cloud notices when it is read that the time of the stop has come.
      await here.cloud.instance(UUID);
      here.world.start(UUID);
      return LOST;
    });
    const view = await here.until(await fails(here));
    expect([view.notification.status, stops.length, now(here).vmState]).toEqual(['finished', 1, 'active']);
  });
});
