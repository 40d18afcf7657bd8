// Loaded before simulated time begins, which would run on meanwhile.
import '../task-drivers/recovery-action/driver.ts';
import '../task-drivers/mistral/driver.ts';
import { describe, expect, it } from 'vitest';
import type { Instance } from '#engine/cloud/cloud.ts';
import type { Behaviour } from '#engine/cloud/simulated/world.ts';
import type { RecoveryView } from '#protocol/views.ts';
import { RecoveryWorld } from '#test/world/recovery-world.ts';

interface Scenery {
  readonly actions?: string;
  readonly pre?: string;
  readonly post?: string;
  readonly options?: string;
  /** What the flow does when its engine died. */
  readonly policy?: string;
  readonly behaviour?: Partial<Behaviour>;
  readonly seed?: number;
}

/** Three hosts; c1 holds two running instances and a stopped one, and its return brings them home. */
async function world(scenery: Scenery = {}): Promise<RecoveryWorld> {
  const {
    actions = '[{name: MIGRATE}]',
    pre = "'enable_compute_service_task'",
    post = '',
    options = '',
    policy = 'resume',
    ...rest
  } = scenery;
  const lists = `[taskflow_driver_recovery_flows]\nhost_return_recovery_tasks = pre:[${pre}],main:['home'],post:[${post}]\nhost_return_recovery_after_crash = ${policy}\n`;
  const configuration = `${lists}[home]\ndriver = recovery_action\nactions = ${actions}\n${options}`;
  const here = new RecoveryWorld({ configuration, ...rest });
  for (const host of ['c1', 'c2', 'c3']) here.world.addHost(host);
  here.world.addInstance('c1', { name: 'web' });
  here.world.addInstance('c1', { name: 'db' });
  here.world.addInstance('c1', { name: 'mail', vmState: 'stopped' });
  await here.start('n1');
  return here;
}

async function failed(here: RecoveryWorld, host = 'c1'): Promise<void> {
  const view = await here.until(await here.hostFails(host));
  expect(view.notification.status).toBe('finished');
}

/** Uuid by name. */
function uuidOf(here: RecoveryWorld, name: string): string {
  return [...here.world.instances.values()].find((one) => one.name === name)?.uuid ?? '';
}

function change(here: RecoveryWorld, name: string, to: Partial<Instance>): void {
  Object.assign(here.world.instances.get(uuidOf(here, name)) ?? {}, to);
}

/** Where each instance is and what it is, by name. */
function whereabouts(here: RecoveryWorld): Record<string, string> {
  return Object.fromEntries(
    [...here.world.instances.values()].map(({ name, host, vmState, taskState }) => [
      name,
      `${vmState} on ${host}${taskState ? ` (${taskState})` : ''}`,
    ]),
  );
}

/** The requests for each instance, oldest first, by name. */
function requested(here: RecoveryWorld): Record<string, string[]> {
  return Object.fromEntries(
    [...here.world.instances.values()].map(({ name, uuid }) => [
      name,
      here.world
        .actionsOf(uuid)
        .map(({ action }) => action)
        .reverse(),
    ]),
  );
}

const HOME = { web: 'active on c1', db: 'active on c1', mail: 'stopped on c1' };
const ONCE = { web: ['live-migration'], db: ['live-migration'], mail: ['migrate', 'confirmResize'] };

const lines = ({ flows }: RecoveryView): string[] =>
  flows.flatMap(({ events }) => events.map(({ message }) => message));

/** Runs the clock until something is so. */
async function until(here: RecoveryWorld, isSo: () => boolean): Promise<void> {
  const seen = async (): Promise<void> => {
    while (!isSo()) await here.clock.sleep(50);
  };
  await here.clock.run(seen());
}

