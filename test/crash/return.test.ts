/**
 * A host has failed and comes back. The engine is killed at every passage of every crash point of the flow that migrates its
 * instances back, and another one continues: each instance is migrated once, and the host is taken as up once it is cleaned.
 */
import { beforeAll, describe, expect, it } from 'vitest';
import type { World } from '#engine/cloud/simulated/world.ts';
import type { CrashPoint } from '#engine/crash-points.ts';
import { expectWholeJournal } from './journal-checks.ts';
import { FAILED_HOST, hostFailure, hostReturn } from './recoveries.ts';
import { Scene } from './scene.ts';

const OPTIONS = {
  taskflow_driver_recovery_flows: {
    host_return_recovery_tasks: "pre:['enable_compute_service_task'],main:['home'],post:[]",
  },
  home: { driver: 'recovery_action', actions: '[{name: MIGRATE}]' },
};

/**
 * How often each point is passed at least. Steps: un-forcing, enabling, the choice of instances, a live migration, a cold one and
 * its confirmation; each but the choice is intended, called for, sent and done.
 */
const PASSAGES: readonly (readonly [point: CrashPoint, passages: number])[] = [
  ['lease.before-take', 1],
  ['lease.after-take', 1],
  ['notification.before-accept', 1],
  ['notification.after-accept', 1],
  ['flow.before-open', 1],
  ['flow.after-open', 1],
  ['flow.before-close', 1],
  ['flow.after-close', 1],
  ['task.before-start', 2],
  ['task.after-start', 2],
  ['task.after-run', 2],
  ['step.after-plan', 6],
  ['step.before-intent', 5],
  ['step.after-intent', 5],
  ['step.after-call', 5],
  ['step.after-sent', 5],
  ['step.before-outcome', 11],
  ['step.after-outcome', 11],
  ['writer.after-begin', 3],
  ['writer.before-commit', 3],
  ['writer.after-commit', 3],
  ['writer.before-acknowledge', 3],
];

interface Case {
  readonly title: string;
  /** Where engines die, one after the other. */
  readonly deaths: readonly string[];
}

const CASES: readonly Case[] = [
  ...PASSAGES.flatMap(([point, passages]) =>
    Array.from({ length: passages }, (_, index): Case => {
      const title = `${point}:${index + 1}`;
      return { title, deaths: [title] };
    }),
  ),
  // Only engines that resume pass the last one.
  { title: 'step.after-call:3, then flow.after-resume', deaths: ['step.after-call:3', 'flow.after-resume'] },
  { title: 'step.after-call:4, then step.before-outcome', deaths: ['step.after-call:4', 'step.before-outcome'] },
];

/** One that runs and one that is stopped: what the failure left of them is what comes home. */
function furnish(world: World): { readonly live: string; readonly cold: string } {
  for (const host of [FAILED_HOST, 'compute-2', 'compute-3']) world.addHost(host);
  const live = world.addInstance(FAILED_HOST).uuid;
  const cold = world.addInstance(FAILED_HOST, { vmState: 'stopped' }).uuid;
  return { live, cold };
}

function actions(world: World, uuid: string): string[] {
  return world.actionsOf(uuid).map(({ action }) => action);
}

async function tryCase({ deaths }: Case): Promise<void> {
  const behaviour = { migrationMs: [30, 120], computeStartMs: 50 } as const;
  await using scene = await Scene.open({ options: OPTIONS, behaviour });
  const { world } = scene;
  const { live, cold } = furnish(world);
  world.kill(FAILED_HOST);
  const before = scene.launch();
  const failure = (await scene.report(before, hostFailure(FAILED_HOST)))?.notification_uuid;
  await scene.closed(before, failure ?? 'nothing was acknowledged');
  await scene.stop(before);
  const evacuated = world.counts;

  world.comeBack(FAILED_HOST);
  const notification = hostReturn(FAILED_HOST);
  let uuid: string | undefined;
  for (const crashPoint of deaths) {
    const engine = scene.launch({ crashPoint });
    if (!uuid) uuid = (await scene.report(engine, notification))?.notification_uuid;
    expect(await scene.ended(engine), engine.lastWords()).toEqual({ code: null, signal: 'SIGKILL' });
  }
  const last = scene.launch();
  uuid ??= (await scene.report(last, notification))?.notification_uuid;
  const view = await scene.closed(last, uuid ?? 'nothing was acknowledged');
  await scene.stop(last);

  expect(view.notification, last.lastWords()).toMatchObject({ status: 'finished', message: null });
  expect(view.flows.map(({ state }) => state)).toEqual(['SUCCESS']);
  expect(world.migrations).toEqual({ [live]: 1, [cold]: 1 });
  expect([actions(world, live), actions(world, cold)]).toEqual([['live-migration'], ['confirmResize', 'migrate']]);
  expect(world.requireInstance(live)).toMatchObject({ host: FAILED_HOST, vmState: 'active', taskState: null });
  expect(world.requireInstance(cold)).toMatchObject({ host: FAILED_HOST, vmState: 'stopped', taskState: null });
  // Not even in vain.
  const called = (method: string): number => scene.calls.filter((call) => call.method === method).length;
  expect([called('migrate'), called('confirmResize')]).toEqual([2, 1]);
  expect(world.counts).toEqual(evacuated);
  expect(world.hosts.get(FAILED_HOST)).toMatchObject({ status: 'enabled', forcedDown: false, disabledReason: null });
  expectWholeJournal(scene.journalPath, { notifications: 2, engines: scene.engines.length });
}

beforeAll(() => Scene.warmUp());

describe('a host that is back', { concurrent: true }, () => {
  it.for(CASES)('gets each instance home by one migration after kill -9 at $title', (one) => tryCase(one));
});
