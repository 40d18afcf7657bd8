import { describe, expect, it } from 'vitest';
import type { Behaviour } from '#engine/cloud/simulated/world.ts';
import { CloudError } from '#openstack/cloud-error.ts';
import type { RecoveryView } from '#protocol/views.ts';
import { RecoveryWorld } from '#test/world/recovery-world.ts';

interface Scenery {
  /** Lists of the host flow, or of the instance flow. */
  readonly flow?: 'host_auto_failure' | 'instance_failure' | 'process_failure';
  readonly pre?: string;
  readonly post?: string;
  readonly options?: string;
  readonly behaviour?: Partial<Behaviour>;
  readonly seed?: number;
}

async function world(actions: string, scenery: Scenery = {}): Promise<RecoveryWorld> {
  const {
    flow = 'host_auto_failure',
    pre = "'disable_compute_service_task'",
    post = '',
    options = '',
    ...rest
  } = scenery;
  const lists = `[taskflow_driver_recovery_flows]\n${flow}_recovery_tasks = pre:[${pre}],main:['heal'],post:[${post}]\n`;
  const configuration = `${lists}[heal]\ndriver = recovery_action\nactions = ${actions}\n${options}`;
  const here = new RecoveryWorld({ configuration, ...rest });
  for (const host of ['c1', 'c2', 'c3']) here.world.addHost(host);
  for (const name of ['web', 'db', 'mail']) here.world.addInstance('c1', { name });
  here.world.workflows.workflows.set('note', { tasks: [{ name: 'note', ms: 100 }], ends: 'SUCCESS' });
  await here.start('n1');
  return here;
}

const uuids = (here: RecoveryWorld): string[] => [...here.world.instances.keys()];
const actionsOf = (here: RecoveryWorld): string[][] =>
  uuids(here).map((uuid) => here.world.actionsOf(uuid).map(({ action }) => action));
const lines = ({ flows }: RecoveryView): string[] =>
  flows.flatMap(({ events }) => events.map(({ message }) => message));

function instanceFails(here: RecoveryWorld, uuid = uuids(here)[0]): Promise<string> {
  const payload = { event: 'LIFECYCLE', vir_domain_event: 'STOPPED_FAILED', instance_uuid: uuid };
  return here.notify({ type: 'VM', hostname: 'c1', payload });
}

/** Stops the engine once something was requested; another one continues. */
async function takenOver(here: RecoveryWorld, requested: () => boolean, between: () => void = () => {}): Promise<void> {
  const seen = async (): Promise<void> => {
    while (!requested()) await here.clock.sleep(50);
  };
  await here.clock.run(seen());
  await here.clock.run(here.engine.stop());
  between();
  await here.start('n2');
}

describe('REBOOT', () => {
  it('reboots the failed instance, once', async () => {
    await using here = await world('[{name: REBOOT}]', { flow: 'instance_failure', pre: '' });
    const view = await here.until(await instanceFails(here));
    expect(view.notification.status).toBe('finished');
    expect(actionsOf(here)).toEqual([['reboot'], [], []]);
  });

  it('of an instance on a dead host is not requested, and the message contains a cure', async () => {
    await using here = await world('[{name: REBOOT}]');
    const view = await here.until(await here.hostFails('c1'), 'error');
    expect(view.notification.message).toMatch(/heal: not done for 3 of 3 .*of its host c1 is down; only EVACUATE/);
    expect(actionsOf(here)).toEqual([[], [], []]);
  });

  it("waits for Nova's other operations on the instance, and times out", async () => {
    await using here = await world('[{name: REBOOT}]', { flow: 'instance_failure', pre: '' });
    Object.assign(here.world.instances.get(uuids(here)[0] ?? '') ?? {}, { taskState: 'image_snapshot' });
    const view = await here.until(await instanceFails(here), 'error');
    expect(view.notification.message).toMatch(/Nova is busy with it \(task image_snapshot\)/);
  });

  it.each([1, 2, 3, 4, 5, 6, 7, 8])(
    'with lost requests, lost replies and a dead engine happens once (seed %i)',
    async (seed) => {
      const behaviour = { lostRequests: 0.4, lostReplies: 0.4 };
      await using here = await world('[{name: REBOOT}]', { flow: 'instance_failure', pre: '', behaviour, seed });
      const uuid = await instanceFails(here);
      await takenOver(here, () => actionsOf(here).flat().length > 0);
      expect((await here.until(uuid)).notification.status).toBe('finished');
      expect(actionsOf(here)).toEqual([['reboot'], [], []]);
    },
  );
});

