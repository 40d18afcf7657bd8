/** Kills the engine during the rollback of a flow: the next engine continues the rollback, and the retry succeeds. */
import { beforeAll, describe, expect, it } from 'vitest';
import { expectWholeJournal } from './journal-checks.ts';
import { FAILED_HOST, hostFailure } from './recoveries.ts';
import { Scene } from './scene.ts';

/** The tasks of a host recovery are undone in reverse: a passage of a point is one of them. */
const POINTS = [1, 2, 3].flatMap((passage) => [`task.before-undo:${passage}`, `task.after-undo:${passage}`]);

const OPTIONS = {
  host_failure: { evacuation_retries: 0 },
  evacuate_instances_task: { on_failure: 'rollback' },
};

async function tryPoint(crashPoint: string): Promise<void> {
  await using scene = await Scene.open({ behaviour: { failedEvacuations: 1 }, options: OPTIONS });
  const { world } = scene;
  for (const host of [FAILED_HOST, 'compute-2']) world.addHost(host);
  const { uuid: instance } = world.addInstance(FAILED_HOST);
  world.kill(FAILED_HOST);

  const first = scene.launch({ crashPoint });
  const { notification_uuid: uuid } = (await scene.report(first, hostFailure(FAILED_HOST))) ?? {
    notification_uuid: 'nothing was acknowledged',
  };
  expect(await scene.ended(first), first.lastWords()).toEqual({ code: null, signal: 'SIGKILL' });

  // The cloud is well again, so the next round of the recovery will succeed.
  world.behaviour = { ...world.behaviour, failedEvacuations: 0 };
  const second = scene.launch();
  await scene.closed(second, uuid);
  await scene.stop(second);
  expect(world.requireInstance(instance)).toMatchObject({ host: 'compute-2', vmState: 'active', taskState: null });
  expect(world.counts).toEqual({ accepted: { [instance]: 2 }, duplicates: 0 });
  const [recovery] = expectWholeJournal(scene.journalPath, { notifications: 1, engines: 2 }).recoveries;
  expect(recovery?.flows.map(({ flow }) => flow.state)).toEqual(['REVERTED', 'SUCCESS']);
  const [reverted] = recovery?.flows ?? [];
  expect(reverted?.atoms.map(({ state }) => state)).toEqual(['REVERTED', 'REVERTED', 'REVERTED']);
  expect(reverted?.flow.error).toContain('Failed to evacuate instances');
}

beforeAll(() => Scene.warmUp());

describe.concurrent('a rollback', () => {
  it.for(POINTS)('continues after kill -9 at %s', (point) => tryPoint(point));
});
