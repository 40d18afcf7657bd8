import { describe, expect, test } from 'vitest';
import { ScriptedCloud } from '#test/world/scripted-cloud.ts';

const ID = '11111111-2222-5333-8444-555555555555';
const EXECUTION = `/workflow/v2/executions/${ID}`;
/** As Mistral 15 responds: structures are texts, and errors are not in Nova's format. */
const RUNNING = {
  id: ID,
  workflow_id: '4f911837-e6ad-4017-b2a4-e390c42cbf76',
  workflow_name: 'host-evacuate',
  state: 'RUNNING',
  state_info: null,
  input: '{"search_opts": {"host": "c9"}, "on_shared_storage": true}',
  output: '{}',
  created_at: '2026-11-21 16:55:14',
};
const NOT_FOUND = {
  status: 404,
  json: { faultcode: 'Client', faultstring: `WorkflowExecution not found [id=${ID}]`, debuginfo: null },
};
const BEGINNING = {
  id: ID,
  workflowName: 'host-evacuate',
  inputs: { search_opts: { host: 'c9' }, on_shared_storage: true },
  description: 'a test',
};

describe('Mistral gets a request', () => {
  test('to begin an execution with the id that it shall have', async () => {
    await using cloud = await ScriptedCloud.start();
    cloud.on('POST /workflow/v2/executions', { status: 201, json: RUNNING });
    const flow = 'req-11111111-2222-3333-4444-555555555555';
    expect(await cloud.client().workflows.begin(BEGINNING, { globalRequestId: flow })).toEqual({
      id: ID,
      requestId: null,
    });
    const [request] = cloud.requests('POST /workflow/v2/executions');
    expect(JSON.parse(request?.body ?? '')).toEqual({
      id: ID,
      workflow_name: 'host-evacuate',
      input: { search_opts: { host: 'c9' }, on_shared_storage: true },
      description: 'a test',
    });
    expect(request?.headers).toMatchObject({ 'content-type': 'application/json', 'x-openstack-request-id': flow });
  });

  test('to start an execution, and a lost response is reported: no refusal after it counts as one that never started', async () => {
    await using cloud = await ScriptedCloud.start();
    const conflict = { status: 409, json: { faultcode: 'Client', faultstring: 'Duplicate entry', debuginfo: null } };
    cloud.on('POST /workflow/v2/executions', { instead: 'reset' }, conflict);
    await expect(cloud.client().workflows.begin(BEGINNING)).rejects.toMatchObject({ kind: 'unknown' });
  });

  test('to begin an execution again when it was busy', async () => {
    await using cloud = await ScriptedCloud.start();
    cloud.on('POST /workflow/v2/executions', { status: 429 }, { status: 201, json: RUNNING });
    await expect(cloud.client().workflows.begin(BEGINNING)).resolves.toMatchObject({ id: ID });
    const ids = cloud.requests('POST /workflow/v2/executions').map(({ body }) => JSON.parse(body).id);
    expect(ids).toEqual([ID, ID]);
  });

  test('which execution it began, which an old one decides itself', async () => {
    await using cloud = await ScriptedCloud.start();
    cloud.on('POST /workflow/v2/executions', { status: 201, json: { ...RUNNING, id: 'its-own' } });
    await expect(cloud.client().workflows.begin(BEGINNING)).resolves.toMatchObject({ id: 'its-own' });
  });

  test('for the state of an execution', async () => {
    await using cloud = await ScriptedCloud.start();
    const ended = { ...RUNNING, state: 'SUCCESS', output: '{"evacuated": ["a", 1, null]}' };
    const failed = {
      ...RUNNING,
      state: 'ERROR',
      state_info: `broken\n  ${'x'.repeat(9000)}`,
      output: { result: 'no' },
    };
    cloud.on(`GET ${EXECUTION}`, { json: RUNNING }, { json: ended }, { json: failed }, NOT_FOUND);
    const { workflows } = cloud.client();
    expect(await workflows.execution(ID)).toEqual({ id: ID, state: 'RUNNING', stateInfo: null, output: {} });
    expect(await workflows.execution(ID)).toMatchObject({ state: 'SUCCESS', output: { evacuated: ['a', 1, null] } });
    const broken = await workflows.execution(ID);
    expect(broken).toMatchObject({ state: 'ERROR', stateInfo: expect.stringMatching(/^broken xxx+…$/) });
    expect(broken?.stateInfo?.length).toBeLessThan(600);
    expect(await workflows.execution(ID)).toBeUndefined();
  });

  test('and does not show the token that its workflow ran with', async () => {
    await using cloud = await ScriptedCloud.start();
    cloud.on(`GET ${EXECUTION}`, ({ headers }) => {
      const token = String(headers['x-auth-token']);
      return { json: { ...RUNNING, state_info: `header ${token}`, output: JSON.stringify({ deep: [{ token }] }) } };
    });
    expect(await cloud.client().workflows.execution(ID)).toMatchObject({
      stateInfo: 'header ***',
      output: { deep: [{ token: '***' }] },
    });
  });

  test('for the tasks of an execution, in the order in which they began', async () => {
    await using cloud = await ScriptedCloud.start();
    const task = (name: string, state: string, created_at: string) => ({ id: `${name}-id`, name, state, created_at });
    const tasks = [task('b', 'RUNNING', '2026-11-21 16:55:16'), task('a', 'SUCCESS', '2026-11-21 16:55:14')];
    cloud.on(`GET ${EXECUTION}/tasks`, { json: { tasks } });
    expect(await cloud.client().workflows.tasksOf(ID)).toEqual([
      { id: 'a-id', name: 'a', state: 'SUCCESS' },
      { id: 'b-id', name: 'b', state: 'RUNNING' },
    ]);
  });

  test('for workflows, and to make one', async () => {
    await using cloud = await ScriptedCloud.start();
    const unknown = { faultcode: 'Client', faultstring: 'Workflow not found [workflow_identifier=a b, namespace=]' };
    cloud.on('GET /workflow/v2/workflows/a%20b', { status: 404, json: unknown }, { json: { id: 'w', name: 'a b' } });
    const duplicate = {
      faultstring: "Duplicate entry for WorkflowDefinition ['name', 'namespace', 'project_id']: a b",
    };
    cloud.on('POST /workflow/v2/workflows', { status: 201, json: {} }, { status: 409, json: duplicate });
    const { workflows } = cloud.client();
    expect(await workflows.has('a b')).toBe(false);
    await workflows.create('version: "2.0"');
    expect(await workflows.has('a b')).toBe(true);
    await expect(workflows.create('version: "2.0"')).rejects.toMatchObject({
      kind: 'conflict',
      message: expect.stringMatching(
        /Mistral responded 409 to POST \/workflows: Duplicate entry for WorkflowDefinition/,
      ),
    });
    const [first] = cloud.requests('POST /workflow/v2/workflows');
    expect(first).toMatchObject({ body: 'version: "2.0"', headers: { 'content-type': 'text/plain', accept: '*/*' } });
  });

  test('to cancel an execution', async () => {
    await using cloud = await ScriptedCloud.start();
    cloud.on(`PUT ${EXECUTION}`, { json: { ...RUNNING, state: 'CANCELLED' } }, NOT_FOUND);
    const { workflows } = cloud.client();
    await workflows.cancel(ID, 'too late');
    await expect(workflows.cancel(ID, 'too late')).rejects.toMatchObject({ kind: 'not_found' });
    const [request] = cloud.requests(`PUT ${EXECUTION}`);
    expect(JSON.parse(request?.body ?? '')).toEqual({ state: 'CANCELLED', state_info: 'too late' });
  });
});