describe('requests an action of the same kind that a user requests meanwhile', () => {
  it('is not taken for ours', async () => {
    await using here = await world('[{name: REBOOT}]', { flow: 'instance_failure', pre: '' });
    const { world: cloud } = here;
    const actions = cloud.actionsOf.bind(cloud);
    const ofUser = { action: 'reboot', requestId: 'req-of-a-user', isFailed: true, startedAt: null, userId: 'u' };
    // Newest first, as Nova lists them.
    cloud.actionsOf = (uuid) => (actions(uuid).length > 0 ? [ofUser, ...actions(uuid)] : []);
    const view = await here.until(await instanceFails(here), 'finished', 'error');
    expect(view.notification).toMatchObject({ status: 'finished', message: null });
    expect(actions(uuids(here)[0] ?? '')).toHaveLength(1);
  });
});

describe('REBUILD', () => {
  it('that takes longer than it may is awaited in the next attempt, and not requested again', async () => {
    const behaviour = { powerMs: 150_000 };
    const options = 'timeout = 3600\nretries = 3\nretry_delay = 1\n';
    await using here = await world('[{name: REBUILD}]', { flow: 'instance_failure', pre: '', behaviour, options });
    const view = await here.until(await instanceFails(here), 'finished', 'error', 'failed');
    expect(lines(view).join()).toMatch(/it did not end in time \(task rebuilding\)/);
    expect(view.notification.status).toBe('finished');
    expect(actionsOf(here)).toEqual([['rebuild'], [], []]);
  });

  it('that one flow requested is not requested again, though a flow between them never polled it', async () => {
    await using here = await world('[{name: REBUILD}]', { flow: 'instance_failure', pre: '' });
    const { world: cloud } = here;
    const actions = cloud.actionsOf.bind(cloud);
    let isAway = false;
    cloud.actionsOf = (uuid) => {
      if (isAway) throw new CloudError('unknown', 'Nova does not list actions');
      return actions(uuid);
    };
    const uuid = await instanceFails(here);
    const requested = async (): Promise<void> => {
      while (actions(uuids(here)[0] ?? '').length === 0) await here.clock.sleep(50);
    };
    await here.clock.run(requested());
    isAway = true;
    const twoFailed = async (): Promise<void> => {
      while ((await here.engine.reads.show(uuid)).flows.filter(({ state }) => state === 'FAILURE').length < 2)
        await here.clock.sleep(1000);
    };
    await here.clock.run(twoFailed());
    isAway = false;
    expect((await here.until(uuid)).notification.status).toBe('finished');
    expect(actionsOf(here)).toEqual([['rebuild'], [], []]);
  });

  it('is requested once, with any number of restarts of its flow while it runs', async () => {
    const behaviour = { powerMs: 30_000 };
    await using here = await world('[{name: REBUILD}]', { flow: 'instance_failure', pre: '', behaviour });
    const uuid = await instanceFails(here);
    for (let n = 1; n <= 3; n += 1) {
      const isWatched = async (): Promise<void> => {
        while ((await here.engine.reads.show(uuid)).flows.length < n || actionsOf(here).flat().length === 0) {
          await here.clock.sleep(50);
        }
        await here.clock.sleep(2_000);
      };
      await here.clock.run(isWatched());
      if (n < 3) await here.clock.run(here.engine.operator.turn(uuid, 'restart'));
    }
    const view = await here.until(uuid);
    expect(view.flows.map(({ state }) => state)).toEqual(['ABANDONED', 'ABANDONED', 'SUCCESS']);
    expect(actionsOf(here)).toEqual([['rebuild'], [], []]);
  });
});

