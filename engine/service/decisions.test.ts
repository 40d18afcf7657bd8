/** The decisions about a recovery in the real order of calls: held, approved, interrupted, finished, over several engines; on a simulated cloud. */
import { describe, expect, it } from 'vitest';
import { historyOf } from '#agents/history.ts';
import { describeHistory } from '#agents/output/history-text.ts';
import { parseNotification } from '#protocol/notification.ts';
import { LOCAL_ORIGIN as LOCAL } from '#protocol/origin.ts';
import type { RecoveryView } from '#protocol/views.ts';
import { RecoveryWorld, type WorldSettings } from '#test/world/recovery-world.ts';

const HOSTS = ['c1', 'c2', 'c3', 'c4'];

async function worldOf(configuration = '', settings: WorldSettings = {}): Promise<RecoveryWorld> {
  const here = new RecoveryWorld({ configuration, ...settings });
  for (const host of [...HOSTS, 'spare']) here.world.addHost(host);
  for (const host of HOSTS) here.world.addInstance(host);
  await here.start('n1');
  return here;
}

const seconds = (here: RecoveryWorld, count: number): Promise<void> => here.clock.run(here.clock.sleep(count * 1_000));

/** Waits until the newest decision is this one: `kind outcome rule`. */
async function decided(here: RecoveryWorld, uuid: string, expected: string): Promise<void> {
  const reached = async (): Promise<void> => {
    for (;;) {
      if (courseOf(await here.engine.reads.show(uuid)).at(-1) === expected) return;
      await here.clock.sleep(500);
    }
  };
  await here.clock.run(reached());
}

function courseOf({ decisions }: RecoveryView): string[] {
  return decisions.map(({ kind, outcome, rule }) => [kind, outcome, ...(rule === null ? [] : [rule])].join(' '));
}

const ONE_HOST = '[gates]\nmin_failed_hosts = 1\nmax_failed_hosts_percent = 1\n';

