import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { SimulatedWorkflow } from '#engine/cloud/simulated/workflow-world.ts';
import type { Behaviour } from '#engine/cloud/simulated/world.ts';
import type { RecoveryView } from '#protocol/views.ts';
import { RecoveryWorld } from '#test/world/recovery-world.ts';
import { executionId } from './execution-id.ts';

const SECTION = '[taskflow_driver_recovery_flows]\n';
const LISTS = `${SECTION}host_auto_failure_recovery_tasks = pre:['disable_compute_service_task'],main:['move'],post:['after']
[after]
driver = mistral
workflow_name = note
inputs = {moved: "{{ moved }}"}
`;
const NOTE: SimulatedWorkflow = { tasks: [{ name: 'note', ms: 10 }], ends: 'SUCCESS' };
const TWO_TASKS: SimulatedWorkflow = {
  tasks: [
    { name: 'list_vms', ms: 1000 },
    { name: 'evacuate_vms', ms: 3000 },
  ],
  ends: 'SUCCESS',
  output: { moved: ['a', 'b'], more: 'not promised' },
};

interface Scenery {
  readonly workflow?: Partial<SimulatedWorkflow> | 'none';
  readonly options?: string;
  readonly behaviour?: Partial<Behaviour>;
  readonly seed?: number;
  readonly afterCrash?: 'rollback';
  /** In place of those of the host flow. */
  readonly lists?: string;
}

async function world(scenery: Scenery = {}): Promise<RecoveryWorld> {
  const { workflow = {}, options = '', behaviour = {}, seed = 1, afterCrash, lists } = scenery;
  const inputs = 'inputs = {"search_opts": {"host": "{{ host_name }}"}, "on_shared_storage": true}';
  const policy = afterCrash ? `host_auto_failure_recovery_after_crash = ${afterCrash}\n` : '';
  const head = lists ? `${SECTION}host_auto_failure_recovery_tasks = ${lists}\n` : LISTS;
  const configuration = `${head.replace(SECTION, SECTION + policy)}[move]\ndriver = mistral\nworkflow_name = host-evacuate\n${inputs}\nprovides = moved\n${options}`;
  const here = new RecoveryWorld({ configuration, behaviour, seed });
  for (const host of ['c1', 'c2']) here.world.addHost(host);
  here.world.workflows.workflows.set('note', NOTE);
  if (workflow !== 'none') here.world.workflows.workflows.set('host-evacuate', { ...TWO_TASKS, ...workflow });
  await here.start('n1');
  return here;
}

const lines = ({ flows }: RecoveryView): string[] =>
  flows.flatMap(({ events }) => events.map(({ message }) => message));

const executionsOf = (here: RecoveryWorld, name = 'host-evacuate') =>
  here.world.workflows.executions.filter(({ workflowName }) => workflowName === name);

describe('a flow that goes back', () => {
  const GOES_ON = { tasks: [{ name: 'evacuate_vms', ms: 3_600_000 }] };
  const isStarted = async (here: RecoveryWorld): Promise<void> => {
    while (executionsOf(here).length === 0) await here.clock.sleep(50);
    await here.clock.sleep(1000);
  };

  it("by an operator's word cancels the workflow that it awaits, and a retry begins another one", async () => {
    await using here = await world({ workflow: GOES_ON, options: 'timeout = 7200\n' });
    const uuid = await here.hostFails('c1');
    await here.clock.run(isStarted(here));
    await here.clock.run(here.engine.operator.turn(uuid, 'rollback'));
    const view = await here.until(uuid, 'failed');
    expect(view.flows.map(({ state }) => state)).toEqual(['REVERTED']);
    expect(executionsOf(here).map(({ state }) => state)).toEqual(['CANCELLED']);
    here.world.workflows.workflows.set('host-evacuate', TWO_TASKS);
    await here.clock.run(here.engine.operator.retry(uuid, 'none'));
    expect((await here.until(uuid)).notification.status).toBe('finished');
    expect(executionsOf(here).map(({ state }) => state)).toEqual(['CANCELLED', 'SUCCESS']);
  });

  it('after its engine died cancels it too', async () => {
    const options = 'timeout = 7200\n';
    await using here = await world({ workflow: GOES_ON, options, afterCrash: 'rollback' });
    const uuid = await here.hostFails('c1');
    await here.clock.run(isStarted(here));
    here.life.doom();
    await Promise.race([here.clock.run(here.clock.sleep(60_000)), here.life.outlive(null)]);
    await here.start('n2');
    expect((await here.until(uuid, 'error', 'failed')).flows[0]?.state).toBe('REVERTED');
    expect(executionsOf(here)[0]?.state).toBe('CANCELLED');
  });

  it('leaves a workflow alone that is done', async () => {
    await using here = await world({
      options: '[evacuate_instances_task]\non_failure = rollback\n',
      behaviour: { failedEvacuations: 1 },
      lists:
        "pre:['disable_compute_service_task'],main:['move','prepare_HA_enabled_instances_task'],post:['evacuate_instances_task']",
    });
    here.world.addInstance('c1');
    const view = await here.until(await here.hostFails('c1'), 'error', 'failed');
    expect(view.flows[0]?.state).toBe('REVERTED');
    expect(executionsOf(here).map(({ state }) => state)).toEqual(['SUCCESS']);
  });
});

