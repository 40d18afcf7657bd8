/** A reserved host that has failed itself serves no other recovery, for a death of the engine at any point. */
import { beforeAll, describe, expect, it } from 'vitest';
import { JournalReader } from '#engine/journal/reader.ts';
import { FAILED_HOST, hostFailure } from './recoveries.ts';
import { Scene } from './scene.ts';

const OPTIONS = {
  'failover_segment rack': {
    recovery_method: 'rh_priority',
    hosts: 'compute-2',
    reserved_hosts: FAILED_HOST,
  },
};

beforeAll(() => Scene.warmUp());

describe.concurrent('a reserved host that failed', () => {
  it.for(['flow.before-open', 'flow.after-open'])(
    'is not reserved any more after kill -9 at %s',
    async (crashPoint) => {
      await using scene = await Scene.open({ options: OPTIONS });
      for (const host of [FAILED_HOST, 'compute-2']) scene.world.addHost(host);
      scene.world.addInstance(FAILED_HOST);
      scene.world.kill(FAILED_HOST);
      const first = scene.launch({ crashPoint });
      const uuid =
        (await scene.report(first, hostFailure(FAILED_HOST)))?.notification_uuid ?? 'nothing was acknowledged';
      await scene.ended(first);
      const last = scene.launch();
      await scene.closed(last, uuid);
      await scene.stop(last);
      const reader = new JournalReader(scene.journalPath);
      try {
        expect(reader.query('hosts')).toMatchObject([{ name: FAILED_HOST, reserved: 0 }]);
      } finally {
        reader.close();
      }
    },
  );
});
