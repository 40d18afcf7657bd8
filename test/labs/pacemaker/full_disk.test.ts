/** A journal disk that fills up during a recovery. */
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import type { RecoveryView } from '#protocol/views.ts';
import { EngineCluster, until } from './engine_cluster.ts';

let cluster: EngineCluster;
let hasFailed = false;

beforeAll(async () => {
  cluster = await EngineCluster.start({ sharedSizeBytes: 32 * 1024 * 1024 });
});

afterAll(async () => {
  await cluster?.stop(hasFailed ? 'keep' : 'remove');
});

afterEach(({ task }) => {
  hasFailed ||= task.result?.state === 'fail';
});

it('a full journal disk stops the engine; acknowledged reports are there, and it continues when there is space', async () => {
  const failure = await cluster.hostFails('h-full-disk', 40);
  await until('instances moved', 60, () => (failure.moved() >= 4 ? true : undefined));
  await cluster.lab.fillShared();
  await cluster.lab.waitForResource('recovery', { state: 'Stopped' }, 120);
  expect(failure.moved()).toBeLessThan(40);
  await cluster.lab.freeShared();
  await cluster.lab.cleanUp('recovery');
  await until('the recovery finished', 120, async () => {
    const shown = await cluster.lab.run(await cluster.activeNode(), ['recovery-agent', 'show', '--json', failure.uuid]);
    if (shown.status !== 0) return undefined;
    const { notification } = JSON.parse(shown.stdout) as RecoveryView;
    return notification.status === 'finished' ? true : undefined;
  });
  expect(failure.moved()).toBe(40);
  expect(failure.instances.map((uuid) => cluster.world.counts.accepted[uuid])).toEqual(Array(40).fill(1));
  expect(cluster.world.counts.duplicates).toBe(0);
});