describe('a workflow', () => {
  it('is started with its inputs, awaited, mirrored, and gives its output to the tasks after it', async () => {
    await using here = await world();
    const uuid = await here.hostFails('c1');
    const view = await here.until(uuid);
    expect(view.notification.status).toBe('finished');
    const id = executionId(`${uuid}/move`, 1);
    expect(executionsOf(here)).toMatchObject([
      { id, state: 'SUCCESS', inputs: { search_opts: { host: 'c1' }, on_shared_storage: true } },
    ]);
    expect(executionsOf(here, 'note')).toMatchObject([{ inputs: { moved: ['a', 'b'] } }]);
    expect(lines(view).filter((line) => /host-evacuate|_vms/.test(line))).toEqual([
      `Execution ${id} of workflow host-evacuate started`,
      'list_vms: RUNNING',
      'list_vms: SUCCESS',
      'evacuate_vms: RUNNING',
      'evacuate_vms: SUCCESS',
    ]);
  });

  it('that fails is reported with the reason; another attempt starts another execution', async () => {
    const stateInfo = 'Failure caused by error in tasks: evacuate_vms';
    await using here = await world({ workflow: { ends: 'ERROR', stateInfo }, options: 'retries = 1\n' });
    const uuid = await here.hostFails('c1');
    const view = await here.until(uuid, 'error');
    const ids = [1, 2].map((number) => executionId(`${uuid}/move`, number));
    expect(view.notification.message).toBe(
      `move: execution ${ids[1]} of workflow host-evacuate ended as ERROR: ${stateInfo}`,
    );
    expect(executionsOf(here).map(({ id }) => id)).toEqual(ids);
  });

  it('that takes too long is cancelled', async () => {
    await using here = await world({ workflow: { ends: 'RUNNING' }, options: 'timeout = 30\n' });
    const view = await here.until(await here.hostFails('c1'), 'error');
    expect(view.notification.message).toBe('move: timed out after 30 s');
    expect(executionsOf(here)).toMatchObject([
      { state: 'CANCELLED', stateInfo: /task move of recovery-agent timed out/ },
    ]);
  });

  it('that could not be cancelled is awaited by the next attempt instead of another one', async () => {
    await using here = await world({
      workflow: { tasks: [{ name: 'slow', ms: 120_000 }] },
      options: 'timeout = 30\nretries = 5\nretry_delay = 10\n',
    });
    here.world.workflows.cancel = () => {};
    expect((await here.until(await here.hostFails('c1'))).notification.status).toBe('finished');
    expect(executionsOf(here)).toMatchObject([{ state: 'SUCCESS' }]);
  });

  it('that a user cancels fails the task', async () => {
    await using here = await world({ workflow: { ends: 'RUNNING' } });
    const uuid = await here.hostFails('c1');
    await here.clock.run(started(here, uuid));
    here.world.workflows.cancel(executionId(`${uuid}/move`, 1), 'cancelled by the operator');
    const view = await here.until(uuid, 'error');
    expect(view.notification.message).toMatch(/ended as CANCELLED: cancelled by the operator/);
  });

  it('that is paused is waited for, and that is reported', async () => {
    await using here = await world({ workflow: { ends: 'PAUSED' }, options: 'timeout = 60\n' });
    const view = await here.until(await here.hostFails('c1'), 'error');
    expect(lines(view).filter((line) => /is paused; it continues when a user resumes it/.test(line))).toHaveLength(1);
    expect(executionsOf(here)).toMatchObject([{ state: 'CANCELLED' }]);
  });

  it('that Mistral does not know fails the task, with that reason', async () => {
    await using here = await world({ workflow: 'none' });
    const view = await here.until(await here.hostFails('c1'), 'error');
    expect(view.notification.message).toMatch(/move: Mistral has no workflow host-evacuate; create it, or name/);
  });

  it('that succeeded with an output that is too large is in doubt, and not started again', async () => {
    await using here = await world({
      workflow: { output: { moved: 'x'.repeat(300_000) } },
      options: 'retries = 2\nretry_delay = 1\n',
    });
    const uuid = await here.hostFails('c1');
    const view = await here.until(uuid, 'failed');
    expect(view.notification.message).toMatch(/its outputs have 3000\d\d bytes, more than 262144/);
    expect(executionsOf(here)).toHaveLength(1);
    await here.clock.run(here.engine.operator.retry(uuid, 'none', new Map([['move', 'done']])));
    expect((await here.until(uuid, 'finished', 'failed')).notification.status).toBe('finished');
    expect(executionsOf(here)).toHaveLength(1);
    expect(executionsOf(here, 'note')).toMatchObject([{ inputs: { moved: null } }]);
  });
});

