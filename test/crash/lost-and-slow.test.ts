/**
 * Seeded clouds that lose requests and responses, keep requests in a queue, are slow, and fail evacuations. With all of
 * them, no instance is evacuated while another evacuation of it runs, and none is forgotten.
 */
import { describe, expect, it } from 'vitest';
import type { Behaviour } from '#engine/cloud/simulated/world.ts';
import type { RecoveryView } from '#protocol/views.ts';
import { RecoveryWorld } from '#test/world/recovery-world.ts';
import { FAILED_HOST, MIX } from './recoveries.ts';

/** `CRASH_SEEDS=7,19` runs these instead of all. */
const SEEDS = process.env.CRASH_SEEDS?.split(',').map(Number) ?? Array.from({ length: 50 }, (_, index) => index + 1);

interface Ended {
  readonly here: RecoveryWorld;
  readonly view: RecoveryView;
  /** What each instance of the failed host had to become, by its uuid. */
  readonly expected: ReadonlyMap<string, string>;
}

/** Recovers a host under `behaviour` and calls `check`; each failure message contains the seed. */
async function recovered(seed: number, behaviour: Partial<Behaviour>, check: (ended: Ended) => void): Promise<void> {
  const configuration = '[host_failure]\nmax_evacuations_in_flight = 4\n';
  await using here = new RecoveryWorld({ seed, behaviour, configuration });
  for (const host of [FAILED_HOST, 'compute-2', 'compute-3']) here.world.addHost(host);
  const expected = new Map<string, string>();
  for (const { count, change, endsAs } of MIX) {
    for (let n = 0; n < count; n += 1) expected.set(here.world.addInstance(FAILED_HOST, change).uuid, endsAs);
  }
  await here.start();
  const view = await here.until(await here.hostFails(FAILED_HOST));
  expect(here.world.counts.duplicates, `duplicates with seed ${seed}`).toBe(0);
  expect(
    here.logged.filter((line) => line.includes('fault of the engine')),
    `faults with seed ${seed}`,
  ).toEqual([]);
  check({ here, view, expected });
}

function instance(here: RecoveryWorld, uuid: string): { where: string; is: string } {
  const { host, vmState, taskState } = here.world.requireInstance(uuid);
  return { where: host === FAILED_HOST ? 'on the failed host' : 'moved', is: taskState ?? vmState };
}

/** Every instance is away from the failed host and what it was before. */
function expectAllMoved({ here, view, expected }: Ended, seed: number): void {
  expect(view.notification, `seed ${seed}`).toMatchObject({ status: 'finished' });
  for (const [uuid, endsAs] of expected) {
    expect(instance(here, uuid), `instance ${uuid} with seed ${seed}`).toEqual({ where: 'moved', is: endsAs });
  }
}

/** Evacuations of an instance that ended in error: each allows one more. */
function failuresOf(here: RecoveryWorld, uuid: string): number {
  return here.world.evacuations.filter(({ instanceUuid, status }) => instanceUuid === uuid && status === 'error')
    .length;
}

function expectOneMoreThanFailed({ here, expected }: Ended, seed: number): void {
  for (const uuid of expected.keys()) {
    expect(here.world.counts.accepted[uuid], `evacuations of ${uuid} with seed ${seed}`).toBe(
      1 + failuresOf(here, uuid),
    );
  }
}

describe.each(SEEDS)('with seed %i', (seed) => {
  it('lost requests and lost responses lead to one evacuation of each instance', async () => {
    await recovered(seed, { lostRequests: 0.25, lostReplies: 0.25 }, (ended) => {
      expectAllMoved(ended, seed);
      expectOneMoreThanFailed(ended, seed);
    });
  });

  it('a request that waits in a queue for seconds is not repeated', async () => {
    await recovered(seed, { lateEvacuations: 0.5, lateMs: [500, 8000] }, (ended) => {
      expectAllMoved(ended, seed);
      expectOneMoreThanFailed(ended, seed);
    });
  });

  it('an evacuation that Nova failed is retried in the same run, also when requests and responses are lost', async () => {
    const behaviour = { failedEvacuations: 0.2, lostRequests: 0.1, lostReplies: 0.1, lateEvacuations: 0.3 };
    await recovered(seed, behaviour, (ended) => {
      const { here, view, expected } = ended;
      expectOneMoreThanFailedOrGivenUp(ended, seed);
      const [first] = view.flows;
      const isRetriedInPlace = [...expected.keys()].some((uuid) => failuresOf(here, uuid) > 0);
      if (isRetriedInPlace && view.flows.length === 1) expect(first?.state).toBe('SUCCESS');
    });
  });

  it('a rebuild that is slower than the engine waits is adopted, or its instance is reported', async () => {
    await recovered(seed, { rebuildMs: [20_000, 260_000] }, (ended) => {
      expectOneMoreThanFailedOrGivenUp(ended, seed);
    });
  });
});

/** Each instance is moved, or the recovery failed and names it; none is requested more often than failures allow. */
function expectOneMoreThanFailedOrGivenUp({ here, view, expected }: Ended, seed: number): void {
  expect(['finished', 'failed'], `seed ${seed}`).toContain(view.notification.status);
  for (const [uuid, endsAs] of expected) {
    const received = `instance ${uuid} with seed ${seed}`;
    const accepted = here.world.counts.accepted[uuid] ?? 0;
    expect(accepted, received).toBeLessThanOrEqual(1 + failuresOf(here, uuid));
    const now = instance(here, uuid);
    if (now.where === 'moved' && now.is === endsAs) continue;
    expect(view.notification.status, received).toBe('failed');
    expect(view.notification.message, received).toContain(uuid);
    const states = view.flows.flatMap(({ instances }) => instances.filter((one) => one.instance_uuid === uuid));
    expect(['failed', 'unknown'], received).toContain(states.at(-1)?.state);
  }
}