describe('a chain', () => {
  const CHAIN = '[{name: REBUILD}, {name: WORKFLOW, params: {workflow_name: note, inputs: {host: "{{ host_name }}"}}}]';

  it('does one action after the other, and a workflow gets the instance', async () => {
    await using here = await world(CHAIN, { flow: 'instance_failure', pre: '' });
    const view = await here.until(await instanceFails(here));
    expect(view.notification.status).toBe('finished');
    expect(actionsOf(here)).toEqual([['rebuild'], [], []]);
    const [uuid] = uuids(here);
    expect(here.world.workflows.executions).toMatchObject([
      { state: 'SUCCESS', inputs: { host: 'c1', instance_uuid: uuid } },
    ]);
    expect(lines(view)).toEqual(expect.arrayContaining([`REBUILD: ${uuid}`, `WORKFLOW: ${uuid}`, 'note: SUCCESS']));
  });

  it('does nothing more with an instance on which an action failed, and reports both groups', async () => {
    const options = `instances = chosen
provides = recovered_instances, failed_instances
on_failure = continue
[pick]
driver = mistral
workflow_name = pick
provides = chosen
[report]
driver = mistral
workflow_name = report
inputs = {well: "{{ recovered_instances.name }}", hosts: "{{ recovered_instances.new_host }}", badly: "{{ failed_instances.name }}"}
`;
    const actions = '[{name: REBOOT}, {name: WORKFLOW, params: {workflow_name: note}}]';
    await using here = await world(actions, { flow: 'process_failure', pre: "'pick'", post: "'report'", options });
    const [web = '', db = '', mail = ''] = uuids(here);
    Object.assign(here.world.instances.get(db) ?? {}, { taskState: 'image_snapshot' });
    const { workflows } = here.world.workflows;
    workflows.set('pick', { tasks: [], ends: 'SUCCESS', output: { chosen: [web, { uuid: db }, mail] } });
    workflows.set('report', { tasks: [], ends: 'SUCCESS' });
    const payload = { event: 'STOPPED', process_name: 'nova-compute' };
    const view = await here.until(await here.notify({ type: 'PROCESS', hostname: 'c1', payload }));
    expect(view.notification).toMatchObject({
      status: 'finished',
      message: `continued after failure: heal: not done for 1 of 3 instances: ${db} (Nova is busy with it (task image_snapshot))`,
    });
    const inputsOf = (name: string) =>
      here.world.workflows.executions.filter((one) => one.workflowName === name).map(({ inputs }) => inputs);
    expect(inputsOf('note')).toEqual([{ instance_uuid: web }, { instance_uuid: mail }]);
    expect(inputsOf('report')).toEqual([{ well: ['web', 'mail'], hosts: ['c1', 'c1'], badly: ['db'] }]);
  });
});

describe('WORKFLOW', () => {
  it('that is in doubt for an instance waits for the word of the operator', async () => {
    const actions = '[{name: WORKFLOW, params: {workflow_name: note}}]';
    await using here = await world(actions, { flow: 'instance_failure', pre: '' });
    here.world.workflows.workflows.set('note', { tasks: [{ name: 'note', ms: 60_000 }], ends: 'SUCCESS' });
    const uuid = await instanceFails(here);
    await takenOver(
      here,
      () => here.world.workflows.executions.some(({ startedAt }) => startedAt < here.clock.now() - 2000),
      () => here.world.workflows.forget(here.world.workflows.executions[0]?.id ?? ''),
    );
    const view = await here.until(uuid, 'failed');
    expect(view.notification.message).toMatch(
      /heal: not done for 1 of 1 .*Mistral had started it and does not have it/,
    );
    const declareDone = (name: string) =>
      here.clock.run(here.engine.operator.retry(uuid, 'none', new Map([[name, 'done']])));
    await expect(declareDone('heal')).rejects.toThrow(`these are: heal/0/${uuids(here)[0]}`);
    await declareDone(`heal/0/${uuids(here)[0]}`);
    expect((await here.until(uuid, 'finished', 'failed')).notification.status).toBe('finished');
    expect(here.world.workflows.executions).toEqual([]);
  });
});