describe('a host that comes back', () => {
  it('is noted and nothing more where nothing is to be done about it: not one call', async () => {
    await using here = new RecoveryWorld();
    for (const host of ['c1', 'c2']) here.world.addHost(host);
    here.world.addInstance('c1');
    await here.start();
    await failed(here);
    const calls = here.cloud.calls.compute;
    const view = await here.until(await here.hostReturns('c1'));
    expect(view.notification).toMatchObject({ status: 'finished', message: "Host 'c1' came back." });
    expect([view.flows, here.cloud.calls.compute]).toEqual([[], calls]);
  });

  it('gets its instances home, each by one migration, live or cold, and takes instances again', async () => {
    await using here = await world();
    await failed(here);
    const view = await here.until(await here.hostReturns('c1'));
    expect(view.notification).toMatchObject({ status: 'finished', message: null });
    expect([whereabouts(here), requested(here)]).toEqual([HOME, ONCE]);
    expect(here.world.hosts.get('c1')).toMatchObject({ status: 'enabled', forcedDown: false, disabledReason: null });
    expect(view.flows.map(({ name, state }) => [name, state])).toEqual([['host_return_engine', 'SUCCESS']]);
    expect(view.flows[0]?.instances.map(({ name, to, state }) => [name, to, state]).sort()).toEqual([
      ['db', 'c1', 'moved'],
      ['mail', 'c1', 'moved'],
      ['web', 'c1', 'moved'],
    ]);
    expect(here.world.counts).toEqual({
      accepted: Object.fromEntries([...here.world.instances.keys()].map((uuid) => [uuid, 1])),
      duplicates: 0,
    });
  });

  it('gets home only instances that its recoveries moved and no user touched since', async () => {
    await using here = await world();
    await failed(here);
    here.world.addInstance('c2', { name: 'stranger' });
    change(here, 'db', { host: here.world.instances.get(uuidOf(here, 'db'))?.host === 'c2' ? 'c3' : 'c2' });
    here.world.delete(uuidOf(here, 'mail'));
    const view = await here.until(await here.hostReturns('c1'));
    expect(view.notification.status).toBe('finished');
    expect(requested(here)).toEqual({ web: ['live-migration'], db: [], mail: [], stranger: [] });
    expect(lines(view).join('\n')).toMatch(
      new RegExp(`Instance '${uuidOf(here, 'db')}' stays where it is: it was moved to`),
    );
    expect(lines(view)).toContain(`Instance '${uuidOf(here, 'mail')}' does not exist any more`);
  });

  it('does not change an instance that a user moves while others are migrated home', async () => {
    await using here = await world({ options: '[host_failure]\nmax_evacuations_in_flight = 2\n' });
    await failed(here);
    const uuid = await here.hostReturns('c1');
    await until(here, () => Object.keys(here.world.migrations).length === 1);
    const [waiting = ''] = ['web', 'db', 'mail'].filter((name) => requested(here)[name]?.length === 0);
    const elsewhere = here.world.instances.get(uuidOf(here, waiting))?.host === 'c2' ? 'c3' : 'c2';
    change(here, waiting, { host: elsewhere });
    const view = await here.until(uuid);
    expect(view.notification).toMatchObject({ status: 'finished', message: null });
    expect(requested(here)[waiting]).toEqual([]);
    expect(view.flows[0]?.instances.find(({ name }) => name === waiting)).toMatchObject({
      state: 'left',
      reason: `another user moved it to ${elsewhere}`,
    });
  });

  it('a second time gets home what the second failure moved, and not what stayed away', async () => {
    await using here = await world();
    await failed(here);
    await here.until(await here.hostReturns('c1'));
    // A user who moves an instance away after its migration home intends that.
    change(here, 'web', { host: 'c3' });
    await failed(here);
    await here.until(await here.hostReturns('c1'));
    expect(whereabouts(here)).toEqual({ ...HOME, web: 'active on c3' });
    expect(requested(here)).toMatchObject({ web: ['live-migration'], db: ['live-migration', 'live-migration'] });
    // Nothing has failed since: no instance is left to migrate home.
    await here.clock.run(here.clock.sleep(600_000));
    here.world.addInstance('c1', { name: 'new' });
    change(here, 'db', { host: 'c2' });
    const third = await here.until(await here.hostReturns('c1'));
    expect(lines(third)).toContain('There is no instance to act on');
  });

  it.each([
    ['paused', 3, 'paused on c1'],
    ['suspended', 4, 'suspended on c[23]'],
    ['error', 0, 'error on c[23]'],
    ['rescued', 1, 'rescued on c[23]'],
    ['shelved_offloaded', 4, 'shelved_offloaded on c[23]'],
    ['resized', 1, 'resized on c[23]'],
  ])('and an instance that is %s by then', async (vmState, powerState, expected) => {
    await using here = await world({ actions: '[{name: MIGRATE}, {name: REBOOT}]' });
    await failed(here);
    change(here, 'web', { vmState, powerState });
    const view = await here.until(await here.hostReturns('c1'));
    expect(view.notification.status).toBe('finished');
    const isMoved = expected.endsWith('c1');
    expect(requested(here).web).toEqual(isMoved ? ['live-migration', 'reboot'] : []);
    if (!isMoved) {
      expect(whereabouts(here).web).toMatch(new RegExp(expected));
      expect(lines(view).join('\n')).toContain(
        `MIGRATE leaves '${uuidOf(here, 'web')}' where it is: an instance in vm_state ${vmState}`,
      );
    }
    expect(requested(here).db).toEqual(['live-migration', 'reboot']);
  });

  it('and stays a reserved host, if an operator has made it one again', async () => {
    await using here = await world({ options: '[failover_segment s]\nhosts = c2\nreserved_hosts = c1\n' });
    await failed(here);
    expect(await here.journal.query('hosts')).toMatchObject([{ name: 'c1', reserved: 0 }]);
    await here.clock.run(here.engine.operator.setReserved('c1', 1));
    expect((await here.until(await here.hostReturns('c1'))).notification.status).toBe('finished');
    expect(await here.journal.query('hosts')).toMatchObject([{ name: 'c1', reserved: 1 }]);
  });

  it('and a locked instance, which the operator may migrate', async () => {
    await using here = await world();
    change(here, 'web', { locked: true });
    await failed(here);
    await here.until(await here.hostReturns('c1'));
    expect(whereabouts(here)).toEqual(HOME);
  });

  it('and instances that are named, moved by any user', async () => {
    const options = `instances = chosen
[pick]
driver = mistral
workflow_name = pick
provides = chosen
`;
    await using here = await world({ options, pre: "'enable_compute_service_task','pick'" });
    const { uuid } = here.world.addInstance('c3', { name: 'named' });
    here.world.workflows.workflows.set('pick', { tasks: [], ends: 'SUCCESS', output: { chosen: [uuid] } });
    await failed(here);
    await here.until(await here.hostReturns('c1'));
    expect(whereabouts(here).named).toBe('active on c1');
    expect(requested(here).web).toEqual([]);
  });
});