describe('Mistral', () => {
  it('that is away while a workflow runs is waited out', async () => {
    await using here = await world();
    const uuid = await here.hostFails('c1');
    await here.clock.run(started(here, uuid));
    here.world.behaviour = { ...here.world.behaviour, isAway: true };
    await here.clock.run(here.clock.sleep(60_000));
    here.world.behaviour = { ...here.world.behaviour, isAway: false };
    const view = await here.until(uuid);
    expect(view.notification.status).toBe('finished');
    expect(executionsOf(here)).toHaveLength(1);
    expect(lines(view).some((line) => line.startsWith('The cloud does not respond'))).toBe(true);
  });

  it('that is away too long leaves the execution to the next round, which begins no other', async () => {
    await using here = await world();
    const uuid = await here.hostFails('c1');
    await here.clock.run(started(here, uuid));
    here.world.behaviour = { ...here.world.behaviour, isAway: true };
    await here.until(uuid, 'error');
    here.world.behaviour = { ...here.world.behaviour, isAway: false };
    expect((await here.until(uuid)).notification.status).toBe('finished');
    expect(executionsOf(here)).toHaveLength(1);
  });
});

describe('an execution that another round began', () => {
  it('and that was deleted since is in doubt in this one', async () => {
    await using here = await world();
    const uuid = await here.hostFails('c1');
    await here.clock.run(started(here, uuid));
    here.world.behaviour = { ...here.world.behaviour, isAway: true };
    await here.until(uuid, 'error');
    here.world.behaviour = { ...here.world.behaviour, isAway: false };
    here.world.workflows.forget(executionId(`${uuid}/move`, 1));
    const view = await here.until(uuid, 'failed');
    expect(view.notification.message).toMatch(/Mistral had started it and does not have it any more/);
    await here.clock.run(here.engine.operator.retry(uuid, 'none', new Map([['move', 'not done']])));
    expect((await here.until(uuid, 'finished', 'failed')).notification.status).toBe('finished');
    expect(executionsOf(here).map(({ id }) => id)).toEqual([executionId(`${uuid}/move`, 2)]);
  });
});

describe('a definition file', () => {
  const DEFINITION = `version: '2.0'\nhost-evacuate:\n  tasks:\n    one: {action: std.noop}\n`;

  async function withFile(text: string, mode: number, workflow: Scenery['workflow']): Promise<RecoveryWorld> {
    const scratch = new RecoveryWorld();
    const file = join(scratch.directory, 'host-evacuate.yaml');
    writeFileSync(file, text);
    chmodSync(file, mode);
    const here = await world({ options: `definition_file = ${file}\n`, ...(workflow ? { workflow } : {}) });
    const dispose = here[Symbol.asyncDispose].bind(here);
    here[Symbol.asyncDispose] = async () => {
      await dispose();
      await scratch[Symbol.asyncDispose]();
    };
    return here;
  }

  it('makes a workflow that Mistral does not have', async () => {
    await using here = await withFile(DEFINITION, 0o644, 'none');
    const view = await here.until(await here.hostFails('c1'));
    expect(view.notification.status).toBe('finished');
    expect(lines(view)).toContain('one: SUCCESS');
  });

  it('is not read where Mistral has the workflow', async () => {
    await using here = await withFile('not: [a workflow', 0o666, {});
    expect((await here.until(await here.hostFails('c1'))).notification.status).toBe('finished');
  });

  it('that others can write to is refused', async () => {
    await using here = await withFile(DEFINITION, 0o666, 'none');
    const view = await here.until(await here.hostFails('c1'), 'error');
    expect(view.notification.message).toMatch(/host-evacuate.yaml, cannot be used: others than the owner can write/);
    expect([...here.world.workflows.workflows.keys()]).toEqual(['note']);
  });

  it('that defines another workflow is named', async () => {
    await using here = await withFile(DEFINITION.replace('host-evacuate:', 'other:'), 0o644, 'none');
    const view = await here.until(await here.hostFails('c1'), 'error');
    expect(view.notification.message).toMatch(/defines no workflow called host-evacuate, but other/);
  });
});

