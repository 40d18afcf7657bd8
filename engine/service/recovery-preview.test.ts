/** `plan` is compared with the recovery that follows: the same instances, in the same order, by the same flow. */
import { describe, expect, it } from 'vitest';
import { CloudError } from '#openstack/cloud-error.ts';
import type { PlanView } from '#protocol/views.ts';
import { RecoveryWorld } from '#test/world/recovery-world.ts';
import { Random } from '../cloud/simulated/random.ts';

const IN_TURN = '[DEFAULT]\nhost_failure_recovery_threads = 1\n[host_failure]\nmax_evacuations_in_flight = 1\n';

async function scene(configuration: string, hosts: readonly string[] = ['c1', 'c2']): Promise<RecoveryWorld> {
  const here = new RecoveryWorld({ configuration });
  for (const host of hosts) here.world.addHost(host);
  await here.start();
  return here;
}

const planOf = (here: RecoveryWorld, ...hosts: string[]): Promise<PlanView> =>
  here.clock.run(here.engine.preview.of(hosts));

/** Instances of every kind that the order distinguishes. */
function addInstances(here: RecoveryWorld, random: Random): void {
  const one = <T>(...of: readonly T[]): T | undefined => of[Math.floor(random.next() * of.length)];
  for (let n = 0; n < 14; n += 1) {
    const entries = Object.entries({
      HA_Enabled: one('true', undefined, undefined),
      'instanceha:restart_priority': one('900', '1', 'high', undefined),
      'instanceha:restart_group': one('db', 'web', undefined),
      no_ha: one('true', undefined, undefined, undefined),
    });
    const metadata = Object.fromEntries(
      entries.flatMap(([key, value]) => (value === undefined ? [] : [[key, value] as const])),
    );
    const vmState = one('active', 'active', 'stopped', 'error') ?? 'active';
    const extraSpecs = { evacuable: one('true', 'false') ?? '' };
    const properties = { flavor: 'm1', extraSpecs, image: '', tags: [] };
    here.world.addInstance('c1', {
      name: `i${n}`,
      metadata,
      vmState,
      properties,
      projectId: one('p', 'q', 'r') ?? 'p',
    });
  }
}

/** The instances of each of these projects. */
function ownOf(here: RecoveryWorld, ...projects: string[]): readonly ReadonlySet<string>[] {
  const all = [...here.world.instances.values()];
  return projects.map((project) => new Set(all.filter((one) => one.projectId === project).map(({ uuid }) => uuid)));
}

describe('the plan of a host is what its recovery does', () => {
  const settings = ['phases = none', 'phases = project', 'phases = all', 'evacuable_only = true'];
  it.each(settings.flatMap((setting) => [1, 2, 3].map((seed) => [setting, seed] as const)))(
    'with %s, seed %i',
    async (setting, seed) => {
      await using here = await scene(`${IN_TURN}ignore_instances_in_error_state = ${seed === 2}
[order]\nexclude_metadata = no_ha\n${setting}\n`);
      addInstances(here, new Random(seed));
      const plan = (await planOf(here, 'c1')).hosts[0];
      const called: string[] = [];
      const { evacuate } = here.cloud;
      here.cloud.evacuate = (uuid, ...rest) => {
        called.push(uuid);
        return evacuate.call(here.cloud, uuid, ...rest);
      };
      const { flows } = await here.until(await here.hostFails('c1'));
      const planned = plan?.instances.filter(({ action }) => action === 'evacuate') ?? [];
      const expected = planned.map(({ instance_uuid }) => instance_uuid);
      // While an instance waits for an earlier phase of its project, those of other projects overtake it.
      for (const some of setting === 'phases = project' ? ownOf(here, 'p', 'q', 'r') : [new Set(expected)]) {
        expect(called.filter((uuid) => some.has(uuid))).toEqual(expected.filter((uuid) => some.has(uuid)));
      }
      expect(called.toSorted()).toEqual(expected.toSorted());
      expect(planned.map(({ place }) => place)).toEqual(planned.map((_, index) => index + 1));
      for (const { instance_uuid, final_state } of planned) {
        expect(here.world.requireInstance(instance_uuid)).toMatchObject({ host: 'c2', vmState: final_state });
      }
      for (const { instance_uuid } of plan?.instances.filter(({ action }) => action === 'leave') ?? []) {
        expect(here.world.requireInstance(instance_uuid).host).toBe('c1');
      }
      expect(plan?.tasks.map(({ phase, name }) => [phase, name])).toEqual(
        flows[0]?.tasks.map(({ phase, name }) => [phase, name]),
      );
    },
  );
});

