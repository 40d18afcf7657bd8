/** A host that comes back, and one that was never dead: engines in processes of their own, against a real Nova. */
import { rmSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { EngineProcess } from '#agents/demo/engine-process.ts';
import { RpcClient } from '#protocol/client.ts';
import { hostFailed, hostReturned, isOver, LabEngines, linesOf, notify, untilRecovery } from './engines.ts';
import { installPackages } from './install.ts';
import { OpenStackLab } from './lab.ts';
import type { NovaService } from './nova.ts';

let lab: OpenStackLab;
let hasFailed = false;
const opened: LabEngines[] = [];

beforeAll(async () => {
  await installPackages();
  lab = await OpenStackLab.start({ computes: 3 });
});

afterAll(async () => {
  await lab?.stop();
  // The journals and the logs of a lab in which something failed stay.
  if (hasFailed) return;
  for (const engines of opened) engines.deleteFiles();
  if (lab) rmSync(lab.directory, { recursive: true, force: true });
});

afterEach(({ task }) => {
  hasFailed ||= task.result?.state === 'fail';
});

/** Those of one test; they end with it. */
function newEngines(): LabEngines {
  const engines = new LabEngines(lab.cloudsYaml());
  opened.push(engines);
  return engines;
}

/** As docs/examples/pipelines/return.conf, without an alert. */
const BRING_HOME = {
  methods: `[taskflow_driver_recovery_flows]
host_return_recovery_tasks = pre:['enable_compute_service_task'],main:['bring_home'],post:[]
[bring_home]
driver = recovery_action
actions = [{name: MIGRATE}]
`,
};

async function serviceOf(host: string): Promise<NovaService | undefined> {
  const [service] = await lab.services({ binary: 'nova-compute', host });
  return service;
}

async function hostOf(uuid: string): Promise<string> {
  return (await lab.server(uuid))['OS-EXT-SRV-ATTR:host'] ?? 'no host';
}

/** Nova's response to each change of the host's service that engines have requested since the lab started. */
async function serviceChanges(host: string): Promise<number[]> {
  const service = await serviceOf(host);
  const calls = await lab.seenCalls('recovery-agent');
  return calls
    .filter(({ method, uri }) => method === 'PUT' && uri.endsWith(`/os-services/${service?.id}`))
    .map(({ status }) => status);
}

/** Nova's own records of every move of an instance, oldest first: also of those that it refused. */
async function movesOf(uuid: string): Promise<string[]> {
  const records = await lab.migrations({ instance_uuid: uuid });
  return records.sort((a, b) => a.id - b.id).map(({ migration_type, status }) => `${migration_type} ${status}`);
}

/** The record is the last that Nova changes. */
async function expectMoves(uuid: string, ...moves: readonly string[]): Promise<void> {
  await expect.poll(() => movesOf(uuid), { timeout: 30_000 }).toEqual(moves);
}

/** It is there and nowhere else, is what it should be, and Nova does nothing with it. */
async function expectOn(host: string, uuid: string, status: 'ACTIVE' | 'SHUTOFF'): Promise<void> {
  expect(await lab.server(uuid)).toMatchObject({
    status,
    'OS-EXT-SRV-ATTR:host': host,
    'OS-EXT-STS:task_state': null,
  });
  expect(lab.whereabouts(uuid)).toEqual([host]);
}

/** c1 loses its power, and its instances are recovered elsewhere. */
async function failAndRecover(engine: EngineProcess): Promise<void> {
  await lab.killCompute('c1');
  const { notification } = await untilRecovery(engine, await hostFailed(engine, 'c1'), isOver);
  expect(notification).toMatchObject({ status: 'finished', message: null });
}

interface Three {
  readonly active: string;
  readonly stopped: string;
  readonly locked: string;
}

async function bootThree(): Promise<Three> {
  const [active = '', stopped = '', locked = ''] = await lab.boot(3, 'c1');
  await lab.stopServer(stopped);
  await lab.lock(locked);
  return { active, stopped, locked };
}

/** Each is on c1 as it was before the host failed, by one evacuation and one migration. */
async function expectHome({ active, stopped, locked }: Three): Promise<void> {
  await expectMoves(active, 'evacuation completed', 'live-migration completed');
  await expectMoves(stopped, 'evacuation completed', 'migration confirmed');
  await expectMoves(locked, 'evacuation completed', 'live-migration completed');
  await expectOn('c1', active, 'ACTIVE');
  await expectOn('c1', stopped, 'SHUTOFF');
  await expectOn('c1', locked, 'ACTIVE');
  expect((await lab.server(locked)).locked).toBe(true);
}

describe('a host that comes back', () => {
  afterEach(async () => {
    await lab.reset();
  });

  it('is enabled once it has removed the evacuated instances, and each instance returns by one migration', async () => {
    await using engines = newEngines();
    const instances = await bootThree();
    const engine = await engines.start('n1', BRING_HOME);
    await failAndRecover(engine);
    const uuid = await hostReturned(engine, 'c1');
    const waits = "Waiting for nova-compute on host 'c1' to remove 3 evacuated instances";
    await untilRecovery(engine, uuid, (view) => linesOf(view).some((line) => line.startsWith(waits)));
    expect(await serviceOf('c1')).toMatchObject({ status: 'disabled', forced_down: true });
    const { length: before } = await serviceChanges('c1');
    await lab.startComputeProcess('c1');
    const { notification } = await untilRecovery(engine, uuid, isOver);
    expect(notification).toMatchObject({ status: 'finished', message: null });
    // Un-forced and enabled. A request before the host was clean would have got a 400 from Nova.
    expect((await serviceChanges('c1')).slice(before)).toEqual([200, 200]);
    expect(await serviceOf('c1')).toMatchObject({ status: 'enabled', state: 'up', forced_down: false });
    await expectHome(instances);
  });

  it('gets its instances by one migration each though the engine is killed right after it requested the first', async () => {
    await using engines = newEngines();
    const instances = await bootThree();
    const uuids = Object.values(instances);
    const first = await engines.start('n1', BRING_HOME);
    await failAndRecover(first);
    first.kill('SIGTERM');
    await first.ended();
    for (const host of ['c2', 'c3']) lab.setCopies(host, 'wait');
    await lab.startComputeProcess('c1');
    // Its first two calls un-force and enable the service.
    const second = await engines.start('n2', { ...BRING_HOME, crashPoint: 'step.after-call', passage: 3 });
    const uuid = await hostReturned(second, 'c1');
    expect(await second.ended()).toMatchObject({ signal: 'SIGKILL' });
    const requested = (await Promise.all(uuids.map(movesOf))).filter((moves) => moves.length > 1);
    expect(requested.length).toBeGreaterThan(0);
    const third = await engines.start('n3', BRING_HOME);
    const reads = async (): Promise<number> =>
      (await lab.seenCalls('recovery-agent')).filter(({ method, uri }) => method === 'GET' && uri.includes('/servers'))
        .length;
    const before = await reads();
    await expect.poll(reads, { timeout: 60_000 }).toBeGreaterThan(before + 5);
    expect((await untilRecovery(third, uuid, () => true)).notification.status).toBe('running');
    for (const host of ['c2', 'c3']) lab.setCopies(host, 'work');
    const view = await untilRecovery(third, uuid, isOver);
    expect(view.notification).toMatchObject({ status: 'finished', message: null });
    expect(view.flows).toMatchObject([{ state: 'SUCCESS', resumes: 1 }]);
    await expectHome(instances);
  });

  it('does not get an instance whose memory cannot be copied: it runs on where it is, and a retry migrates it back', async () => {
    await using engines = newEngines();
    const [instance = ''] = await lab.boot(1, 'c1');
    const engine = await engines.start('n1', BRING_HOME);
    await failAndRecover(engine);
    const refuge = await hostOf(instance);
    lab.setCopies(refuge, 'fail');
    await lab.startComputeProcess('c1');
    const uuid = await hostReturned(engine, 'c1');
    const { notification, flows } = await untilRecovery(engine, uuid, isOver);
    const reason = new RegExp(`^Nova's request req-\\S+ did not succeed, and the instance is still on ${refuge}$`);
    expect(notification.status).toBe('error');
    expect(notification.message).toContain(`${instance} (Nova's request req-`);
    expect(flows.flatMap(({ instances }) => instances)).toMatchObject([
      { instance_uuid: instance, state: 'failed', to: null, reason: expect.stringMatching(reason) },
    ]);
    await expectMoves(instance, 'evacuation completed', 'live-migration failed');
    await expectOn(refuge, instance, 'ACTIVE');
    lab.setCopies(refuge, 'work');
    using client = await RpcClient.connect(engine.socket);
    await client.call('retry', { uuid });
    const second = await untilRecovery(engine, uuid, (view) => view.notification.closed_at !== null);
    expect(second.notification.status).toBe('finished');
    await expectMoves(instance, 'evacuation completed', 'live-migration failed', 'live-migration completed');
    await expectOn('c1', instance, 'ACTIVE');
  });
});

// The second waits for 50 s, and meanwhile the first continues: they are about different hosts.
describe.concurrent('is not changed', () => {
  afterAll(async () => {
    await lab.reset();
  });

  it('an instance that an operator has moved elsewhere since its host failed', async () => {
    await using engines = newEngines();
    const [moved = '', other = ''] = await lab.boot(2, 'c1');
    const engine = await engines.start('n1', BRING_HOME);
    await failAndRecover(engine);
    const refuge = await hostOf(moved);
    const chosen = refuge === 'c2' ? 'c3' : 'c2';
    await lab.action(moved, { 'os-migrateLive': { host: chosen, block_migration: 'auto' } });
    await expectMoves(moved, 'evacuation done', 'live-migration completed');
    await lab.startComputeProcess('c1');
    const view = await untilRecovery(engine, await hostReturned(engine, 'c1'), isOver);
    expect(view.notification).toMatchObject({ status: 'finished', message: null });
    expect(linesOf(view)).toContainEqual(
      expect.stringMatching(
        new RegExp(`^Instance '${moved}' stays where it is: .*'${refuge}'.* it is on '${chosen}'$`),
      ),
    );
    await expectMoves(moved, 'evacuation completed', 'live-migration completed');
    await expectOn(chosen, moved, 'ACTIVE');
    await expectMoves(other, 'evacuation completed', 'live-migration completed');
    await expectOn('c1', other, 'ACTIVE');
  });

  it('a host whose nova-compute keeps reporting to Nova, when a report of its death arrives ten minutes late', async () => {
    await using engines = newEngines();
    const [instance = ''] = await lab.boot(1, 'c2');
    const engine = await engines.start('n1');
    const { length: before } = await serviceChanges('c2');
    const uuid = await notify(engine, {
      type: 'COMPUTE_HOST',
      hostname: 'c2',
      generated_time: new Date(Date.now() - 600_000).toISOString(),
      payload: { event: 'STOPPED', cluster_status: 'OFFLINE', host_status: 'NORMAL' },
    });
    const view = await untilRecovery(engine, uuid, isOver);
    expect(view.notification.status).toBe('ignored');
    const firstRead = /^Nova shows host 'c2' up, last heartbeat at (\S+); reading again in 25 s$/m.exec(
      linesOf(view).join('\n'),
    );
    const secondRead = /^Host 'c2' lives: its nova-compute reported to Nova at (\S+), .*it is not recovered/.exec(
      view.notification.message ?? '',
    );
    // Nothing but heartbeats has changed the service in between.
    expect((await serviceChanges('c2')).slice(before)).toEqual([]);
    expect(Date.parse(secondRead?.[1] ?? '')).toBeGreaterThan(Date.parse(firstRead?.[1] ?? ''));
    expect(await serviceOf('c2')).toMatchObject({ status: 'enabled', state: 'up', forced_down: false });
    expect(await movesOf(instance)).toEqual([]);
    await expectOn('c2', instance, 'ACTIVE');
  });
});