describe('an instance that cannot be migrated', () => {
  it('keeps running where it is, the others are migrated home, and the next round retries it', async () => {
    await using here = await world({ options: 'provides = recovered_instances, failed_instances\n' });
    await failed(here);
    change(here, 'web', { taskState: 'image_snapshot' });
    const uuid = await here.hostReturns('c1');
    const view = await here.until(uuid, 'error');
    expect(view.notification.message).toContain(
      `not done for 1 of 3 instances: ${uuidOf(here, 'web')} (Nova is busy with it`,
    );
    expect(whereabouts(here)).toMatchObject({ db: 'active on c1', mail: 'stopped on c1' });
    change(here, 'web', { taskState: null });
    expect((await here.until(uuid)).notification.status).toBe('finished');
    expect([whereabouts(here), requested(here)]).toEqual([HOME, ONCE]);
  });

  it('is one whose migration did not succeed: it is reported, and requested once more in the next round', async () => {
    await using here = await world({ behaviour: { failedMigrations: 1 } });
    await failed(here);
    const uuid = await here.hostReturns('c1');
    const view = await here.until(uuid, 'error');
    expect(view.notification.message).toMatch(
      /not done for 3 of 3 .*Nova's request req-\S+ did not succeed, and the instance is still on c[23]/,
    );
    expect(view.notification.message).toContain(`${uuidOf(here, 'mail')} (it is in state error after it)`);
    expect(requested(here)).toEqual({ web: ['live-migration'], db: ['live-migration'], mail: ['migrate'] });
    here.world.behaviour = { ...here.world.behaviour, failedMigrations: 0 };
    // What Nova left broken is not passed over: the recovery does not end well.
    const end = await here.until(uuid);
    expect(end.notification).toMatchObject({
      status: 'failed',
      message: expect.stringContaining(
        `not done for 1 of 3 instances: ${uuidOf(here, 'mail')} (it is in state error since: it is in state error after it)`,
      ),
    });
    expect(whereabouts(here)).toMatchObject({ web: 'active on c1', db: 'active on c1' });
    expect(requested(here)).toEqual({
      web: ['live-migration', 'live-migration'],
      db: ['live-migration', 'live-migration'],
      mail: ['migrate'],
    });
  });

  it('is every one, reported once, while the host accepts none', async () => {
    await using here = await world({ pre: '' });
    await failed(here);
    const view = await here.until(await here.hostReturns('c1'), 'error');
    expect(view.notification.message).toMatch(/home: MIGRATE needs .*put enable_compute_service_task before it/);
    expect(here.world.migrations).toEqual({});
  });
});