describe('the decisions about a recovery', () => {
  it('name each gate, the approval, the method and the end, in order, over a hand-over', async () => {
    await using here = await worldOf(ONE_HOST);
    const uuid = await here.hostFails('c1');
    await decided(here, uuid, 'gate hold failed-hosts');
    await here.clock.run(here.engine.stop());
    await here.start('n2');
    // The new engine decides again, and its equal decision is no row.
    await seconds(here, 120);
    await here.clock.run(here.engine.operator.approve(uuid, { ...LOCAL, reason: 'the rack lost power' }));
    const view = await here.until(uuid);
    expect(courseOf(view)).toEqual([
      'acceptance accepted',
      'gate hold failed-hosts',
      'gate pass',
      'method run auto',
      'life dead down-in-nova',
      'end finished success',
    ]);
    const [accepted, held, passed, method] = view.decisions;
    expect(accepted).toMatchObject({ epoch: 1, facts: { host: 'c1', identity: 'local', given_proof: 'none' } });
    expect(held).toMatchObject({
      epoch: 1,
      reason: expect.stringContaining('1 of 5 hosts are down'),
      facts: { kind: 'COMPUTE_HOST', is_approved: false, cloud: { failed: 1, all: 5 }, read_again_ms: 30_000 },
      limits: { max_failed_hosts_percent: 1, min_failed_hosts: 1 },
    });
    expect(passed).toMatchObject({ epoch: 2, facts: { is_approved: true } });
    expect(method?.facts).toMatchObject({ flow: 'host_auto', flow_uuid: view.flows[0]?.flow_uuid, round: 1 });
    const { history } = historyOf(view);
    expect(history.map((one) => (one.entry === 'audit' ? one.action : one.kind))).toEqual([
      'notify',
      'acceptance',
      'gate',
      'approve',
      'gate',
      'method',
      'life',
      'end',
    ]);
    const text = describeHistory(historyOf(view));
    for (const word of ['held by gate failed-hosts', 'the rack lost power', 'cloud.failed=1', 'recovered in ']) {
      expect(text).toContain(word);
    }
  });

  it('name each gate that holds it, one after the other', async () => {
    await using here = await worldOf(ONE_HOST);
    await here.clock.run(here.engine.operator.pause(null, { ...LOCAL, reason: 'switch work' }));
    const uuid = await here.hostFails('c1');
    await decided(here, uuid, 'gate hold pause');
    await here.clock.run(here.engine.operator.unpause());
    await decided(here, uuid, 'gate hold failed-hosts');
    await here.clock.run(here.engine.operator.approve(uuid));
    expect(courseOf(await here.until(uuid)).slice(1, 4)).toEqual([
      'gate hold pause',
      'gate hold failed-hosts',
      'gate pass',
    ]);
  });

  it('have the resume by each engine after the one before it died', async () => {
    await using here = await worldOf('', { behaviour: { rebuildMs: [60_000, 60_000] } });
    const uuid = await here.hostFails('c1');
    await here.until(uuid, 'running');
    await seconds(here, 20);
    here.life.doom();
    void here.life.outlive(null);
    await here.start('n2');
    await seconds(here, 10);
    await here.clock.run(here.engine.stop());
    await here.start('n3');
    const view = await here.until(uuid);
    expect(courseOf(view).slice(2)).toEqual([
      'method run auto',
      'life dead down-in-nova',
      'engine_failure resume resume',
      'engine_failure resume left-in-order',
      'end finished success',
    ]);
    expect(view.decisions.map(({ epoch }) => epoch)).toEqual([1, 1, 1, 1, 2, 3, 3]);
    expect(view.decisions[4]).toMatchObject({ facts: { ends: 1 }, limits: { max_resumes: 5 } });
  });

  it('have the return of a host that is therefore not recovered', async () => {
    await using here = await worldOf(ONE_HOST);
    const uuid = await here.hostFails('c1');
    await decided(here, uuid, 'gate hold failed-hosts');
    await here.hostReturns('c1');
    expect(courseOf(await here.until(uuid)).slice(2)).toEqual(['return pass came-back', 'end ignored came-back']);
  });

  it('have the witness of a fencing, and a stronger proof of a duplicate', async () => {
    await using here = await worldOf(ONE_HOST, { checkFencing: async () => 'Pacemaker shows no fencing' });
    here.world.kill('c1');
    const payload = { event: 'STOPPED', cluster_status: 'OFFLINE', host_status: 'NORMAL' };
    const generated_time = new Date(here.clock.now()).toISOString();
    const report = parseNotification({
      notification: { type: 'COMPUTE_HOST', hostname: 'c1', generated_time, payload },
    });
    const remote = { ...LOCAL, caller: { identity: 'c9', host: null, roles: [], address: '10.0.0.9' } } as const;
    const { logbook } = await here.clock.run(here.engine.accept(report, 'fencing', undefined, remote));
    await here.clock.run(here.engine.accept(report, 'fencing', undefined, LOCAL));
    await here.clock.run(here.engine.accept(report, 'fencing', undefined, LOCAL));
    const { decisions } = await here.engine.reads.show(logbook.uuid);
    expect(decisions.filter(({ kind }) => kind === 'acceptance')).toMatchObject([
      {
        outcome: 'accepted',
        facts: {
          identity: 'c9',
          proof: 'none',
          second_witness: 'the fencing is not confirmed: Pacemaker shows no fencing',
        },
      },
      { outcome: 'duplicate', facts: { identity: 'local', proof: 'fencing' } },
    ]);
  });

  it('have the delays of an instance that crashes repeatedly, and what waits for its host', async () => {
    await using here = await worldOf('[instance_failure]\nprocess_all_instances = true\n');
    const { uuid: instance } = here.world.addInstance('c2');
    const crash = (): Promise<string> =>
      here.notify({
        type: 'VM',
        hostname: 'c2',
        payload: { event: 'LIFECYCLE', vir_domain_event: 'STOPPED_FAILED', instance_uuid: instance },
      });
    await here.until(await crash());
    const second = await here.until(await crash());
    expect(courseOf(second)).toEqual([
      'acceptance accepted',
      'crash_back_off hold crashes',
      'crash_back_off pass crashes',
      'gate pass',
      'method run instance',
      'end finished success',
    ]);
    await here.hostFails('c2');
    const third = await here.until(await crash());
    expect(courseOf(third).slice(0, 3)).toEqual([
      'acceptance accepted',
      'queue hold host-first',
      'queue pass host-first',
    ]);
  });

  it('cost no commit: a recovery that is held and released has as many as changes of its state', async () => {
    await using here = await worldOf(ONE_HOST);
    const uuid = await here.hostFails('c1');
    await decided(here, uuid, 'gate hold failed-hosts');
    const ops: string[][] = [];
    here.journal.onCommit((mutations) => ops.push(mutations.map(({ op }) => op)));
    await here.clock.run(here.engine.operator.approve(uuid));
    await here.until(uuid);
    const alone = ops.filter((mutations) => mutations.every((op) => op === 'decision'));
    expect(alone).toEqual([]);
    expect(ops.filter((mutations) => mutations.includes('decision'))).toEqual([
      ['logbook', 'decision'],
      ['open_flow', 'decision', 'decision'],
      expect.arrayContaining(['plan_steps', 'decision']),
      expect.arrayContaining(['close_flow', 'logbook', 'decision']),
    ]);
  });
});
