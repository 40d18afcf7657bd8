import { describe, expect, test } from 'vitest';
import { ScriptedCloud } from '#test/world/scripted-cloud.ts';
import { isPartial } from '../reading.ts';

const SERVICES = 'GET /v2.1/os-services';
const SERVERS = 'GET /v2.1/servers/detail';
const MIGRATIONS = 'GET /v2.1/os-migrations';

/** As Nova shows an instance in a cell that is down, alone (2.69 and later). */
const PARTIAL = {
  id: 'i',
  status: 'UNKNOWN',
  tenant_id: 'p',
  created: '2026-01-01T00:00:00Z',
  'OS-EXT-STS:power_state': 0,
  links: [],
};

const SERVER = {
  id: 'i',
  name: 'web',
  status: 'ACTIVE',
  tenant_id: 'p',
  user_id: 'u',
  metadata: {},
  locked: false,
  'OS-EXT-SRV-ATTR:host': 'h',
  'OS-EXT-STS:vm_state': 'active',
  'OS-EXT-STS:task_state': null,
  'OS-EXT-STS:power_state': 1,
};

const SERVICE = {
  id: 'u',
  binary: 'nova-compute',
  host: 'h',
  status: 'enabled',
  state: 'up',
  forced_down: false,
  disabled_reason: null,
  updated_at: null,
};

const MIGRATION = {
  id: 7,
  uuid: 'm',
  instance_uuid: 'i',
  migration_type: 'evacuation',
  source_compute: 'h',
  dest_compute: null,
  status: 'accepted',
  created_at: '2026-01-03T10:00:00.000000',
};

function without(record: object, field: string): object {
  return Object.fromEntries(Object.entries(record).filter(([name]) => name !== field));
}

describe('an instance in a cell that is down', () => {
  test('is partial, alone and in a list, and has none of its states', async () => {
    await using cloud = await ScriptedCloud.start();
    cloud.on('GET /v2.1/servers/i', { json: { server: PARTIAL } });
    cloud.on(SERVERS, { json: { servers: [PARTIAL, { ...SERVER, id: 'j' }] } });
    const alone = await cloud.client().instance('i');
    expect(alone).toMatchObject({ uuid: 'i', host: null, vmState: 'unknown', taskState: null, projectId: 'p' });
    const { items } = await cloud.client().listInstances({});
    expect(items.map((one) => [one.uuid, isPartial(one)])).toEqual([
      ['i', true],
      ['j', false],
    ]);
  });

  test('is none where Nova knows the instance and not its state', async () => {
    await using cloud = await ScriptedCloud.start();
    cloud.on('GET /v2.1/servers/i', { json: { server: { ...SERVER, status: 'UNKNOWN' } } });
    expect(await cloud.client().instance('i')).toMatchObject({ host: 'h', vmState: 'active' });
  });
});

describe('a record of an instance without', () => {
  test.each([
    ['OS-EXT-SRV-ATTR:host', 'unauthorized', 'os_compute_api:os-extended-server-attributes'],
    ['OS-EXT-STS:vm_state', 'unauthorized', 'os_compute_api:os-extended-status'],
    ['OS-EXT-STS:task_state', 'unauthorized', 'os_compute_api:os-extended-status'],
    ['OS-EXT-STS:power_state', 'unauthorized', 'os_compute_api:os-extended-status'],
    ['metadata', 'unknown', 'is not present'],
    ['locked', 'unknown', 'is not present'],
    ['status', 'unknown', 'is not present'],
    ['id', 'unknown', 'is not present'],
  ])('%s is an error (%s) that names endpoint and field', async (field, kind, words) => {
    await using cloud = await ScriptedCloud.start();
    const server = without(SERVER, field);
    cloud.on('GET /v2.1/servers/i', { json: { server } });
    cloud.on(SERVERS, { json: { servers: [server] } });
    const error = (path: string, place: string) => ({
      kind,
      message: expect.stringMatching(
        new RegExp(`^Nova responded 200 to GET ${path}, but ${place}.${field} .*${words}`),
      ),
    });
    await expect(cloud.client().instance('i')).rejects.toMatchObject(error('/servers/i', 'server'));
    await expect(cloud.client().listInstances({ host: 'h' })).rejects.toMatchObject(
      error('/servers/detail', 'servers.0'),
    );
  });

  test('its metadata has no effect if it is of another host', async () => {
    await using cloud = await ScriptedCloud.start();
    const broken = without({ ...SERVER, id: 'b', 'OS-EXT-SRV-ATTR:host': 'g' }, 'metadata');
    cloud.on(SERVERS, { json: { servers: [broken, SERVER] } });
    const { items } = await cloud.client().listInstances({ host: 'h' });
    expect(items.map(({ uuid, host, vmState }) => [uuid, host, vmState])).toEqual([
      ['b', 'g', 'unknown'],
      ['i', 'h', 'active'],
    ]);
    const all = await cloud.client().listInstances({ changedSince: new Date(0) });
    expect(all.items.map(isPartial)).toEqual([true, false]);
  });
});