describe('a definition file with a workflow beside it that Mistral has already', () => {
  it('is refused by Mistral, and that is reported', async () => {
    const scratch = new RecoveryWorld();
    await using _ = scratch;
    const file = join(scratch.directory, 'two.yaml');
    const tasks = '{one: {action: std.noop}}';
    writeFileSync(file, `version: '2.0'\nhost-evacuate: {tasks: ${tasks}}\nnote: {tasks: ${tasks}}\n`, { mode: 0o644 });
    await using here = await world({ options: `definition_file = ${file}\n`, workflow: 'none' });
    const view = await here.until(await here.hostFails('c1'), 'error');
    expect(view.notification.message).toMatch(
      /Mistral refused .*two.yaml \(Duplicate entry for WorkflowDefinition: note\), and shows no workflow called host-evacuate/,
    );
    expect(lines(view).join()).toMatch(/Mistral has a workflow of .*two.yaml already: .*WorkflowDefinition: note/);
  });
});

/** Resolves when the workflow has run for a moment. */
async function started({ clock, world: { workflows } }: RecoveryWorld, uuid: string): Promise<void> {
  while (!workflows.execution(executionId(`${uuid}/move`, 1))) await clock.sleep(100);
  await clock.sleep(1500);
}

/** Stops the engine once the execution runs; the test acts in between; then another engine continues. */
async function takenOver(here: RecoveryWorld, between: (id: string) => void = () => {}): Promise<string> {
  const uuid = await here.hostFails('c1');
  await here.clock.run(started(here, uuid));
  await here.clock.run(here.engine.stop());
  between(executionId(`${uuid}/move`, 1));
  await here.start('n2');
  return uuid;
}

describe('an execution whose engine stops', () => {
  it('continues, and the next engine awaits it', async () => {
    await using here = await world();
    const uuid = await takenOver(here, (id) => expect(here.world.workflows.execution(id)?.state).toBe('RUNNING'));
    const view = await here.until(uuid);
    expect(view.notification.status).toBe('finished');
    expect(executionsOf(here)).toMatchObject([{ state: 'SUCCESS' }]);
    expect(lines(view).some((line) => /was started before; waiting for it/.test(line))).toBe(true);
  });

  it('and that is deleted meanwhile is in doubt; only the operator has it started again', async () => {
    await using here = await world({ options: 'retries = 3\n' });
    const uuid = await takenOver(here, (id) => here.world.workflows.forget(id));
    const view = await here.until(uuid, 'failed');
    expect(view.notification.message).toMatch(/Mistral had started it and does not have it any more/);
    expect(executionsOf(here)).toEqual([]);
    await here.clock.run(here.engine.operator.retry(uuid, 'none', new Map([['move', 'not done']])));
    expect((await here.until(uuid, 'finished', 'failed')).notification.status).toBe('finished');
    expect(executionsOf(here).map(({ id }) => id)).toEqual([executionId(`${uuid}/move`, 2)]);
  });

  it('is not started again when the operator states that it was done', async () => {
    await using here = await world();
    const uuid = await takenOver(here, (id) => here.world.workflows.forget(id));
    await here.until(uuid, 'failed');
    await here.clock.run(here.engine.operator.retry(uuid, 'none', new Map([['move', 'done']])));
    expect((await here.until(uuid, 'finished', 'failed')).notification.status).toBe('finished');
    expect(executionsOf(here)).toEqual([]);
  });
});

describe('a workflow in a recovery that is taken up again', () => {
  it('that was done is not started again, and gives its outputs', async () => {
    await using here = await world();
    here.world.workflows.workflows.set('note', { ...NOTE, ends: 'ERROR' });
    const uuid = await here.hostFails('c1');
    await here.until(uuid, 'error');
    here.world.workflows.workflows.set('note', NOTE);
    expect((await here.until(uuid)).notification.status).toBe('finished');
    expect(executionsOf(here)).toHaveLength(1);
    expect(executionsOf(here, 'note').map(({ inputs }) => inputs)).toEqual([
      { moved: ['a', 'b'] },
      { moved: ['a', 'b'] },
    ]);
  });

  it.each([1, 2, 3, 4, 5, 6, 7, 8])('with lost requests and replies runs once (seed %i)', async (seed) => {
    await using here = await world({ seed, behaviour: { lostRequests: 0.4, lostReplies: 0.4 } });
    const uuid = await takenOver(here);
    expect((await here.until(uuid)).notification.status).toBe('finished');
    expect(executionsOf(here)).toHaveLength(1);
    expect(executionsOf(here, 'note')).toHaveLength(1);
  });
});
