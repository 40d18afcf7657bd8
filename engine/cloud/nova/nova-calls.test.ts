import { describe, expect, test } from 'vitest';
import { PASSWORD, ScriptedCloud } from '#test/world/scripted-cloud.ts';

const SERVICE = {
  id: 's/1',
  host: 'h',
  status: 'enabled',
  state: 'up',
  forcedDown: false,
  disabledReason: null,
  updatedAt: null,
} as const;
const ACTION = 'POST /v2.1/servers/i/action';

describe('Nova gets a request', () => {
  test('for the service of a host', async () => {
    await using cloud = await ScriptedCloud.start();
    const service = {
      id: 'u',
      binary: 'nova-compute',
      host: 'h',
      status: 'disabled',
      state: 'down',
      forced_down: true,
      disabled_reason: 'x',
      updated_at: '2026-11-21T20:00:10.000000',
    };
    cloud.on('GET /v2.1/os-services', { json: { services: [{ ...service, host: 'other' }, service] } });
    const state = { status: 'disabled', state: 'down', forcedDown: true, disabledReason: 'x' };
    const found = { id: 'u', host: 'h', ...state, updatedAt: new Date('2026-11-21T20:00:10Z') };
    expect(await cloud.client().computeService('h')).toEqual(found);
    expect(await cloud.client().computeService('nowhere')).toBeUndefined();
    const [request] = cloud.requests('GET /v2.1/os-services');
    expect(Object.fromEntries(request?.query ?? [])).toEqual({ binary: 'nova-compute', host: 'h' });
    expect(request?.headers['openstack-api-version']).toBe('compute 2.93');
  });

  test('to change a service, everything in one call', async () => {
    await using cloud = await ScriptedCloud.start();
    const put = 'PUT /v2.1/os-services/s%2F1';
    cloud.on(put, { json: {}, headers: { 'x-openstack-request-id': 'req-5' } });
    const change = { status: 'disabled', disabledReason: 'y'.repeat(300), forcedDown: true } as const;
    const flow = 'req-11111111-2222-3333-4444-555555555555';
    expect(await cloud.client().changeService(SERVICE, change, { globalRequestId: flow })).toEqual({
      requestId: 'req-5',
    });
    await cloud.client().changeService(SERVICE, { forcedDown: false });
    const [first, second] = cloud.requests(put);
    expect(JSON.parse(first?.body ?? '')).toEqual({
      status: 'disabled',
      disabled_reason: 'y'.repeat(255),
      forced_down: true,
    });
    expect(first?.headers['x-openstack-request-id']).toBe(flow);
    expect(JSON.parse(second?.body ?? '')).toEqual({ forced_down: false });
    expect(second?.headers['x-openstack-request-id']).toBeUndefined();
  });

  test('to reboot and to rebuild an instance from its own image', async () => {
    await using cloud = await ScriptedCloud.start();
    cloud.on(ACTION, { status: 202, headers: { 'x-openstack-request-id': 'req-7' } });
    cloud.on('GET /v2.1/servers/i', { json: { server: { id: 'i', image: { id: 'cirros', links: [] } } } });
    expect(await cloud.client().reboot('i', 'SOFT')).toEqual({ requestId: 'req-7' });
    expect(await cloud.client().rebuild('i')).toEqual({ requestId: 'req-7' });
    expect(cloud.requests(ACTION).map(({ body }) => JSON.parse(body))).toEqual([
      { reboot: { type: 'SOFT' } },
      { rebuild: { imageRef: 'cirros' } },
    ]);
  });

  test('not to rebuild an instance that boots from a volume', async () => {
    await using cloud = await ScriptedCloud.start();
    cloud.on('GET /v2.1/servers/i', { json: { server: { id: 'i', image: '' } } });
    await expect(cloud.client().rebuild('i')).rejects.toMatchObject({
      kind: 'refused',
      message: expect.stringMatching(/instance i was not made from an image/),
    });
    expect(cloud.requests(ACTION)).toEqual([]);
  });

  test('for the requests of an instance, newest first', async () => {
    await using cloud = await ScriptedCloud.start();
    const entry = (action: string, request_id: string, start_time: string, message: string | null) => ({
      action,
      request_id,
      start_time,
      message,
      user_id: 'u',
    });
    const instanceActions = [
      entry('create', 'req-1', '2026-11-21T10:00:00.000000', null),
      entry('reboot', 'req-2', '2026-11-21T10:05:00.000000', 'Error'),
    ];
    cloud.on('GET /v2.1/servers/i/os-instance-actions', { json: { instanceActions } });
    expect(await cloud.client().instanceActions('i')).toEqual([
      {
        action: 'reboot',
        requestId: 'req-2',
        isFailed: true,
        startedAt: new Date('2026-11-21T10:05:00Z'),
        userId: 'u',
      },
      {
        action: 'create',
        requestId: 'req-1',
        isFailed: false,
        startedAt: new Date('2026-11-21T10:00:00Z'),
        userId: 'u',
      },
    ]);
  });

  test('for instances of all projects on a host, and for what changed', async () => {
    await using cloud = await ScriptedCloud.start();
    const detail = {
      id: 'i',
      name: 'web',
      status: 'ACTIVE',
      tenant_id: 'p',
      user_id: 'u',
      metadata: { HA_Enabled: 'True' },
      locked: true,
      'OS-EXT-SRV-ATTR:host': 'h',
      'OS-EXT-STS:vm_state': 'active',
      'OS-EXT-STS:task_state': 'rebuilding',
      'OS-EXT-STS:power_state': 1,
      flavor: { original_name: 'm1.small', vcpus: 1, extra_specs: { 'hw:cpu_policy': 'shared' } },
      image: { id: 'image-1', links: [] },
      tags: ['batch'],
      addresses: {
        private: [
          { addr: '192.168.0.4', version: 4 },
          { addr: '203.0.113.7', version: 4 },
        ],
      },
    };
    const deleted = { id: 'd', name: 'old', status: 'DELETED', tenant_id: 'p' };
    const inDeadCell = { id: 'c', status: 'UNKNOWN', tenant_id: 'p' };
    cloud.on('GET /v2.1/servers/detail', { json: { servers: [detail, deleted, inDeadCell] } });
    const { items } = await cloud
      .client()
      .listInstances({ host: 'h', changedSince: new Date('2026-01-02T03:04:05.678Z') });
    const common = {
      metadata: {},
      locked: false,
      powerState: 0,
      taskState: null,
      host: null,
      projectId: 'p',
      userId: '',
    };
    expect(items).toEqual([
      {
        uuid: 'i',
        name: 'web',
        host: 'h',
        vmState: 'active',
        taskState: 'rebuilding',
        powerState: 1,
        locked: true,
        metadata: { HA_Enabled: 'True' },
        projectId: 'p',
        userId: 'u',
        addresses: ['192.168.0.4', '203.0.113.7'],
        properties: {
          flavor: 'm1.small',
          extraSpecs: { 'hw:cpu_policy': 'shared' },
          image: 'image-1',
          tags: ['batch'],
        },
      },
      { ...common, uuid: 'd', name: 'old', vmState: 'deleted' },
      { ...common, uuid: 'c', name: '', vmState: 'unknown' },
    ]);
    const [request] = cloud.requests('GET /v2.1/servers/detail');
    const query = { all_tenants: '1', host: 'h', 'changes-since': '2026-01-02T03:04:05Z' };
    expect(Object.fromEntries(request?.query ?? [])).toEqual(query);
  });

  test('as an administrator, or an error is reported', async () => {
    await using cloud = await ScriptedCloud.start();
    const json = { server: { id: 'i', status: 'ACTIVE', 'OS-EXT-STS:vm_state': 'active' } };
    cloud.on('GET /v2.1/servers/i', { json });
    const error = { kind: 'unauthorized', message: expect.stringMatching(/needs the admin role/) };
    await expect(cloud.client().instance('i')).rejects.toMatchObject(error);
  });

  test("for an instance, with Nova's reason for the state error, without the secrets in it", async () => {
    await using cloud = await ScriptedCloud.start();
    const host = {
      metadata: {},
      locked: false,
      'OS-EXT-SRV-ATTR:host': 'h',
      'OS-EXT-STS:vm_state': 'error',
      'OS-EXT-STS:task_state': null,
      'OS-EXT-STS:power_state': 0,
    };
    const message = `Image not\nfound (${PASSWORD})`;
    const json = { server: { id: 'i', status: 'ERROR', ...host, fault: { code: 500, message } } };
    cloud.on('GET /v2.1/servers/i', { json }, { json: { server: { id: 'i', status: 'ERROR', ...host } } });
    expect(await cloud.client().instance('i')).toMatchObject({ vmState: 'error', fault: 'Image not found (***)' });
    expect(await cloud.client().instance('i')).not.toHaveProperty('fault');
    cloud.on('GET /v2.1/servers/detail', { json: { servers: [json.server] } });
    const { items } = await cloud.client().listInstances({ host: 'h' });
    expect(items).toMatchObject([{ uuid: 'i', fault: 'Image not found (***)' }]);
  });

  test('for evacuations, those of one host', async () => {
    await using cloud = await ScriptedCloud.start();
    const migration = {
      id: 7,
      uuid: 'm',
      instance_uuid: 'i',
      migration_type: 'evacuation',
      source_compute: 'h',
      dest_compute: 'g',
      status: 'done',
      created_at: '2026-01-03T10:00:00.000000',
      updated_at: null,
    };
    const others = [
      { ...migration, id: 8, uuid: 'n', migration_type: 'live-migration' },
      { ...migration, id: 9, uuid: 'o', source_compute: 'g' },
    ];
    const next = { migrations_links: [{ rel: 'next', href: 'x' }] };
    cloud.on(
      'GET /v2.1/os-migrations',
      { json: { migrations: [migration], ...next } },
      { json: { migrations: others, ...next } },
      { json: { migrations: [] } },
    );
    const changedSince = new Date('2026-01-03T09:00:00Z');
    const { items } = await cloud.client().listEvacuations({ sourceHost: 'h', changedSince });
    const evacuation = { id: 'm', instanceUuid: 'i', sourceHost: 'h', destinationHost: 'g', status: 'done' };
    expect(items).toEqual([{ ...evacuation, createdAt: new Date('2026-01-03T10:00:00Z') }]);
    const queries = cloud.requests('GET /v2.1/os-migrations').map((each) => Object.fromEntries(each.query));
    const query = { migration_type: 'evacuation', source_compute: 'h', 'changes-since': '2026-01-03T09:00:00Z' };
    expect(queries).toEqual([query, { ...query, marker: 'm' }, { ...query, marker: 'o' }]);
  });

  test('for evacuations at 2.58, where they have no uuid, no pages and no filter by time', async () => {
    await using cloud = await ScriptedCloud.start({ version: '2.58' });
    const migration = {
      id: 7,
      instance_uuid: 'i',
      migration_type: 'evacuation',
      source_compute: 'h',
      dest_compute: null,
      status: 'accepted',
      created_at: '2026-01-03T10:00:00',
    };
    const old = { ...migration, id: 6, created_at: '2026-01-02T10:00:00', updated_at: '2026-01-02T10:00:09' };
    cloud.on('GET /v2.1/os-migrations', { json: { migrations: [migration, old] } });
    const changedSince = new Date('2026-01-03T10:00:00.900Z');
    const { items } = await cloud.client().listEvacuations({ sourceHost: 'h', changedSince });
    expect(items.map((each) => [each.id, each.destinationHost])).toEqual([['id:7', null]]);
    const [request] = cloud.requests('GET /v2.1/os-migrations');
    expect(Object.fromEntries(request?.query ?? [])).toEqual({ migration_type: 'evacuation', source_compute: 'h' });
  });

  test('to act on an instance', async () => {
    await using cloud = await ScriptedCloud.start();
    cloud.on(ACTION, { status: 202, headers: { 'x-openstack-request-id': 'req-1' } });
    const client = cloud.client();
    expect(await client.evacuate('i', {})).toEqual({ requestId: 'req-1' });
    await client.evacuate('i', { host: 'g' });
    await client.stop('i');
    await client.start('i');
    await client.resetState('i', 'active');
    expect(cloud.requests(ACTION).map((each) => each.body)).toEqual([
      '{"evacuate":{}}',
      '{"evacuate":{"host":"g"}}',
      '{"os-stop":null}',
      '{"os-start":null}',
      '{"os-resetState":{"state":"active"}}',
    ]);
  });

  test('to migrate an instance to a host, live or cold, and to confirm that, never by force', async () => {
    await using cloud = await ScriptedCloud.start();
    cloud.on(ACTION, { status: 202, headers: { 'x-openstack-request-id': 'req-9' } });
    const client = cloud.client();
    expect(await client.migrate('i', 'live', 'h')).toEqual({ requestId: 'req-9' });
    await client.migrate('i', 'cold', 'h');
    await client.confirmResize('i');
    expect(cloud.requests(ACTION).map((each) => each.body)).toEqual([
      '{"os-migrateLive":{"host":"h","block_migration":"auto"}}',
      '{"migrate":{"host":"h"}}',
      '{"confirmResize":null}',
    ]);
    const versions = cloud.requests(ACTION).map(({ headers }) => headers['openstack-api-version']);
    expect(new Set(versions)).toEqual(new Set(['compute 2.93']));
  });

  test('for no cold migration at 2.55, which would choose the host itself', async () => {
    await using cloud = await ScriptedCloud.start({ version: '2.55' });
    cloud.on(ACTION, { status: 202 });
    await expect(cloud.client().migrate('i', 'cold', 'h')).rejects.toMatchObject({
      kind: 'refused',
      message: 'Nova speaks 2.55 and cannot migrate instance i: a cold migration to a chosen host needs 2.56 (Queens)',
    });
    expect(cloud.requests(ACTION)).toEqual([]);
    await cloud.client().migrate('i', 'live', 'h');
    expect(cloud.requests(ACTION)).toHaveLength(1);
  });

  test.each(['live', 'cold'] as const)('for a %s migration once, with any response', async (type) => {
    await using cloud = await ScriptedCloud.start();
    cloud.on(ACTION, { instead: 'reset' }, { status: 202 });
    await expect(cloud.client().migrate('i', type, 'h')).rejects.toMatchObject({ kind: 'unknown' });
    expect(cloud.requests(ACTION)).toHaveLength(1);
  });

  test('for aggregates and to add a host to one', async () => {
    await using cloud = await ScriptedCloud.start();
    const aggregates = [{ id: 3, name: 'rack', hosts: ['h'], metadata: {} }];
    cloud.on('GET /v2.1/os-aggregates', { json: { aggregates } });
    const add = 'POST /v2.1/os-aggregates/3/action';
    cloud.on(
      add,
      { status: 200, json: {} },
      { status: 409, json: { conflictingRequest: { message: 'already there' } } },
    );
    const client = cloud.client();
    const [aggregate] = await client.listAggregates();
    expect(aggregate).toEqual({ id: '3', name: 'rack', hosts: ['h'] });
    if (aggregate === undefined) return;
    expect(await client.addHostToAggregate(aggregate, 'g')).toEqual({ requestId: null });
    await expect(client.addHostToAggregate(aggregate, 'g')).rejects.toMatchObject({ kind: 'conflict' });
    expect(cloud.requests(add)[0]?.body).toBe('{"add_host":{"host":"g"}}');
  });
});

test('a client connects only when it is used, and names the cloud without a secret', async () => {
  await using cloud = await ScriptedCloud.start();
  const client = cloud.client();
  expect(client.description).toBe(`openstack ${cloud.url('keystone')}/v3`);
  await client.close();
  expect(cloud.seen).toEqual([]);
});