describe('the service of a host', () => {
  test('in a cell that is down is no response, and is not requested again', async () => {
    await using cloud = await ScriptedCloud.start();
    const unknown = { binary: 'nova-compute', host: 'h', status: 'UNKNOWN' };
    cloud.on(SERVICES, { json: { services: [unknown] } });
    const error = { kind: 'no_answer', message: 'the cell of host h does not respond to Nova' };
    await expect(cloud.client().computeService('h')).rejects.toMatchObject(error);
    expect(cloud.requests(SERVICES)).toHaveLength(1);
  });

  test('is readable although others are not', async () => {
    await using cloud = await ScriptedCloud.start();
    const others = [{ binary: 'nova-compute', host: 'g', status: 'UNKNOWN' }, { host: 'f' }, {}];
    cloud.on(SERVICES, { json: { services: [...others, SERVICE] } });
    expect(await cloud.client().computeService('h')).toMatchObject({ id: 'u', forcedDown: false });
  });

  test.each(['id', 'status', 'state', 'forced_down', 'disabled_reason'])('without %s is an error', async (field) => {
    await using cloud = await ScriptedCloud.start();
    cloud.on(SERVICES, { json: { services: [without(SERVICE, field)] } });
    await expect(cloud.client().computeService('h')).rejects.toMatchObject({
      kind: 'unknown',
      message: expect.stringMatching(
        `^Nova responded 200 to GET /os-services, but services.0.${field} is not present$`,
      ),
    });
  });

  test('is none where a record has no name', async () => {
    await using cloud = await ScriptedCloud.start();
    cloud.on(SERVICES, { json: { services: [{ ...SERVICE, host: 'g' }, without(SERVICE, 'host')] } });
    const message = 'Nova responded 200 to GET /os-services, but services.1.host is not present';
    await expect(cloud.client().computeService('h')).rejects.toMatchObject({ kind: 'unknown', message });
  });

  test('is refused where two have the name', async () => {
    await using cloud = await ScriptedCloud.start();
    cloud.on(SERVICES, { json: { services: [SERVICE, { ...SERVICE, id: 'v' }] } });
    await expect(cloud.client().computeService('h')).rejects.toMatchObject({
      kind: 'refused',
      message: expect.stringMatching(/2 nova-compute services on hosts named h; names of hosts must be unique/),
    });
  });
});

describe('a migration without', () => {
  test.each(['status', 'instance_uuid', 'migration_type', 'source_compute', 'dest_compute', 'created_at'])(
    '%s is an error, unless it is of another host',
    async (field) => {
      await using cloud = await ScriptedCloud.start();
      const other = without(
        { ...MIGRATION, id: 8, uuid: 'n', source_compute: 'g' },
        field === 'source_compute' ? '' : field,
      );
      cloud.on(MIGRATIONS, { json: { migrations: [other, without(MIGRATION, field)] } });
      const error = {
        kind: 'unknown',
        message: `Nova responded 200 to GET /os-migrations, but migrations.1.${field} is not present`,
      };
      await expect(cloud.client().listEvacuations({ sourceHost: 'h' })).rejects.toMatchObject(error);
      await expect(cloud.client().listMigrations({ sourceHost: 'h' })).rejects.toMatchObject(error);
      cloud.on(MIGRATIONS, { json: { migrations: [other, MIGRATION] } });
      const { items } = await cloud.client().listMigrations({ sourceHost: 'h' });
      expect(items.map(({ id }) => id)).toEqual(['m']);
    },
  );
});
