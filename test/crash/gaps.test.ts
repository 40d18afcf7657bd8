/**
 * Seeded clouds of which a cell goes away and comes back, that lose and delay requests, and whose engine is replaced meanwhile by one on a
 * node with another clock, or killed. Clocks jump while an engine runs. In any
 * order, no instance is evacuated while another evacuation of it is in progress, and none is left without being named.
 */
import { describe, expect, it } from 'vitest';
import { Random } from '#engine/cloud/simulated/random.ts';
import { RecoveryWorld } from '#test/world/recovery-world.ts';
import { FAILED_HOST, MIX } from './recoveries.ts';

/** `CRASH_SEEDS=7,19` runs these instead of all. */
const SEEDS = process.env.CRASH_SEEDS?.split(',').map(Number) ?? Array.from({ length: 25 }, (_, index) => index + 1);
const CELL = 'cell1';

/** How wrong the clock of a node may be, ms. */
const SKEWS = [0, 90_000, -90_000, 86_400_000, -86_400_000] as const;

function skew(random: Random): number {
  return SKEWS[Math.floor(random.next() * SKEWS.length)] ?? 0;
}

/** Lets the cell come and go, hosts die and engines change, until the recovery is over or nothing more is to happen. */
async function disturb(here: RecoveryWorld, recovery: string, random: Random): Promise<void> {
  for (let node = 2; node < 14; node += 1) {
    await here.clock.run(here.clock.sleep(Math.round(random.between(500, 40_000))));
    const { status } = (await here.engine.reads.show(recovery)).notification;
    if (status === 'finished' || status === 'failed') return;
    const chance = random.next();
    if (chance < 0.4) {
      here.world.cellDown(CELL);
      await here.clock.run(here.clock.sleep(Math.round(random.between(1000, 200_000))));
      here.world.cellUp(CELL);
    } else if (chance < 0.7) {
      if (chance < 0.6) await here.clock.run(here.engine.stop());
      else {
        here.life.doom();
        void here.life.outlive(null);
      }
      here.skewMs = skew(random);
      await here.start(`n${node}`);
    } else if (chance < 0.8) {
      here.skewMs = skew(random);
    }
  }
}

describe.each(SEEDS)('with seed %i', (seed) => {
  it('gaps in what Nova shows lead to no second evacuation, and to no instance that is left unnamed', async () => {
    const behaviour = {
      rebuildMs: [2000, 60_000],
      claimMs: 500,
      lostRequests: 0.15,
      lostReplies: 0.15,
      lateEvacuations: 0.3,
      lateMs: [500, 90_000],
      failedEvacuations: 0.1,
    } as const;
    const configuration = '[host_failure]\nmax_evacuations_in_flight = 4\n[engine]\nmax_resumes = 20\n';
    await using here = new RecoveryWorld({ seed, behaviour, configuration });
    for (const host of [FAILED_HOST, 'compute-2', 'compute-3']) here.world.addHost(host);
    const expected = new Map<string, string>();
    for (const { count, change, endsAs } of MIX) {
      for (let n = 0; n < count; n += 1) expected.set(here.world.addInstance(FAILED_HOST, change).uuid, endsAs);
    }
    await here.start();
    const recovery = await here.hostFails(FAILED_HOST);
    await disturb(here, recovery, new Random(seed));
    const view = await here.until(recovery);
    await here.clock.run(here.clock.sleep(200_000));
    here.world.catchUp();
    expect(here.world.counts.duplicates, `duplicates with seed ${seed}`).toBe(0);
    for (const [uuid, endsAs] of expected) {
      const { host, vmState, taskState } = here.world.requireInstance(uuid);
      if (host !== FAILED_HOST && vmState === endsAs && taskState === null) continue;
      expect(view.notification.status, `instance ${uuid} with seed ${seed}`).toBe('failed');
      expect(view.notification.message, `instance ${uuid} with seed ${seed}`).toContain(uuid);
    }
  });
});
