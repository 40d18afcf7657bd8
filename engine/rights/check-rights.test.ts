/** Rights as Nova, Keystone, Mistral and a mail server grant or refuse them, over real sockets. */
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { CA_FILE, PASSWORD, PostOffice } from '#test/world/post-office.ts';
import { ScriptedCloud, type ScriptedCloudSettings } from '#test/world/scripted-cloud.ts';
import { checkRights } from './check-rights.ts';
import type { Needs } from './required-rights.ts';

const NOTHING: Needs = { aggregates: false, ownerTasks: [], workflows: [], mailServers: [] };
const SERVICE_ID = '6f1f1d3c-0b5e-4d0c-9a39-0e1c1e0a0001';
const UUID = '6f1f1d3c-0b5e-4d0c-9a39-0e1c1e0a0002';
const SERVICES = 'GET /v2.1/os-services';
const SERVERS = 'GET /v2.1/servers/detail';
const MIGRATIONS = 'GET /v2.1/os-migrations';
const UPDATE = `PUT /v2.1/os-services/${SERVICE_ID}`;
const ACTIONS = `GET /v2.1/servers/${UUID}/os-instance-actions`;
const EVACUATE = `POST /v2.1/servers/${UUID}/action`;

const directory = mkdtempSync(join(tmpdir(), 'recovery-agent-rights-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const fault = (name: string, code: number, message: string) => ({ status: code, json: { [name]: { code, message } } });
const forbidden = (policy: string) => fault('forbidden', 403, `Policy doesn't allow ${policy} to be performed.`);

const SERVER = {
  id: UUID,
  name: 'vm',
  status: 'ACTIVE',
  tenant_id: 'p',
  user_id: 'u',
  metadata: {},
  locked: false,
  'OS-EXT-SRV-ATTR:host': 'c1',
  'OS-EXT-STS:vm_state': 'active',
  'OS-EXT-STS:task_state': null,
  'OS-EXT-STS:power_state': 1,
};

/** A Nova with one host and one instance that refuses nothing. */
async function generous(settings: ScriptedCloudSettings = {}): Promise<ScriptedCloud> {
  const cloud = await ScriptedCloud.start(settings);
  const service = { id: SERVICE_ID, host: 'c1', status: 'enabled', state: 'up', forced_down: false };
  cloud.on(SERVICES, { json: { services: [{ ...service, disabled_reason: null, updated_at: null }] } });
  cloud.on(SERVERS, ({ query }) => ({ json: { servers: query.get('host') === 'c1' ? [SERVER] : [] } }));
  cloud.on(MIGRATIONS, { json: { migrations: [] } });
  cloud.on(ACTIONS, { json: { instanceActions: [] } });
  cloud.on(UPDATE, fault('badRequest', 400, 'No updates were requested.'));
  cloud.on(EVACUATE, fault('itemNotFound', 404, 'Compute host recovery-agent-check not found.'));
  return cloud;
}

/** Short names for the rights, with their results. */
async function found(cloud: ScriptedCloud, needs: Partial<Needs> = {}, requested: 'requests' | 'roles' = 'requests') {
  const { rights } = await checkRights({
    cloud: cloud.client(),
    needs: { ...NOTHING, ...needs },
    requested: requested,
  });
  return rights.map(({ right, verdict: state, reason }) => [right.replace(/ \(.*?\)/, ''), state, reason]);
}

const ALLOWED = [
  ['log in and agree on a version of the API', 'allowed', 'user agent, project service, Nova API 2.93'],
  ['read compute services', 'allowed', ''],
  ['change compute services', 'allowed', ''],
  ['list the instances of a host', 'allowed', ''],
  ['list migrations', 'allowed', ''],
  ['list the actions of an instance', 'allowed', ''],
  ['evacuate instances', 'allowed', ''],
];

describe('of Nova', () => {
  test('granted; nothing was changed', async () => {
    await using cloud = await generous();
    expect(await found(cloud)).toEqual(ALLOWED);
    expect(cloud.requests(SERVICES).map(({ query }) => query.get('host'))).toEqual([null, 'c1']);
    const changes = cloud.seen.filter(({ service, method }) => service === 'nova' && method !== 'GET');
    expect(changes.map(({ method, path, body }) => [`${method} ${path}`, JSON.parse(body)])).toEqual([
      [UPDATE, {}],
      [EVACUATE, { evacuate: { host: 'recovery-agent-check' } }],
    ]);
  });

  test.each([
    [SERVICES, 'os_compute_api:os-services:list', ['read compute services']],
    [UPDATE, 'os_compute_api:os-services:update', ['change compute services']],
    [SERVERS, 'os_compute_api:servers:detail:get_all_tenants', ['list the instances of a host']],
    [MIGRATIONS, 'os_compute_api:os-migrations:index', ['list migrations']],
    [ACTIONS, 'os_compute_api:os-instance-actions:list', ['list the actions of an instance']],
    [EVACUATE, 'os_compute_api:os-evacuate', ['evacuate instances']],
  ])('%s refused', async (request, policy, names) => {
    await using cloud = await generous();
    cloud.on(request, forbidden(policy));
    const refused = (await found(cloud)).filter(([, state]) => state === 'refused');
    expect(refused.map(([name]) => name)).toEqual(names);
    for (const [, , reason] of refused) expect(reason).toContain(`responded 403`);
    for (const [, , reason] of refused) expect(reason).toContain(policy);
  });

  test('the filter by host is dropped without a word', async () => {
    await using cloud = await generous();
    cloud.on(SERVERS, { json: { servers: [SERVER] } });
    expect(await found(cloud)).toContainEqual([
      'list the instances of a host',
      'refused',
      'Nova ignores the filter by host and lists instances of other hosts',
    ]);
  });

  test('fields that only an administrator sees are missing', async () => {
    await using cloud = await generous();
    const { 'OS-EXT-SRV-ATTR:host': _, ...record } = SERVER;
    cloud.on(SERVERS, ({ query }) => ({ json: { servers: query.get('host') === 'c1' ? [record] : [] } }));
    expect(await found(cloud)).toContainEqual([
      'list the instances of a host',
      'refused',
      expect.stringContaining('OS-EXT-SRV-ATTR:host'),
    ]);
  });

  test('an engine requests no evacuation; the roles of the token are sufficient', async () => {
    await using cloud = await generous({ roles: ['member', 'reader'] });
    expect(await found(cloud, {}, 'roles')).toContainEqual([
      'evacuate instances',
      'unknown',
      'the token has the roles member, reader, and Nova\'s default policy demands admin; "recovery-agent validate --cloud" checks it with a request to Nova',
    ]);
    expect(cloud.requests(EVACUATE)).toEqual([]);
    await using other = await generous();
    expect(await found(other, {}, 'roles')).toEqual(ALLOWED);
  });

  test('an instance of a host that is down, or that Nova works on, is not used', async () => {
    await using cloud = await generous();
    const service = { id: SERVICE_ID, host: 'c1', status: 'enabled', state: 'down', forced_down: false };
    cloud.on(SERVICES, { json: { services: [{ ...service, disabled_reason: null, updated_at: null }] } });
    const decisions = (await found(cloud)).map(([, state]) => state);
    expect(decisions).toEqual(['allowed', 'allowed', 'allowed', 'allowed', 'allowed', 'untried', 'allowed']);
    expect(cloud.requests(EVACUATE)).toEqual([]);
  });

  test('no answer, or one of a proxy, is unknown', async () => {
    await using cloud = await generous();
    cloud.on(MIGRATIONS, { status: 404, text: '<html><title>Not Found</title></html>' });
    cloud.on(UPDATE, { status: 502, text: '<html><title>Bad Gateway</title></html>' });
    const unknown = (await found(cloud)).filter(([, state]) => state !== 'allowed');
    expect(unknown.map(([name, state]) => [name, state])).toEqual([
      ['change compute services', 'unknown'],
      ['list migrations', 'unknown'],
    ]);
  });
});

describe('if Keystone or the versions refuse, nothing else is requested', () => {
  const login = 'log in and agree on a version of the API';

  test('wrong password', async () => {
    await using cloud = await generous();
    cloud.on('POST /v3/auth/tokens', { status: 401, json: { error: { code: 401, message: 'Wrong.' } } });
    expect(await found(cloud)).toEqual([[login, 'refused', expect.stringContaining('responded 401')]]);
  });

  test('no entry in the catalogue', async () => {
    await using cloud = await generous();
    const { rights } = await checkRights({
      cloud: cloud.client({ credentials: cloud.credentials({ region: 'two' }) }),
      needs: NOTHING,
      requested: 'requests',
    });
    expect(rights).toEqual([
      { right: login, verdict: 'refused', reason: expect.stringContaining('no endpoint for compute') },
    ]);
  });

  test('a version that is too old', async () => {
    await using cloud = await generous({ version: '2.1' });
    expect(await found(cloud)).toEqual([
      [login, 'refused', expect.stringMatching(/speaks 2\.1 to 2\.1; one of 2\.53/)],
    ]);
  });

  test('no server', async () => {
    await using cloud = await generous();
    const client = cloud.client();
    await cloud.stop('keystone');
    const { rights } = await checkRights({ cloud: client, needs: NOTHING, requested: 'requests' });
    expect(rights).toEqual([
      { right: login, verdict: 'unknown', reason: expect.stringContaining('Keystone cannot be reached') },
    ]);
  });
});

describe('of Keystone and Mistral', () => {
  test('owners and workflows', async () => {
    await using cloud = await generous();
    cloud.on('GET /v3/users/recovery-agent-check', { status: 403, json: { error: { code: 403, message: 'No.' } } });
    cloud.on('GET /workflow/v2/workflows/w', { status: 403, json: { faultstring: 'Policy does not allow it.' } });
    const needs = { ownerTasks: ['mail_owners'], workflows: [{ task: 'move', workflow: 'w', isDefined: false }] };
    const refused = (await found(cloud, needs)).filter(([, state]) => state !== 'allowed');
    expect(refused).toEqual([
      ['read users for task "mail_owners"', 'refused', expect.stringContaining('Keystone responded 403')],
      ['use workflow w of Mistral for task "move"', 'refused', expect.stringContaining('Mistral responded 403')],
    ]);
  });

  test('a workflow that Mistral does not have is one only if the task brings its definition', async () => {
    await using cloud = await generous();
    cloud.on('GET /workflow/v2/workflows/w', { status: 404, json: { faultstring: 'Workflow not found' } });
    const right = 'use workflow w of Mistral for task "move"';
    const reason = 'Mistral has no such workflow, and no definition_file creates it';
    const missing = await found(cloud, { workflows: [{ task: 'move', workflow: 'w', isDefined: false }] });
    expect(missing).toContainEqual([right, 'refused', reason]);
    const defined = await found(cloud, { workflows: [{ task: 'move', workflow: 'w', isDefined: true }] });
    expect(defined).toContainEqual([right, 'allowed', '']);
  });

  test('a user that is not found is the response if the right exists', async () => {
    await using cloud = await generous();
    cloud.on('GET /v3/users/recovery-agent-check', { status: 404, json: { error: { code: 404, message: 'None.' } } });
    const needs = { ownerTasks: ['mail_owners'] };
    expect(await found(cloud, needs)).toContainEqual(['read users for task "mail_owners"', 'allowed', '']);
  });
});

describe('of a mail server', () => {
  const passwordFile = join(directory, 'password');
  writeFileSync(passwordFile, `${PASSWORD}\n`);
  chmodSync(passwordFile, 0o600);

  async function ofServer(office: PostOffice, change: Partial<Needs['mailServers'][number]> = {}) {
    await using cloud = await generous();
    const plain = { task: 'alert', host: '127.0.0.1', port: office.port, tls: 'required', caFile: CA_FILE } as const;
    const server = { ...plain, user: 'agent', passwordFile, ...change };
    const [, state, reason] = (await found(cloud, { mailServers: [server] })).at(-1) ?? [];
    return { verdict: state, reason, mails: office.received.length };
  }

  test('a login that it takes; no mail is sent', async () => {
    await using office = await PostOffice.start();
    expect(await ofServer(office)).toEqual({ verdict: 'allowed', reason: '', mails: 0 });
  });

  test('login methods that a name and a password are not enough for are named', async () => {
    await using office = await PostOffice.start({ authMethods: ['XOAUTH2'] });
    const { port } = office;
    expect(await ofServer(office)).toEqual({
      verdict: 'refused',
      reason: `the mail server 127.0.0.1:${port} cannot be used: it offers the login methods XOAUTH2, and none of PLAIN, LOGIN, CRAM-MD5`,
      mails: 0,
    });
  });

  test('a wrong password, an open password file, no server', async () => {
    await using office = await PostOffice.start();
    expect(await ofServer(office, { user: 'nobody' })).toMatchObject({
      verdict: 'refused',
      reason: expect.stringContaining('535'),
    });
    const open = join(directory, 'open');
    writeFileSync(open, 'x\n');
    chmodSync(open, 0o644);
    expect(await ofServer(office, { passwordFile: open })).toMatchObject({
      verdict: 'refused',
      reason: expect.stringContaining('chmod 640'),
    });
    expect(await ofServer(office, { host: '127.0.0.2', port: office.port })).toMatchObject({
      verdict: 'refused',
      reason: expect.stringContaining('ECONNREFUSED'),
    });
  });
});
