/**
 * Kills the engine while its requests wait undetected in the cloud's queue and will be executed later. Its successor detects
 * no trace of them, waits for the whole of `evacuation_queue_wait`, and adopts the evacuations instead of requesting them again.
 */
import { beforeAll, describe, expect, it } from 'vitest';
import { expectOneFlowEach, expectWholeJournal } from './journal-checks.ts';
import { HOST } from './recoveries.ts';
import { Scene } from './scene.ts';

/** Late, but before the successor stops waiting for them. */
const LATE = { lateEvacuations: 1, lateMs: [600, 1000] } as const;
const QUEUE_WAIT = { host_failure: { evacuation_queue_wait: 1.2 } };

beforeAll(() => Scene.warmUp());

describe.concurrent('an engine that dies over a request in a queue', () => {
  it.for([1, 3, 5, 7])('leaves it to its successor: evacuation %i', async (count) => {
    await using scene = await Scene.open({ behaviour: LATE, options: QUEUE_WAIT });
    const { notification, check } = HOST.fail(scene.world);
    let left = count;
    const configFile = await scene.serveCloud('cloud-of-the-first', ({ method }) => {
      if (method === 'evacuate' && --left === 0) first.kill('SIGKILL');
    });
    const first = scene.launch({ configFile });
    const { notification_uuid: uuid } = (await scene.report(first, notification)) ?? { notification_uuid: '' };
    expect(await scene.ended(first), first.lastWords()).toEqual({ code: null, signal: 'SIGKILL' });
    const second = scene.launch();
    await scene.closed(second, uuid);
    await scene.stop(second);
    check(scene.calls);
    expectOneFlowEach(expectWholeJournal(scene.journalPath, { notifications: 1, engines: 2 }));
  });
});