describe('with any faults on the way, each migration is requested once', () => {
  it.each(Array.from({ length: 12 }, (_, index) => index + 1))(
    'lost requests, lost replies and a dead engine (seed %i)',
    async (seed) => {
      const behaviour = { lostRequests: 0.3, lostReplies: 0.3 };
      await using here = await world({ behaviour, seed });
      await failed(here);
      const evacuated = here.world.counts;
      const uuid = await here.hostReturns('c1');
      await until(here, () => Object.keys(here.world.migrations).length > seed % 3);
      await here.clock.run(here.engine.stop());
      await here.start('n2');
      const view = await here.until(uuid);
      expect(view.notification, `seed ${seed}`).toMatchObject({ status: 'finished' });
      expect([whereabouts(here), requested(here)], `seed ${seed}`).toEqual([HOME, ONCE]);
      expect(here.world.counts).toEqual(evacuated);
    },
  );

  it.each([
    ['resume', ['SUCCESS']],
    ['restart', ['ABANDONED', 'ABANDONED', 'SUCCESS']],
    ['rollback', ['REVERTED', 'SUCCESS']],
  ])(
    'an engine that dies in the call and one that dies after it, and a flow that then does %s',
    async (policy, states) => {
      await using here = await world({ policy, behaviour: { migrationMs: [20_000, 20_000] } });
      await failed(here);
      const uuid = await here.hostReturns('c1');
      await until(here, () => here.world.hosts.get('c1')?.status === 'enabled');
      here.life.doom();
      await here.clock.run(here.life.death);
      await here.start('n2');
      await until(here, () => Object.keys(here.world.migrations).length > 0);
      await here.clock.run(here.clock.sleep(3000));
      here.life.doom();
      void here.life.outlive(undefined);
      await here.start('n3');
      const view = await here.until(uuid);
      expect(view.notification.status).toBe('finished');
      expect(view.flows.map(({ state }) => state)).toEqual(states);
      expect([whereabouts(here), requested(here)]).toEqual([HOME, ONCE]);
    },
  );

  it('a migration that outlasts the time of its task is taken up by the next round', async () => {
    const behaviour = { migrationMs: [30_000, 30_000] } as const;
    await using here = await world({ behaviour, options: 'timeout = 10\n' });
    await failed(here);
    const uuid = await here.hostReturns('c1');
    expect((await here.until(uuid, 'error')).notification.message).toBe('home: timed out after 10 s');
    expect((await here.until(uuid)).notification.status).toBe('finished');
    expect([whereabouts(here), requested(here)]).toEqual([HOME, ONCE]);
  });

  it('a long migration is waited for as long as the task may last, and no longer than that', async () => {
    await using here = await world({ behaviour: { migrationMs: [600_000, 900_000] } });
    await failed(here);
    const view = await here.until(await here.hostReturns('c1'));
    expect(view.notification).toMatchObject({ status: 'finished', message: null });
    expect(view.flows).toHaveLength(1);
    expect(requested(here)).toEqual(ONCE);
  });

  it('one that Nova confirms by itself is not confirmed again', async () => {
    await using here = await world({ behaviour: { confirmsAfterMs: 0 } });
    await failed(here);
    const view = await here.until(await here.hostReturns('c1'));
    expect(view.notification.status).toBe('finished');
    expect([whereabouts(here), requested(here).mail]).toEqual([HOME, ['migrate']]);
  });

  it('not more at a time than half of what may be in flight: a failing host finds places', async () => {
    await using here = await world({ options: '[host_failure]\nmax_evacuations_in_flight = 2\n' });
    await failed(here);
    const uuid = await here.hostReturns('c1');
    let most = 0;
    const watch = async (): Promise<void> => {
      while ((await here.engine.reads.show(uuid)).notification.closed_at === null) {
        const busy = [...here.world.instances.values()].filter(({ taskState }) => taskState !== null).length;
        most = Math.max(most, busy);
        await here.clock.sleep(50);
      }
    };
    await here.clock.run(watch());
    expect([most, whereabouts(here)]).toEqual([1, HOME]);
  });
});

