/** Tasks that are workflows, by engines in processes of their own, against a real Mistral, Keystone and Nova. */
import { chmodSync, copyFileSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import {
  hostFailed,
  instanceFailed,
  isOver,
  LabEngines,
  linesOf,
  processFailed,
  untilRecovery,
} from '../openstack/engines.ts';
import { installPackages } from './install.ts';
import { MistralLab } from './lab.ts';

const EXAMPLES = fileURLToPath(new URL('../../../docs/examples/pipelines/', import.meta.url));

let lab: MistralLab;
let hasFailed = false;
let engines: LabEngines;

beforeAll(async () => {
  await installPackages();
  lab = await MistralLab.start();
});

afterAll(async () => {
  await lab?.stop();
  // The logs of a lab in which something failed stay.
  if (lab && !hasFailed) rmSync(lab.cloud.directory, { recursive: true, force: true });
});

beforeEach(() => {
  engines = new LabEngines(lab.cloud.cloudsYaml());
});

afterEach(async ({ task }) => {
  hasFailed ||= task.result?.state === 'fail';
  await engines.end();
  if (task.result?.state !== 'fail') engines.deleteFiles();
  await lab.cloud.reset();
});

const evacuationsFrom = (host: string) => lab.cloud.migrations({ migration_type: 'evacuation', source_compute: host });

/** The example as it is, but for the place of its file. */
function exampleMethods(): string {
  const file = join(engines.directory, 'host-evacuate.yaml');
  copyFileSync(join(EXAMPLES, 'host-evacuate.yaml'), file);
  chmodSync(file, 0o600);
  const text = readFileSync(join(EXAMPLES, 'mistral.conf'), 'utf8');
  return text.replace('./host-evacuate.yaml', file);
}

it('host-evacuate moves the instances of a failed host, and runs once though its engine is killed while it runs', async () => {
  const uuids = await lab.cloud.boot(4, 'c1');
  const methods = exampleMethods();
  const first = await engines.start('n1', { methods });
  await lab.cloud.killCompute('c1');
  const uuid = await hostFailed(first, 'c1');
  await untilRecovery(first, uuid, (view) => linesOf(view).includes('list_vms: SUCCESS'));
  first.kill('SIGKILL');
  await first.ended();
  expect(await lab.executions()).toMatchObject([{ workflow_name: 'host-evacuate', state: 'RUNNING' }]);

  const second = await engines.start('n2', { methods });
  const view = await untilRecovery(second, uuid, isOver);
  expect(view.notification).toMatchObject({ status: 'finished', message: null });
  const executions = await lab.executions();
  expect(executions).toMatchObject([{ workflow_name: 'host-evacuate', state: 'SUCCESS' }]);
  const lines = linesOf(view);
  expect(lines).toContain(
    `Execution ${executions[0]?.id} of workflow host-evacuate was started before; waiting for it`,
  );
  expect(lines).toContain('wait_until_left: SUCCESS');
  const migrations = await evacuationsFrom('c1');
  expect(migrations.map(({ instance_uuid }) => instance_uuid).sort()).toEqual([...uuids].sort());
  for (const each of uuids) {
    await lab.cloud.waitForServer(each, (server) => server['OS-EXT-STS:task_state'] === null);
    expect(await lab.cloud.server(each)).toMatchObject({ status: 'ACTIVE', 'OS-EXT-SRV-ATTR:host': 'c2' });
    expect(lab.cloud.whereabouts(each)).toEqual(['c2']);
  }
});

it('Mistral itself keeps one execution for an id, for any number of requests to start it', async () => {
  const definition = 'version: "2.0"\nidle:\n  tasks:\n    one: {action: std.noop}\n';
  await lab.createWorkflow(definition);
  const id = '0f0e0d0c-0b0a-5908-8706-050403020100';
  const begin = () => lab.request('POST', '/executions', { id, workflow_name: 'idle', input: {} });
  const answers = await Promise.all(Array.from({ length: 6 }, begin));
  const again = await begin();
  expect([...answers, again].map(({ body }) => (body as { id: string }).id)).toEqual(Array(7).fill(id));
  expect((await lab.executions()).filter((execution) => execution.workflow_name === 'idle')).toHaveLength(1);
});

it('a workflow that takes too long is cancelled', async () => {
  await lab.createWorkflow('version: "2.0"\nendless:\n  tasks:\n    never: {action: std.async_noop}\n');
  const lists = `[taskflow_driver_recovery_flows]\nprocess_failure_recovery_tasks = pre:[],main:['endless'],post:[]\n`;
  const methods = `${lists}[endless]\ndriver = mistral\nworkflow_name = endless\ntimeout = 5\n`;
  const engine = await engines.start('n1', { methods });
  const uuid = await processFailed(engine, 'c2');
  const view = await untilRecovery(engine, uuid, isOver);
  expect(view.notification.message).toBe('endless: timed out after 5 s');
  expect(linesOf(view)).toContain('never: RUNNING');
  const ours = (await lab.executions()).filter(({ workflow_name }) => workflow_name === 'endless');
  expect(ours[0]).toMatchObject({ state: 'CANCELLED' });
});

const SENLIN = readFileSync(join(EXAMPLES, 'senlin-actions.conf'), 'utf8');

it('an instance is rebooted once, and its workflow runs once, though the engine is killed in between', async () => {
  const [instance = ''] = await lab.cloud.boot(1, 'c2');
  await lab.createWorkflow(
    'version: "2.0"\nnotify-owner:\n  input: [reason, instance_uuid]\n  tasks:\n    echo:\n      action: std.echo\n      input: {output: <% $.reason %>}\n',
  );
  const first = await engines.start('n1', { methods: SENLIN });
  const uuid = await instanceFailed(first, 'c2', instance);
  await untilRecovery(first, uuid, (view) => linesOf(view).includes(`REBOOT: ${instance}`));
  first.kill('SIGKILL');
  await first.ended();
  const second = await engines.start('n2', { methods: SENLIN });
  const view = await untilRecovery(second, uuid, isOver);
  expect(view.notification).toMatchObject({ status: 'finished', message: null });
  const { body } = await lab.cloud.request('GET', `/servers/${instance}/os-instance-actions`);
  const actions = (body as { instanceActions: { action: string }[] }).instanceActions.map(({ action }) => action);
  expect(actions.toReversed()).toEqual(['create', 'reboot']);
  const received = (await lab.executions()).filter(({ workflow_name }) => workflow_name === 'notify-owner');
  expect(received).toMatchObject([{ state: 'SUCCESS' }]);
  const { body: execution } = await lab.request('GET', `/executions/${received[0]?.id}`);
  expect(JSON.parse((execution as { input: string }).input)).toEqual({
    reason: 'c2 reported it',
    instance_uuid: instance,
  });
});

it('EVACUATE in a chain moves the instances of a failed host once though the engine is killed', async () => {
  const uuids = await lab.cloud.boot(3, 'c1', { metadata: { HA_Enabled: 'True' } });
  const known = new Set((await evacuationsFrom('c1')).map(({ uuid }) => uuid));
  const first = await engines.start('n1', { methods: SENLIN });
  await lab.cloud.killCompute('c1');
  const uuid = await hostFailed(first, 'c1');
  await untilRecovery(first, uuid, (view) =>
    linesOf(view).some((line) => line.startsWith('Evacuation of instance started')),
  );
  first.kill('SIGKILL');
  await first.ended();
  const second = await engines.start('n2', { methods: SENLIN });
  const view = await untilRecovery(second, uuid, isOver);
  expect(view.notification).toMatchObject({ status: 'finished', message: null });
  const evacuations = (await evacuationsFrom('c1')).filter((each) => !known.has(each.uuid));
  expect(evacuations.map(({ instance_uuid }) => instance_uuid).sort()).toEqual([...uuids].sort());
  for (const each of uuids) expect(lab.cloud.whereabouts(each)).toEqual(['c2']);
});
