/** Changes on the failed host itself during its recovery: engines in processes of their own, against a real Nova. */
import { describe, expect, it } from 'vitest';
import { hostFailed, isOver, untilRecovery } from './engines.ts';
import { actionsOf, expectMoves, expectRest, hostOf, movesOf } from './records.ts';
import { useLab } from './suite.ts';

const suite = useLab({ computes: 3 });

describe('a failed host', () => {
  it('that is back while its instances are moved: everything that ran runs, once, although Nova stopped what was left on it', async () => {
    const { lab } = suite;
    const [stopped = '', ...active] = await lab.boot(6, 'c1');
    await lab.stopServer(stopped);
    await using engines = suite.newEngines();
    const engine = await engines.start('n1', { configuration: '[host_failure]\nmax_evacuations_in_flight = 2\n' });
    for (const host of ['c2', 'c3']) lab.setCopies(host, 'wait');
    await lab.killCompute('c1');
    const uuid = await hostFailed(engine, 'c1');
    const all = [stopped, ...active];
    const evacuated = async () => (await Promise.all(all.map((one) => movesOf(lab, one)))).flat();
    await expect.poll(evacuated, { timeout: 60_000 }).toEqual(['evacuation pre-migrating', 'evacuation pre-migrating']);
    // Its first power synchronisation comes within a minute of the start; here at once.
    await lab.startComputeProcess('c1', { periodic_fuzzy_delay: 0 });
    const stoppedByNova = async () =>
      (await lab.servers({ host: 'c1' })).filter(({ id, status }) => id !== stopped && status === 'SHUTOFF');
    await expect.poll(async () => (await stoppedByNova()).length, { timeout: 60_000 }).toBeGreaterThan(0);
    for (const host of ['c2', 'c3']) lab.setCopies(host, 'work');
    const { notification } = await untilRecovery(engine, uuid, isOver);
    expect(notification).toMatchObject({ status: 'finished', message: null });
    for (const one of active) await expectRest(lab, one, await hostOf(lab, one));
    await expectRest(lab, stopped, await hostOf(lab, stopped), 'SHUTOFF');
    for (const one of all) {
      const isHome = (await hostOf(lab, one)) === 'c1';
      expect(await movesOf(lab, one)).toEqual(isHome ? [] : [expect.stringMatching(/^evacuation (done|completed)$/)]);
    }
  });

  it('from which instances were being migrated live: one that arrives is not changed, and one that does not is evacuated', async () => {
    const { lab } = suite;
    const [arriving = '', stuck = '', plain = ''] = await lab.boot(3, 'c1');
    // The destination has its memory and starts it.
    lab.setCopies('c2', 'wait');
    await lab.action(arriving, { 'os-migrateLive': { host: 'c2', block_migration: 'auto' } });
    await expect.poll(() => lab.whereabouts(arriving), { timeout: 30_000 }).toEqual([]);
    // Nova migrates one instance of a host at a time.
    await lab.action(stuck, { 'os-migrateLive': { host: 'c3', block_migration: 'auto' } });
    await expectMoves(lab, stuck, 'live-migration queued');
    await using engines = suite.newEngines();
    const engine = await engines.start('n1', { configuration: '[DEFAULT]\nwait_period_after_evacuation = 20\n' });
    await lab.killCompute('c1');
    const uuid = await hostFailed(engine, 'c1');
    const readsOfMigrations = async () =>
      (await lab.seenCalls('recovery-agent')).filter(({ uri }) => /os-migrations\?source_compute=c1/.test(uri));
    await expect.poll(async () => (await readsOfMigrations()).length, { timeout: 60_000 }).toBeGreaterThan(0);
    lab.setCopies('c2', 'work');
    const { notification } = await untilRecovery(engine, uuid, isOver);
    expect(notification).toMatchObject({ status: 'finished', message: null });
    expect(await actionsOf(lab, arriving)).toEqual(['live-migration']);
    await expectRest(lab, arriving, 'c2');
    expect((await actionsOf(lab, stuck)).filter((action) => action === 'evacuate')).toEqual(['evacuate']);
    await expectMoves(lab, plain, 'evacuation done');
    for (const one of [stuck, plain]) await expectRest(lab, one, { not: 'c1' });
  });
});
