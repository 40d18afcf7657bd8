/** The engine, as a process of its own, against a real Keystone, Placement and Nova. */
import { rmSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { EngineProcess } from '#agents/demo/engine-process.ts';
import { JournalReader } from '#engine/journal/reader.ts';
import { RpcClient } from '#protocol/client.ts';
import type { RecoveryView, WatchNotice } from '#protocol/views.ts';
import { hostFailed, instanceFailed, LabEngines, processFailed } from './engines.ts';
import { installPackages } from './install.ts';
import { OpenStackLab } from './lab.ts';

const USER_AGENT = 'recovery-agent';
const WAIT_MS = 180_000;
/** The engine is next to this Nova: no request waits for two minutes on its way, as it may in the queue of a proxy. */
const SHORT_QUEUE = '[host_failure]\nevacuation_queue_wait = 10\n';

let lab: OpenStackLab;
let hasFailed = false;
let engines: LabEngines;

beforeAll(async () => {
  await installPackages();
  lab = await OpenStackLab.start({ computes: 3 });
});

afterAll(async () => {
  await lab?.stop();
  // The logs of a lab in which something failed stay.
  if (lab && !hasFailed) rmSync(lab.directory, { recursive: true, force: true });
});

afterEach(({ task }) => {
  hasFailed ||= task.result?.state === 'fail';
});

beforeEach(() => {
  engines = new LabEngines(lab.cloudsYaml());
});

afterEach(async () => {
  await engines.end();
  engines.deleteFiles();
  await lab.reset();
});

/** Waits until the recovery is closed, or until `moved` instances have arrived. */
async function until(engine: EngineProcess, uuid: string, moved = Number.POSITIVE_INFINITY): Promise<RecoveryView> {
  const reached = Promise.withResolvers<void>();
  const timer = setTimeout(() => reached.reject(new Error(`recovery ${uuid} is not closed in time`)), WAIT_MS);
  const onNotification = (_: string, params: unknown): void => {
    const notice = params as WatchNotice;
    if (notice.kind === 'status' && notice.status !== 'running') reached.resolve();
    if (notice.kind === 'instances' && notice.moved >= moved) reached.resolve();
  };
  try {
    using client = await RpcClient.connect(engine.socket, { onNotification });
    const first = (await client.call('watch', { uuid })) as RecoveryView;
    if (first.notification.closed_at === null) await reached.promise;
    return (await client.call('show', { uuid })) as RecoveryView;
  } finally {
    clearTimeout(timer);
  }
}

interface Mix {
  readonly uuid: string;
  readonly endsAs: string;
  readonly isLocked: boolean;
}

/** Twenty instances on a host, in every state that this Nova can be brought into. */
async function bootMix(host: string): Promise<Mix[]> {
  const marked = await lab.boot(6, host, { metadata: { HA_Enabled: 'True' } });
  const plain = await lab.boot(14, host);
  const [stopped1, stopped2, stopped3, paused, suspended, failed, locked, busy, rescued, shelved] = plain as [
    string,
    string,
    string,
    string,
    string,
    string,
    string,
    string,
    string,
    string,
  ];
  await Promise.all([stopped1, stopped2, stopped3].map((uuid) => lab.stopServer(uuid)));
  await lab.pause(paused);
  await lab.suspend(suspended);
  await lab.resetState(failed, 'error');
  await lab.lock(locked);
  await lab.setTaskState(busy, 'rebooting');
  await lab.setVmState(rescued, 'rescued');
  await lab.setVmState(shelved, 'shelved');
  const ends = new Map([
    ...[stopped1, stopped2, stopped3, paused, suspended, rescued, shelved].map((uuid) => [uuid, 'stopped'] as const),
    [failed, 'error'] as const,
  ]);
  return [...marked, ...plain].map((uuid) => ({
    uuid,
    endsAs: ends.get(uuid) ?? 'active',
    isLocked: uuid === locked,
  }));
}

async function expectRestored(instances: readonly Mix[], source: string): Promise<void> {
  const servers = new Map((await lab.servers()).map((server) => [server.id, server]));
  for (const { uuid, endsAs, isLocked } of instances) {
    const server = servers.get(uuid);
    expect(server, uuid).toMatchObject({
      'OS-EXT-STS:vm_state': endsAs,
      'OS-EXT-STS:task_state': null,
      locked: isLocked,
    });
    expect(server?.['OS-EXT-SRV-ATTR:host']).not.toBe(source);
    expect(lab.whereabouts(uuid)).toEqual([server?.['OS-EXT-SRV-ATTR:host']]);
  }
}

/** Nova's own records: one evacuation for each instance, done. */
async function expectOneEvacuationEach(uuids: readonly string[], source: string): Promise<void> {
  const ours = (await lab.migrations({ migration_type: 'evacuation', source_compute: source })).filter((one) =>
    uuids.includes(one.instance_uuid),
  );
  expect(ours.map(({ instance_uuid }) => instance_uuid).sort()).toEqual([...uuids].sort());
  expect(new Set(ours.map(({ status }) => status))).toEqual(new Set(['done']));
}

async function expectOutOfService(host: string): Promise<void> {
  const [service] = await lab.services({ binary: 'nova-compute', host });
  expect(service).toMatchObject({
    status: 'disabled',
    forced_down: true,
    disabled_reason: 'Masakari detected host failed.',
  });
}

function expectContiguousEvents(view: RecoveryView): void {
  const reader = new JournalReader(engines.journalFile);
  const events = reader.query('show', view.notification.notification_uuid)?.flows.flatMap((flow) => flow.events) ?? [];
  reader.close();
  expect(events.length).toBeGreaterThan(0);
  expect(events.map(({ seq }) => seq)).toEqual(events.map((_, index) => index + 1));
}

describe('on a real OpenStack', () => {
  it('a failed host with 20 instances in mixed states comes back elsewhere, within three Nova calls for each', async () => {
    const instances = await bootMix('c1');
    const uuids = instances.map(({ uuid }) => uuid);
    const engine = await engines.start('n1');
    const before = await lab.callCounts(USER_AGENT);
    await lab.killCompute('c1');
    const view = await until(engine, await hostFailed(engine, 'c1'));
    expect(view.notification).toMatchObject({ status: 'finished' });
    const after = await lab.callCounts(USER_AGENT);
    await expectRestored(instances, 'c1');
    await expectOneEvacuationEach(uuids, 'c1');
    await expectOutOfService('c1');
    expectContiguousEvents(view);

    const calls = { identity: after.identity - before.identity, compute: after.compute - before.compute };
    const resets = instances.filter(({ endsAs }) => endsAs !== 'active').length;
    const [flow] = view.flows;
    const seconds = (Date.parse(flow?.closed_at ?? '') - Date.parse(flow?.started_at ?? '')) / 1000;
    process.stdout.write(
      `lab: 20 instances (${resets} to be restored) recovered in ${seconds.toFixed(1)} s, ` +
        `${(calls.compute / 20).toFixed(2)} Nova calls an instance, ${calls.identity} Keystone calls in all\n`,
    );
    // Setting states and restoring them takes calls of its own; they are counted in.
    expect(calls.compute / 20).toBeLessThanOrEqual(3);
    expect(calls.identity).toBeLessThanOrEqual(2);
  });

  it('a failed host goes to the reserved host, which joins its aggregates', async () => {
    const uuids = await lab.boot(5, 'c1');
    const aggregate = await lab.createHostAggregate(`rack-${Date.now()}`, ['c1']);
    await lab.disableService('c3', 'reserved');
    const engine = await engines.start('n1', {
      configuration:
        '[host_failure]\nadd_reserved_host_to_aggregate = true\n[failover_segment s]\nrecovery_method = reserved_host\nhosts = c1, c2\nreserved_hosts = c3\n',
    });
    await lab.killCompute('c1');
    const view = await until(engine, await hostFailed(engine, 'c1'));
    expect(view.notification.status).toBe('finished');
    const hosts = await Promise.all(uuids.map(async (uuid) => (await lab.server(uuid))['OS-EXT-SRV-ATTR:host']));
    expect(new Set(hosts)).toEqual(new Set(['c3']));
    await expectOneEvacuationEach(uuids, 'c1');
    expect(await lab.services({ binary: 'nova-compute', host: 'c3' })).toMatchObject([{ status: 'enabled' }]);
    const { body } = await lab.request('GET', `/os-aggregates/${aggregate}`);
    expect((body as { aggregate: { hosts: string[] } }).aggregate.hosts).toEqual(expect.arrayContaining(['c1', 'c3']));
  });

  it('a failed instance is stopped and started, and nothing else', async () => {
    const [uuid = ''] = await lab.boot(1, 'c2', { metadata: { HA_Enabled: 'True' } });
    const engine = await engines.start('n1');
    const view = await until(engine, await instanceFailed(engine, 'c2', uuid));
    expect(view.notification.status).toBe('finished');
    expect(await lab.server(uuid)).toMatchObject({ status: 'ACTIVE', 'OS-EXT-SRV-ATTR:host': 'c2' });
    const { body } = await lab.request('GET', `/servers/${uuid}/os-instance-actions`);
    const actions = (body as { instanceActions: { action: string }[] }).instanceActions.map(({ action }) => action);
    expect(actions.toReversed()).toEqual(['create', 'stop', 'start']);
  });

  it('a failed nova-compute process takes its host out of scheduling and touches no instance', async () => {
    const [uuid = ''] = await lab.boot(1, 'c2');
    const engine = await engines.start('n1');
    const view = await until(engine, await processFailed(engine, 'c2'));
    expect(view.notification.status).toBe('finished');
    expect(await lab.services({ binary: 'nova-compute', host: 'c2' })).toMatchObject([
      { status: 'disabled', forced_down: false, disabled_reason: 'Masakari detected process failed.' },
    ]);
    expect((await lab.server(uuid))['OS-EXT-SRV-ATTR:host']).toBe('c2');
  });

  it('an engine killed during a recovery is taken over: one evacuation for each instance, every state restored', async () => {
    const instances = await bootMix('c1');
    const first = await engines.start('n1', { configuration: `${SHORT_QUEUE}max_evacuations_in_flight = 6\n` });
    await lab.killCompute('c1');
    const uuid = await hostFailed(first, 'c1');
    await until(first, uuid, 4);
    first.kill('SIGKILL');
    await first.ended();
    const second = await engines.start('n2', { configuration: SHORT_QUEUE });
    const view = await until(second, uuid);
    expect(view.notification.status).toBe('finished');
    expect(view.flows).toHaveLength(1);
    expect(view.flows[0]?.resumes).toBe(1);
    await expectRestored(instances, 'c1');
    await expectOneEvacuationEach(
      instances.map((one) => one.uuid),
      'c1',
    );
    await expectOutOfService('c1');
    expectContiguousEvents(view);
  });

  it('an outage of Nova and Keystone during a recovery is waited out', async () => {
    const uuids = await lab.boot(8, 'c1');
    const { cloudsYaml } = await lab.createApplicationCredential();
    const engine = await engines.start('n1', {
      configuration: `${SHORT_QUEUE}max_evacuations_in_flight = 2\n`,
      cloudsYaml,
    });
    await lab.killCompute('c1');
    const uuid = await hostFailed(engine, 'c1');
    await until(engine, uuid, 2);
    await Promise.all([lab.killApi('nova-api'), lab.killApi('keystone')]);
    await expect
      .poll(
        async () => {
          using client = await RpcClient.connect(engine.socket);
          const view = (await client.call('show', { uuid })) as RecoveryView;
          return view.flows.flatMap(({ events }) => events.map(({ message }) => message)).join('\n');
        },
        { timeout: 60_000 },
      )
      .toContain('The cloud does not respond');
    await Promise.all([lab.startApi('nova-api'), lab.startApi('keystone')]);
    const view = await until(engine, uuid);
    expect(view.notification.status).toBe('finished');
    await expectOneEvacuationEach(uuids, 'c1');
  });

  it('a host that Nova does not know, and one without instances, end in a clear state', async () => {
    // A name that Nova does not know resembles a host of a cell that is down: the engine waits for that cell first.
    const engine = await engines.start('n1', { configuration: '[engine]\noutage_patience = 5\n' });
    const unknown = await until(engine, await hostFailed(engine, 'c99'));
    expect(unknown.notification).toMatchObject({ status: 'error' });
    expect(unknown.notification.message).toContain("Nova has no nova-compute service on host 'c99'");
    await lab.killCompute('c3');
    const empty = await until(engine, await hostFailed(engine, 'c3'));
    expect(empty.notification).toMatchObject({
      status: 'finished',
      message: "Skipped host 'c3' recovery as no instances needs to be evacuated",
    });
    await expectOutOfService('c3');
  });
});
