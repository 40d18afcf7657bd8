/** What Nova refuses for one host or one instance: engines in processes of their own, against a real Nova. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import type { RecoveryView } from '#protocol/views.ts';
import { Program } from '#test/world/engine-world.ts';
import { hostFailed, isOver, linesOf, untilRecovery } from './engines.ts';
import { actionsOf, expectMoves, expectRest, hostOf, movesOf } from './records.ts';
import { useLab } from './suite.ts';

const suite = useLab({ computes: 3, unmapped: 1 });

/** c1 loses its power, and its recovery is awaited. */
async function recoverC1(configuration = '', cloudsYaml?: string): Promise<RecoveryView> {
  const { lab } = suite;
  await using engines = suite.newEngines(cloudsYaml);
  const engine = await engines.start('n1', { configuration });
  await lab.killCompute('c1');
  return await untilRecovery(engine, await hostFailed(engine, 'c1'), isOver);
}

const outcomeOf = (view: RecoveryView, uuid: string) =>
  view.flows
    .flatMap(({ instances }) => instances)
    .filter(({ instance_uuid }) => instance_uuid === uuid)
    .at(-1);

describe('a reserved host that is not mapped to a cell', () => {
  const UNMAPPED = 'Compute host u1 not found.';
  const segment = (method: string): string =>
    `[failover_segment s]\nrecovery_method = ${method}\nhosts = c1, c2\nreserved_hosts = u1\n`;

  it('is passed over with rh_priority: the next method moves the instances, and none counts as deleted', async () => {
    const { lab } = suite;
    const [active = '', stopped = ''] = await lab.boot(2, 'c1');
    await lab.stopServer(stopped);
    expect(await lab.services({ binary: 'nova-compute', host: 'u1' })).toMatchObject([{ state: 'up' }]);
    const { status, body } = await lab.request('POST', `/servers/${active}/action`, { evacuate: { host: 'u1' } });
    expect({ status, body }).toEqual({ status: 404, body: { itemNotFound: { code: 404, message: UNMAPPED } } });
    await lab.disableService('u1', 'reserved');
    const view = await recoverC1(segment('rh_priority'));
    expect(view.notification).toMatchObject({ status: 'finished' });
    expect(view.flows.map(({ state }) => state)).toEqual(['FAILURE', 'SUCCESS']);
    const [first] = view.flows;
    expect(first?.instances.map(({ state, reason }) => `${state}: ${reason}`)).toEqual(
      Array(2).fill(expect.stringMatching(new RegExp(`^failed: .*${UNMAPPED}`))),
    );
    expect(linesOf(view).join('\n')).not.toMatch(/deleted|does not exist/);
    for (const uuid of [active, stopped]) {
      await expectMoves(lab, uuid, 'evacuation done');
      await expectRest(lab, uuid, { not: 'c1' }, uuid === stopped ? 'SHUTOFF' : 'ACTIVE');
    }
  });

  it("ends the recovery with Nova's words where no other method is allowed", async () => {
    const { lab } = suite;
    const [uuid = ''] = await lab.boot(1, 'c1');
    await lab.disableService('u1', 'reserved');
    const view = await recoverC1(segment('reserved_host'));
    expect(view.notification.status).toBe('error');
    expect(view.notification.message).toContain(uuid);
    expect(view.notification.message).toContain(UNMAPPED);
    expect(outcomeOf(view, uuid)).toMatchObject({
      state: 'failed',
      to: null,
      reason: expect.stringContaining(UNMAPPED),
    });
    expect(await movesOf(lab, uuid)).toEqual([]);
    expect(await hostOf(lab, uuid)).toBe('c1');
  });
});

describe('a role without the right to filter lists by host', () => {
  let cloudsYaml: string;

  beforeAll(async () => {
    cloudsYaml = await suite.lab.createUserWithRole('recovery');
  });

  it('recovers the instances of the failed host, touches no other, and names the right that is missing', async () => {
    const { lab } = suite;
    const own = await lab.boot(2, 'c1');
    const [active = '', stopped = '', broken = ''] = await lab.boot(3, 'c2');
    await lab.stopServer(stopped);
    await lab.resetState(broken, 'error');
    const before = await Promise.all([active, stopped, broken].map((uuid) => actionsOf(lab, uuid)));
    lab.setPolicy({
      context_is_admin: 'role:admin or role:recovery',
      'os_compute_api:servers:allow_all_filters': 'role:admin',
    });
    const view = await recoverC1('', cloudsYaml);
    expect(view.notification.status).toBe('finished');
    expect(linesOf(view).join('\n')).toContain('allow_all_filters');
    for (const uuid of own) {
      await expectMoves(lab, uuid, 'evacuation done');
      await expectRest(lab, uuid, { not: 'c1' });
    }
    expect(await Promise.all([active, stopped, broken].map((uuid) => actionsOf(lab, uuid)))).toEqual(before);
    expect(await Promise.all([active, stopped, broken].map((uuid) => hostOf(lab, uuid)))).toEqual(['c2', 'c2', 'c2']);
  });
});

