/** Real programs against a small Keystone and Nova on the loopback, whose refusals each test sets. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { EngineWorld, Program } from '#test/world/engine-world.ts';
import { PASSWORD, ScriptedCloud } from '#test/world/scripted-cloud.ts';

const SERVICE = {
  id: '6f1f1d3c-0b5e-4d0c-9a39-0e1c1e0a0001',
  host: 'node-13.local',
  status: 'enabled',
  state: 'up',
  forced_down: false,
  disabled_reason: null,
  updated_at: null,
};
const SEGMENT = '[failover_segment rack1]\nhosts = node-13, node-14\n';
const INSTANCE = {
  id: '6f1f1d3c-0b5e-4d0c-9a39-0e1c1e0a0002',
  name: 'vm',
  status: 'ACTIVE',
  tenant_id: 'p',
  user_id: 'u',
  metadata: {},
  locked: false,
  'OS-EXT-SRV-ATTR:host': SERVICE.host,
  'OS-EXT-STS:vm_state': 'active',
  'OS-EXT-STS:task_state': null,
  'OS-EXT-STS:power_state': 1,
};
const MIGRATIONS = 'GET /v2.1/os-migrations';
const REFUSAL = { status: 403, json: { forbidden: { code: 403, message: "Policy doesn't allow it." } } };

let cloud: ScriptedCloud;
let directory = '';
let cloudsFile = '';
beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'recovery-agent-rights-'));
  cloud = await ScriptedCloud.start();
  cloudsFile = writeCloudsFile();
  cloud.on('GET /v2.1/os-services', ({ query }) => {
    const isRequested = [null, SERVICE.host].includes(query.get('host'));
    return { json: { services: isRequested ? [SERVICE] : [] } };
  });
  cloud.on('GET /v2.1/servers/detail', ({ query }) => ({
    json: { servers: query.get('host') === SERVICE.host ? [INSTANCE] : [] },
  }));
  cloud.on(`GET /v2.1/servers/${INSTANCE.id}/os-instance-actions`, { json: { instanceActions: [] } });
  const inUse = { code: 400, message: 'Compute service is still in use.' };
  cloud.on(`POST /v2.1/servers/${INSTANCE.id}/action`, { status: 400, json: { badRequest: inUse } });
  cloud.on(MIGRATIONS, { json: { migrations: [] } });
  const nothing = { code: 400, message: 'No updates were requested.' };
  cloud.on(`PUT /v2.1/os-services/${SERVICE.id}`, { status: 400, json: { badRequest: nothing } });
});
afterEach(async () => {
  await cloud[Symbol.asyncDispose]();
  rmSync(directory, { recursive: true, force: true });
});

function writeCloudsFile(): string {
  const file = join(directory, 'clouds.yaml');
  const auth = `auth_url: ${cloud.url('keystone')}/v3, username: agent, password: ${JSON.stringify(PASSWORD)}, project_name: service`;
  writeFileSync(file, `clouds: {one: {auth: {${auth}}}}\n`, { mode: 0o600 });
  return file;
}

async function validate(configuration: string, ...more: string[]) {
  const file = join(directory, 'recovery-agent.conf');
  writeFileSync(file, `[cloud]\nclouds_file = ${cloudsFile}\n${configuration}`, { mode: 0o600 });
  return new Program(['validate', '--quiet', '--cloud', ...more, file]).ended;
}

describe('validate --cloud', { timeout: 60_000 }, () => {
  it('passes where nothing is refused', async () => {
    const { code, stdout, stderr } = await validate('');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout.split('\n').slice(1)).toEqual([
      '',
      `Rights at openstack ${cloud.url('keystone')}/v3:`,
      '  allowed  log in and agree on a version of the API: user agent, project service, Nova API 2.93',
      '  allowed  read compute services (os_compute_api:os-services:list)',
      '  allowed  change compute services (os_compute_api:os-services:update)',
      '  allowed  list the instances of a host (os_compute_api:servers:detail:get_all_tenants, :allow_all_filters)',
      '  allowed  list migrations (os_compute_api:os-migrations:index)',
      '  allowed  list the actions of an instance (os_compute_api:os-instance-actions:list)',
      '  allowed  evacuate instances (os_compute_api:os-evacuate)',
      '',
    ]);
  });

  it('fails where a right is refused, and names hosts that Nova has under another name, or not at all', async () => {
    cloud.on(MIGRATIONS, REFUSAL);
    const { code, stdout } = await validate(SEGMENT);
    expect(code).toBe(1);
    expect(stdout).toMatch(
      /^ {2}refused {2}list migrations \(.*\): Nova responded 403 to GET \/os-migrations: Policy/m,
    );
    expect(stdout).toContain('\n  note: segment rack1 has node-13, Nova has node-13.local\n');
    expect(stdout).toContain('\n  error: segment rack1 has node-14, Nova has no nova-compute service of that name');
  });

  it('prints JSON for scripts', async () => {
    const { code, stdout } = await validate('', '--json');
    const { valid, cloud: found } = JSON.parse(stdout);
    expect({ code, valid, found }).toMatchObject({ code: 0, valid: true, found: { good: true, hosts: [] } });
    expect(found.rights[0]).toEqual({
      right: 'log in and agree on a version of the API',
      verdict: 'allowed',
      reason: 'user agent, project service, Nova API 2.93',
    });
  });

  it('fails without a response, and tries no right while the file is wrong', async () => {
    await cloud.stop('keystone');
    expect(await validate('')).toMatchObject({ code: 1, stdout: expect.stringContaining('  unknown  log in and') });
    const wrong = await validate('[engine]\nnodee = x\n');
    expect(wrong).toMatchObject({
      code: 1,
      stdout: expect.stringContaining('The rights are not tried: the configuration is wrong.'),
    });
    expect(wrong.stdout).not.toContain('Rights');
  });
});

describe('the start of an engine', { timeout: 60_000 }, () => {
  it('logs a line for each right that is refused, and for each host of a segment that Nova does not have', async () => {
    cloud.on(MIGRATIONS, REFUSAL);
    await using here = await EngineWorld.start({ cloud: `clouds_file = ${cloudsFile}`, configuration: SEGMENT });
    const engine = await here.engine();
    await engine.untilLogged(/warning {1,3}right refused: list migrations \(.*\) reason="Nova responded 403/);
    await engine.untilLogged('segment rack1 has node-13, Nova has node-13.local');
    await engine.untilLogged('warning segment rack1 has node-14, Nova has no nova-compute service of that name');
    expect(engine.stderr.match(/right (refused|unknown)/g)).toHaveLength(1);
    expect(cloud.seen.filter(({ path }) => path.includes('/action'))).toEqual([]);
    expect((await engine.kill('SIGTERM')).code).toBe(0);
  });

  it('serves while the cloud does not respond, with one line about it, and stops at once', async () => {
    cloud.on('POST /v3/auth/tokens', { instead: 'hang' });
    await using here = await EngineWorld.start({ cloud: `clouds_file = ${cloudsFile}\nrequest_timeout = 0.2` });
    const engine = await here.engine();
    await engine.untilLogged(/right unknown: log in and agree on a version of the API/);
    expect((await engine.kill('SIGTERM')).code).toBe(0);
    expect(engine.stderr.match(/right (refused|unknown)/g)).toHaveLength(1);
  });
});
