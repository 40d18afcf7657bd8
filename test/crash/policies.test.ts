/**
 * Kills the engine of a flow that is restarted, or rolled back, after an engine failure: at each point of the way, and once more at
 * the moment when the next engine has decided so.
 */
import { beforeAll, describe, expect, it } from 'vitest';
import type { CrashPoint } from '#engine/crash-points.ts';
import { expectWholeJournal } from './journal-checks.ts';
import { HOST } from './recoveries.ts';
import { Scene } from './scene.ts';

const POINTS: readonly (CrashPoint | `${CrashPoint}:${number}`)[] = [
  'flow.after-open',
  'task.after-start',
  'task.after-run:2',
  'step.after-plan:2',
  'step.after-intent:2',
  'step.after-call:2',
  'step.after-sent:2',
  'step.after-outcome:2',
  'flow.before-close',
];

async function tryPoint(policy: 'restart' | 'rollback', points: readonly string[]): Promise<void> {
  const options = { taskflow_driver_recovery_flows: { host_auto_failure_recovery_after_crash: policy } };
  await using scene = await Scene.open({ options });
  const { notification, check } = HOST.fail(scene.world);
  let uuid = '';
  for (const crashPoint of points) {
    const engine = scene.launch({ crashPoint });
    if (!uuid) uuid = (await scene.report(engine, notification))?.notification_uuid ?? 'nothing was acknowledged';
    expect(await scene.ended(engine), engine.lastWords()).toEqual({ code: null, signal: 'SIGKILL' });
  }
  const last = scene.launch();
  await scene.closed(last, uuid);
  await scene.stop(last);
  check(scene.calls);
  const [recovery] = expectWholeJournal(scene.journalPath, { notifications: 1, engines: 3 }).recoveries;
  const over = policy === 'restart' ? 'ABANDONED' : 'REVERTED';
  expect(recovery?.flows.map(({ flow }) => flow.state)).toEqual([over, 'SUCCESS']);
}

beforeAll(() => Scene.warmUp());

describe.concurrent.for(['restart', 'rollback'] as const)('a flow with after_crash = %s', (policy) => {
  it.for(POINTS)('ends well, and moves nothing twice, after kill -9 at %s', (point) => tryPoint(policy, [point]));

  const decided = policy === 'restart' ? 'flow.after-close' : 'task.before-undo';
  it.for(['flow.after-resume', decided])('and after one more of the next engine at %s', (point) =>
    tryPoint(policy, ['step.after-call:2', point]),
  );
});