describe('an error of Mistral', () => {
  test('contains the fault of the inputs', async () => {
    await using cloud = await ScriptedCloud.start();
    const faultstring = "Invalid input [name=host-evacuate, class=DirectWorkflowSpec, missing=['search_opts']]";
    cloud.on('POST /workflow/v2/executions', {
      status: 400,
      json: { faultcode: 'Client', faultstring, debuginfo: null },
    });
    const error = await cloud
      .client()
      .workflows.begin(BEGINNING)
      .catch((caught: unknown) => caught);
    expect(error).toMatchObject({
      kind: 'refused',
      message: `Mistral responded 400 to POST /executions: ${faultstring}`,
    });
  });

  test('about a path that a proxy does not know is no evidence about an execution', async () => {
    await using cloud = await ScriptedCloud.start();
    cloud.on(`GET ${EXECUTION}`, { status: 404, text: '<html><title>Not here</title></html>' });
    await expect(cloud.client().workflows.execution(ID)).rejects.toMatchObject({ kind: 'unknown' });
  });

  test('is none where the catalogue calls it by its official name', async () => {
    await using cloud = await ScriptedCloud.start();
    cloud.on('POST /v3/auth/tokens', (seen) => {
      const reply = cloud.tokenReply(seen);
      const text = JSON.stringify(reply.json)
        .replace('"workflowv2"', '"workflow"')
        .replaceAll('/workflow/v2"', '/workflow"');
      return { ...reply, json: JSON.parse(text) };
    });
    cloud.on('GET /workflow/v2/workflows/w', { json: { id: 'w', name: 'w' } });
    expect(await cloud.client().workflows.has('w')).toBe(true);
  });

  test('of a cloud without Mistral names what its catalogue has', async () => {
    await using cloud = await ScriptedCloud.start();
    cloud.on('POST /v3/auth/tokens', (seen) => {
      const reply = cloud.tokenReply(seen);
      const { token } = reply.json as { token: { catalog: { type: string }[] } };
      const catalog = token.catalog.filter(({ type }) => type !== 'workflowv2');
      return { ...reply, json: { token: { ...token, catalog } } };
    });
    await expect(cloud.client().workflows.has('w')).rejects.toMatchObject({
      kind: 'refused',
      message: expect.stringMatching(/the catalogue has no endpoint for workflowv2.*it has compute/),
    });
  });
});