describe('a host that fails again while its instances come home', () => {
  it('is recovered at once, and nothing more is sent there', async () => {
    await using here = await world({ options: '[host_failure]\nmax_evacuations_in_flight = 2\n' });
    await failed(here);
    const back = await here.hostReturns('c1');
    await until(here, () => Object.values(whereabouts(here)).includes('active on c1'));
    const [home = ''] = Object.entries(whereabouts(here)).find(([, what]) => what === 'active on c1') ?? [];
    const again = await here.hostFails('c1');
    const migrations = here.world.migrations;
    expect((await here.until(again)).notification.status).toBe('finished');
    expect((await here.until(back)).notification).toMatchObject({
      status: 'ignored',
      message: expect.stringContaining("Host 'c1' came back, but has failed again since."),
    });
    await here.clock.run(here.clock.sleep(600_000));
    expect(here.world.migrations).toEqual(migrations);
    expect(whereabouts(here)[home]).toMatch(/active on c[23]/);
    expect(Object.values(whereabouts(here)).filter((what) => what.endsWith('c1'))).toEqual([]);
    expect(here.world.counts.duplicates).toBe(0);
  });

  it('and comes back again gets all of them home', async () => {
    await using here = await world({ behaviour: { migrationMs: [8000, 8000] } });
    change(here, 'mail', { vmState: 'active', powerState: 1 });
    await failed(here);
    const back = await here.hostReturns('c1');
    await until(here, () => Object.keys(here.world.migrations).length === 3);
    const again = await here.hostFails('c1');
    const { status, message } = (await here.until(back)).notification;
    expect(status).toBe('ignored');
    for (const name of ['web', 'db', 'mail']) {
      expect(message).toMatch(new RegExp(`Check the instances that were in transit to it: .*${uuidOf(here, name)}`));
    }
    expect((await here.until(again)).notification.status).toBe('finished');
    const last = await here.until(await here.hostReturns('c1'));
    expect(last.notification.status).toBe('finished');
    expect(whereabouts(here)).toEqual({ ...HOME, mail: 'active on c1' });
  });

  it('does not come back by a report about the time before', async () => {
    await using here = await world();
    const generated_time = new Date(here.clock.now()).toISOString();
    await here.clock.run(here.clock.sleep(60_000));
    await failed(here);
    const payload = { event: 'STARTED', cluster_status: 'ONLINE', host_status: 'NORMAL' };
    const view = await here.until(await here.notify({ type: 'COMPUTE_HOST', hostname: 'c1', generated_time, payload }));
    expect(view.notification).toMatchObject({
      status: 'ignored',
      message: "Host 'c1' came back, but has failed again since.",
    });
    expect(view.flows).toEqual([]);
  });

  it('comes back only when the recovery of its failure has ended', async () => {
    await using here = await world({ behaviour: { rebuildMs: [60_000, 60_000] } });
    const first = await here.hostFails('c1');
    await here.clock.run(here.clock.sleep(5000));
    const back = await here.hostReturns('c1');
    await here.clock.run(here.clock.sleep(5000));
    expect((await here.until(back, 'new')).flows).toEqual([]);
    expect((await here.until(first)).notification.status).toBe('finished');
    // What arrived elsewhere after nova-compute had started is removed when it starts again.
    here.world.comeBack('c1');
    expect((await here.until(back)).notification.status).toBe('finished');
    expect(whereabouts(here)).toEqual(HOME);
  });
});