describe('rights that are tried before a failure needs them', () => {
  /** `validate --cloud` as a user; the results by right. */
  async function decisions(cloudsYaml: string): Promise<{ code: number | null; found: Record<string, string> }> {
    const file = join(suite.lab.directory, 'rights.conf');
    writeFileSync(file, `[cloud]\ncloud = lab\nclouds_file = ${cloudsYaml}\n`, { mode: 0o600 });
    const { code, stdout } = await new Program(['validate', '--quiet', '--cloud', '--json', file]).ended;
    const { rights } = (JSON.parse(stdout) as { cloud: { rights: { right: string; verdict: string }[] } }).cloud;
    return { code, found: Object.fromEntries(rights.map(({ right, verdict }) => [right.split(' (')[0], verdict])) };
  }

  const ALL = {
    'log in and agree on a version of the API': 'allowed',
    'read compute services': 'allowed',
    'change compute services': 'allowed',
    'list the instances of a host': 'allowed',
    'list migrations': 'allowed',
    'list the actions of an instance': 'allowed',
    'evacuate instances': 'allowed',
  };

  it('are all allowed to an administrator, and the check changes nothing', async () => {
    const { lab } = suite;
    const uuids = await lab.boot(2, 'c1');
    const state = async () => ({
      services: await lab.services({ binary: 'nova-compute' }),
      actions: await Promise.all(uuids.map((uuid) => actionsOf(lab, uuid))),
      moves: await Promise.all(uuids.map((uuid) => movesOf(lab, uuid))),
    });
    const before = await state();
    expect(await decisions(lab.cloudsYaml())).toEqual({ code: 0, found: ALL });
    const { services, ...after } = await state();
    expect(after).toEqual({ actions: before.actions, moves: [[], []] });
    const lasting = (list: typeof services) =>
      list.map(({ id, status, forced_down, disabled_reason }) => ({ id, status, forced_down, disabled_reason }));
    expect(lasting(services)).toEqual(lasting(before.services));
    for (const uuid of uuids) await expectRest(lab, uuid, 'c1');
  });

  it.each([
    ['os_compute_api:os-services:list', ['read compute services']],
    ['os_compute_api:os-services:update', ['change compute services']],
    ['os_compute_api:servers:detail:get_all_tenants', ['list the instances of a host']],
    ['os_compute_api:servers:allow_all_filters', ['list the instances of a host']],
    ['os_compute_api:os-migrations:index', ['list migrations']],
    ['os_compute_api:os-instance-actions:list', ['list the actions of an instance']],
    ['os_compute_api:os-extended-server-attributes', ['list the instances of a host']],
    ['os_compute_api:os-evacuate', ['evacuate instances']],
  ])('without %s the missing right is reported', async (policy, refused) => {
    const { lab } = suite;
    await lab.boot(1, 'c1');
    lab.setPolicy({ [policy]: '!' });
    const { code, found } = await decisions(lab.cloudsYaml());
    expect(code).toBe(1);
    const isRefused = Object.entries(found).filter(([, result]) => result === 'refused');
    expect(isRefused.map(([right]) => right)).toEqual(refused);
  });
});

describe('instances that Nova does not evacuate', () => {
  it("fail one by one with Nova's words, and all others are moved and restored", async () => {
    const { lab } = suite;
    const { project, uuids } = await lab.bootInProject('others', 1, 'c1');
    const [forbidden = ''] = uuids;
    const [bound = ''] = await lab.boot(1, 'c1', { group: await lab.createAffinityGroup('bound') });
    const [stopped = '', ...active] = await lab.boot(4, 'c1');
    await lab.stopServer(stopped);
    lab.setPolicy({ 'os_compute_api:os-evacuate': `rule:context_is_admin and not '${project}':%(project_id)s` });
    const view = await recoverC1('[host_failure]\nevacuation_retries = 1\n');
    expect(view.notification.status).toBe('error');
    for (const uuid of [...active, stopped]) {
      expect(view.notification.message).not.toContain(uuid);
      await expectMoves(lab, uuid, 'evacuation done');
      await expectRest(lab, uuid, { not: 'c1' }, uuid === stopped ? 'SHUTOFF' : 'ACTIVE');
    }
    const reasons = new Map([
      [forbidden, "Policy doesn't allow os_compute_api:os-evacuate to be performed."],
      [bound, 'No valid host was found.'],
    ]);
    for (const [uuid, words] of reasons) {
      expect(outcomeOf(view, uuid)).toMatchObject({
        state: 'failed',
        to: null,
        reason: expect.stringContaining(words),
      });
      expect(view.notification.message).toContain(uuid);
      expect(view.notification.message).toContain(words);
      expect(await hostOf(lab, uuid)).toBe('c1');
    }
    expect(await movesOf(lab, forbidden)).toEqual([]);
    // The first and one retry, each ended by Nova.
    expect(await movesOf(lab, bound)).toEqual(['evacuation error', 'evacuation error']);
    expect((await lab.server(bound)).fault?.message).toContain('No valid host was found.');
  });
});