describe('the plan', () => {
  it('writes nothing, and requests no change of the cloud', async () => {
    await using here = await scene('');
    addInstances(here, new Random(7));
    const commits = await here.commits();
    const changes: string[] = [];
    for (const name of ['evacuate', 'changeService', 'resetState', 'stop', 'start'] as const) {
      here.cloud[name] = () => Promise.reject(new Error(`${changes.push(name)} changes`));
    }
    await planOf(here, 'c1', 'c2');
    expect([await here.commits(), changes]).toEqual([commits, []]);
    expect(await here.engine.reads.list({ limit: 10 })).toEqual([]);
  });

  it('shows the gate that would hold the recoveries of many hosts, and none for one', async () => {
    await using here = await scene('', ['c1', 'c2', 'c3', 'c4']);
    const [one] = (await planOf(here, 'c1')).hosts;
    expect(one?.held).toBeNull();
    const { hosts } = await planOf(here, 'c1', 'c2', 'c3');
    expect(hosts.map(({ held }) => held)).toEqual(Array(3).fill(expect.stringContaining('Held by gate failed-hosts:')));
  });

  it('counts the recoveries that would start before another one', async () => {
    await using here = await scene('[gates]\nmax_hosts = 1\n', ['c1', 'c2', 'c3', 'c4', 'c5']);
    const { hosts } = await planOf(here, 'c1', 'c2');
    expect(hosts.map(({ held }) => held)).toEqual([null, expect.stringContaining('Held by gate host-rate:')]);
    // Only in the plan.
    expect((await planOf(here, 'c2')).hosts[0]?.held).toBeNull();
  });

  it('gives no two hosts one reserved host, and shows the flows after the first', async () => {
    await using here = await scene(
      '[failover_segment s]\nhosts = c1, c2\nreserved_hosts = r1, r2\nrecovery_method = rh_priority\n',
      ['c1', 'c2', 'r1', 'r2'],
    );
    const { hosts } = await planOf(here, 'c1', 'c2');
    expect(hosts.map(({ flows }) => flows.map(({ name, reserved_host }) => reserved_host ?? name))).toEqual([
      ['r1', 'r2', 'host_auto'],
      ['r2', 'host_auto'],
    ]);
  });

  it('shows a host of no segment as ignored, and one without a reserved host as without a flow', async () => {
    await using here = await scene('[failover_segment s]\nhosts = c1\nrecovery_method = reserved_host\n');
    const { hosts } = await planOf(here, 'c1', 'c2');
    expect(hosts).toMatchObject([
      { status: 'new', flows: [], no_flow: 'No reserved_hosts available for evacuation.', tasks: [] },
      { status: 'ignored', message: "Host 'c2' is in no failover segment.", held: null },
    ]);
  });

  it('of a host that Nova does not have, or while Nova does not respond, is refused', async () => {
    await using here = await scene('');
    await expect(planOf(here, 'c9')).rejects.toThrow("the instances of host 'c9' cannot be read");
    here.cloud.listInstances = () => Promise.reject(new CloudError('no_answer', 'no route to Nova'));
    await expect(planOf(here, 'c1')).rejects.toThrow('no route to Nova');
  });
});