describe('EVACUATE', () => {
  it('moves the instances of a failed host as the built-in task does, and continues with them', async () => {
    await using here = await world('[{name: EVACUATE}, {name: REBOOT}]');
    const view = await here.until(await here.hostFails('c1'));
    expect(view.notification.status).toBe('finished');
    expect(Object.values(here.world.counts.accepted)).toEqual([1, 1, 1]);
    expect([...here.world.instances.values()].every(({ host }) => host !== 'c1')).toBe(true);
    expect(actionsOf(here)).toEqual([['reboot'], ['reboot'], ['reboot']]);
  });

  it('needs the host to be forced down', async () => {
    await using here = await world('[{name: EVACUATE}]', { pre: '' });
    const view = await here.until(await here.hostFails('c1'), 'error');
    expect(view.notification.message).toMatch(/needs host 'c1' to be down and forced down/);
    expect(here.world.counts.accepted).toEqual({});
  });

  it('leaves instances of other hosts alone', async () => {
    await using here = await world('[{name: EVACUATE}]', { flow: 'instance_failure', pre: '' });
    const [uuid = ''] = uuids(here);
    Object.assign(here.world.instances.get(uuid) ?? {}, { host: 'c2' });
    const payload = { event: 'LIFECYCLE', vir_domain_event: 'STOPPED_FAILED', instance_uuid: uuid };
    const view = await here.until(await here.notify({ type: 'VM', hostname: 'c2', payload }), 'error', 'finished');
    expect(view.notification.message).toMatch(/needs host 'c2' to be down/);
    expect(here.world.counts.accepted).toEqual({});
  });

  it('finishes in the next round with instances that left the host when the time of the first was up', async () => {
    const behaviour = { rebuildMs: [4000, 4000] } as const;
    await using here = await world('[{name: EVACUATE}]', { behaviour, options: 'timeout = 3\n' });
    for (const instance of here.world.instances.values()) Object.assign(instance, { vmState: 'paused', powerState: 3 });
    const uuid = await here.hostFails('c1');
    expect((await here.until(uuid, 'error')).notification.message).toBe('heal: timed out after 3 s');
    expect((await here.until(uuid)).notification.status).toBe('finished');
    expect(Object.values(here.world.counts.accepted)).toEqual([1, 1, 1]);
    expect([...here.world.instances.values()].map(({ vmState }) => vmState)).toEqual(['stopped', 'stopped', 'stopped']);
  });

  it.each([1, 2, 3, 4])('with lost calls and a dead engine moves each instance once (seed %i)', async (seed) => {
    const behaviour = { lostRequests: 0.3, lostReplies: 0.3 };
    await using here = await world('[{name: EVACUATE}, {name: REBOOT}]', { behaviour, seed });
    const uuid = await here.hostFails('c1');
    await takenOver(here, () => Object.keys(here.world.counts.accepted).length > 0);
    expect((await here.until(uuid)).notification.status).toBe('finished');
    expect(Object.values(here.world.counts.accepted)).toEqual([1, 1, 1]);
    expect(here.world.counts.duplicates).toBe(0);
    expect(actionsOf(here)).toEqual([['reboot'], ['reboot'], ['reboot']]);
  });
});

describe('instances', () => {
  it('are selected once: an engine that resumes acts on the same ones', async () => {
    await using here = await world('[{name: EVACUATE}]');
    const uuid = await here.hostFails('c1');
    await takenOver(here, () => Object.keys(here.world.counts.accepted).length === 3);
    here.world.addInstance('c1', { name: 'late' });
    expect((await here.until(uuid)).notification.status).toBe('finished');
    expect(Object.keys(here.world.counts.accepted)).toHaveLength(3);
  });

  it('of a failed process must be named', async () => {
    await using here = await world('[{name: REBOOT}]', { flow: 'process_failure', pre: '' });
    const payload = { event: 'STOPPED', process_name: 'nova-compute' };
    const view = await here.until(await here.notify({ type: 'PROCESS', hostname: 'c1', payload }), 'error');
    expect(view.notification.message).toMatch(/a failed process names no instances/);
    expect(actionsOf(here)).toEqual([[], [], []]);
  });
});
