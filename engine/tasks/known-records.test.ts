/** A record of an evacuation that is over is never taken for the end of a request that was made later. */
import { expect, it } from 'vitest';
import { CloudError } from '#openstack/cloud-error.ts';
import { RecoveryWorld } from '#test/world/recovery-world.ts';

it('an evacuation that ends after a round has read the records is not taken for the end of its first request', async () => {
  await using here = new RecoveryWorld({ behaviour: { rebuildMs: [3_600_000, 3_600_000] } });
  for (const host of ['c1', 'c2']) here.world.addHost(host);
  const { uuid: instance } = here.world.addInstance('c1');
  await here.start();
  const uuid = await here.hostFails('c1');
  await here.until(uuid, 'error');
  // Round two has read the records; then Nova ends the first evacuation.
  const list = here.cloud.listEvacuations.bind(here.cloud);
  let isEnded = false;
  here.cloud.listEvacuations = async (...about) => {
    const listing = await list(...about);
    if (!isEnded) {
      isEnded = true;
      Object.assign(here.world.evacuations[0] ?? {}, { status: 'error', changedAt: here.clock.now() });
      Object.assign(here.world.requireInstance(instance), {
        vmState: 'error',
        taskState: null,
        changedAt: here.clock.now(),
      });
    }
    return listing;
  };
  const evacuate = here.cloud.evacuate.bind(here.cloud);
  let calls = 0;
  here.cloud.evacuate = async (...request) => {
    calls += 1;
    if (calls > 1) return evacuate(...request);
    // It is in a queue, and carried out after a minute.
    here.clock.sleep(60_000).then(
      () => here.world.evacuate(instance, undefined),
      () => {},
    );
    throw new CloudError('unknown', 'the reply did not come');
  };
  await here.clock.run(here.clock.sleep(1_200_000));
  expect(calls).toBe(1);
  expect(here.world.counts.duplicates).toBe(0);
});
