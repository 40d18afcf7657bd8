/** A recovery in which engines die again and again becomes a dead letter, and an operator command retries it safely. */
import { beforeAll, describe, expect, it } from 'vitest';
import { RpcClient } from '#protocol/client.ts';
import { expectWholeJournal } from './journal-checks.ts';
import { HOST } from './recoveries.ts';
import { Scene } from './scene.ts';

const MAX_RESUMES = 2;

beforeAll(() => Scene.warmUp());

describe('a recovery in which too many engines died', () => {
  it('is a dead letter, and a retry finishes it without a second evacuation', async () => {
    await using scene = await Scene.open({ options: { engine: { max_resumes: MAX_RESUMES } } });
    const { notification, check } = HOST.fail(scene.world);
    let uuid = '';
    for (let life = 0; life <= MAX_RESUMES; life += 1) {
      const engine = scene.launch({ crashPoint: 'step.after-call:2' });
      if (!uuid) uuid = (await scene.report(engine, notification))?.notification_uuid ?? '';
      expect(await scene.ended(engine), engine.lastWords()).toEqual({ code: null, signal: 'SIGKILL' });
    }
    const last = scene.launch();
    const given = await scene.closed(last, uuid);
    expect(given.notification.status).toBe('failed');
    expect(given.notification.message).toContain('dead letter: 3 engines ended during it');
    expect(given.flows.flatMap(({ tasks }) => tasks.filter(({ state }) => state === 'RUNNING'))).toEqual([]);

    using client = await RpcClient.connect(last.socket);
    await client.call('retry', { uuid });
    const { flows } = await scene.closed(last, uuid);
    expect(flows.map(({ state }) => state)).toEqual(['FAILURE', 'SUCCESS']);
    await scene.stop(last);
    check(scene.calls);
    expectWholeJournal(scene.journalPath, { notifications: 1, engines: MAX_RESUMES + 2 });
  });
});
