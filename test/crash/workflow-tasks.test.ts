/** Kills the engine at each step of a workflow of Mistral and of a chain of actions: each thing is done once all the same. */
import { beforeAll, describe, expect, it } from 'vitest';
import type { World } from '#engine/cloud/simulated/world.ts';
import { expectWholeJournal } from './journal-checks.ts';
import { FAILED_HOST, hostFailure, instanceFailure } from './recoveries.ts';
import { Scene } from './scene.ts';

const FLOWS = 'taskflow_driver_recovery_flows';

interface Kind {
  readonly name: string;
  readonly options: Readonly<Record<string, Readonly<Record<string, string>>>>;
  /** How often each point is passed. */
  readonly passages: Readonly<Record<string, number>>;
  /** Prepares the world; returns the report, and what must hold in the end. */
  fail(world: World): { readonly notification: object; readonly check: () => void };
}

const WORKFLOW: Kind = {
  name: 'workflow',
  options: {
    [FLOWS]: { host_auto_failure_recovery_tasks: "pre:[],main:['move'],post:[]" },
    move: { driver: 'mistral', workflow_name: 'evacuate', inputs: '{host: "{{ host_name }}"}', provides: 'moved' },
  },
  passages: {
    'step.after-plan': 1,
    'step.before-intent': 1,
    'step.after-intent': 1,
    'step.after-call': 1,
    'step.after-sent': 1,
    'step.before-outcome': 2,
    'step.after-outcome': 2,
    'task.after-run': 1,
  },
  fail(world) {
    world.addHost(FAILED_HOST);
    world.kill(FAILED_HOST);
    world.workflows.workflows.set('evacuate', {
      tasks: [{ name: 'one', ms: 200 }],
      ends: 'SUCCESS',
      output: { moved: 1 },
    });
    const check = (): void => {
      expect(world.workflows.executions).toMatchObject([{ state: 'SUCCESS', inputs: { host: FAILED_HOST } }]);
    };
    return { notification: hostFailure(FAILED_HOST), check };
  },
};

const CHAIN: Kind = {
  name: 'chain of actions',
  options: {
    [FLOWS]: { instance_failure_recovery_tasks: "pre:[],main:['heal'],post:[]" },
    heal: { driver: 'recovery_action', actions: '[{name: REBUILD}, {name: WORKFLOW, params: {workflow_name: note}}]' },
  },
  // Steps: the choice of instances, the rebuild, the workflow.
  passages: {
    'step.after-plan': 3,
    'step.before-intent': 2,
    'step.after-intent': 2,
    'step.after-call': 2,
    'step.after-sent': 2,
    'step.before-outcome': 5,
    'step.after-outcome': 5,
    'task.after-run': 1,
  },
  fail(world) {
    world.addHost(FAILED_HOST);
    const { uuid } = world.addInstance(FAILED_HOST);
    world.workflows.workflows.set('note', { tasks: [{ name: 'one', ms: 100 }], ends: 'SUCCESS' });
    const check = (): void => {
      expect(world.actionsOf(uuid).map(({ action }) => action)).toEqual(['rebuild']);
      expect(world.workflows.executions).toMatchObject([{ state: 'SUCCESS', inputs: { instance_uuid: uuid } }]);
    };
    return { notification: instanceFailure(FAILED_HOST, uuid), check };
  },
};

async function tryPoint(kind: Kind, crashPoint: string): Promise<void> {
  await using scene = await Scene.open({ options: kind.options });
  const { notification, check } = kind.fail(scene.world);
  const first = scene.launch({ crashPoint });
  const uuid = (await scene.report(first, notification))?.notification_uuid ?? 'nothing was acknowledged';
  expect(await scene.ended(first), first.lastWords()).toEqual({ code: null, signal: 'SIGKILL' });
  const second = scene.launch();
  const view = await scene.closed(second, uuid);
  await scene.stop(second);
  expect(view.notification, second.lastWords()).toMatchObject({ status: 'finished', message: null });
  check();
  expectWholeJournal(scene.journalPath, { notifications: 1, engines: 2 });
}

beforeAll(() => Scene.warmUp());

describe.for([WORKFLOW, CHAIN])('a $name', { concurrent: true }, (kind) => {
  const points = Object.entries(kind.passages).flatMap(([point, count]) =>
    Array.from({ length: count }, (_, index) => `${point}:${index + 1}`),
  );
  it.for(points)('is done once after kill -9 at %s', (point) => tryPoint(kind, point));
});
