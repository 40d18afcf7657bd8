import { rmSync, statSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { installPackages } from './install.ts';
import { OpenStackLab } from './lab.ts';

/** That the lab is the OpenStack that the other tests take it for. */

let lab: OpenStackLab;
let hasFailed = false;

beforeAll(async () => {
  await installPackages();
  lab = await OpenStackLab.start({ computes: 3 });
});

afterAll(async () => {
  await lab?.stop();
  // The logs of a lab in which something failed stay.
  if (lab && !hasFailed) rmSync(lab.directory, { recursive: true, force: true });
});

afterEach(({ task }) => {
  hasFailed ||= task.result?.state === 'fail';
  for (const host of lab.hosts) lab.setCopies(host, 'work');
});

test('three computes are up, and only the owner reads the passwords', async () => {
  const computes = await lab.services({ binary: 'nova-compute' });
  expect(computes.map(({ host, state }) => `${host} ${state}`).sort()).toEqual(['c1 up', 'c2 up', 'c3 up']);
  expect(statSync(lab.cloudsYaml()).mode & 0o777).toBe(0o600);
});

test('an instance of a killed and forced-down host is evacuated, and the host comes back', async () => {
  const [uuid = ''] = await lab.boot(1, 'c1', { name: 'moves', metadata: { HA_Enabled: 'True' } });
  await lab.killCompute('c1');
  await lab.forceDown('c1');
  await lab.action(uuid, { evacuate: {} });
  const moved = await lab.waitForServer(uuid, (server) => server['OS-EXT-SRV-ATTR:host'] !== 'c1');
  expect(moved).toMatchObject({ status: 'ACTIVE', metadata: { HA_Enabled: 'True' } });
  await expect
    .poll(() => lab.migrations({ migration_type: 'evacuation', source_compute: 'c1' }), { timeout: 10_000 })
    .toMatchObject([{ instance_uuid: uuid, status: 'done' }]);
  expect(lab.whereabouts(uuid)).toEqual([moved['OS-EXT-SRV-ATTR:host']]);
  const [service] = await lab.services({ binary: 'nova-compute', host: 'c1' });
  const tooEarly = await lab.request('PUT', `/os-services/${service?.id}`, { forced_down: false });
  expect(tooEarly).toMatchObject({ status: 400, body: { badRequest: { message: expect.stringContaining('`done`') } } });
  await lab.startCompute('c1');
  expect(await lab.migrations({ migration_type: 'evacuation', source_compute: 'c1' })).toMatchObject([
    { instance_uuid: uuid, status: 'completed' },
  ]);
  expect(await lab.services({ binary: 'nova-compute', host: 'c1' })).toMatchObject([
    { state: 'up', forced_down: false },
  ]);
  expect(lab.whereabouts(uuid)).toEqual([moved['OS-EXT-SRV-ATTR:host']]);
});

test('an instance that stayed on a host that came back is there, and can be stopped and started', async () => {
  const [uuid = ''] = await lab.boot(1, 'c1', { name: 'stays' });
  await lab.killCompute('c1');
  expect(lab.whereabouts(uuid)).toEqual([]);
  await lab.startCompute('c1');
  expect(lab.whereabouts(uuid)).toEqual(['c1']);
  await lab.stopServer(uuid);
  await lab.startServer(uuid);
});

const migrationsOf = async (uuid: string): Promise<string[]> =>
  (await lab.migrations({ instance_uuid: uuid })).map(({ migration_type, status }) => `${migration_type} ${status}`);

test('a live migration takes the configured time, and the instance is then only on its new host', async () => {
  const [uuid = ''] = await lab.boot(1, 'c1');
  lab.setCopies('c1', 'wait');
  const migrate = { 'os-migrateLive': { host: 'c2', block_migration: 'auto' } };
  await lab.action(uuid, migrate);
  await expect.poll(() => migrationsOf(uuid), { timeout: 30_000 }).toEqual(['live-migration running']);
  expect(await lab.server(uuid)).toMatchObject({ status: 'MIGRATING', 'OS-EXT-SRV-ATTR:host': 'c1' });
  expect(await lab.request('POST', `/servers/${uuid}/action`, migrate)).toMatchObject({ status: 409 });
  lab.setCopies('c1', 'work');
  // The record is the last to change.
  await expect.poll(() => migrationsOf(uuid), { timeout: 30_000 }).toEqual(['live-migration completed']);
  expect(await lab.server(uuid)).toMatchObject({ status: 'ACTIVE', 'OS-EXT-SRV-ATTR:host': 'c2' });
  expect(lab.whereabouts(uuid)).toEqual(['c2']);
});

test('a live migration that fails leaves the instance where it is, and only its record shows that', async () => {
  const [uuid = ''] = await lab.boot(1, 'c1');
  lab.setCopies('c1', 'fail');
  await lab.action(uuid, { 'os-migrateLive': { host: 'c2', block_migration: 'auto' } });
  await expect.poll(() => migrationsOf(uuid), { timeout: 30_000 }).toEqual(['live-migration failed']);
  expect(await lab.server(uuid)).toMatchObject({ status: 'ACTIVE', 'OS-EXT-SRV-ATTR:host': 'c1' });
  const [action] = await lab.actionsOf(uuid);
  expect(action).toMatchObject({ action: 'live-migration', message: null });
  expect(action?.events.map(({ result }) => result)).not.toContain('Error');
});

test('a stopped instance is migrated, and is on one host only once that is confirmed', async () => {
  const [uuid = ''] = await lab.boot(1, 'c1');
  await lab.stopServer(uuid);
  await lab.action(uuid, { migrate: { host: 'c3' } });
  await lab.waitForServer(uuid, ({ status }) => status === 'VERIFY_RESIZE');
  expect(lab.whereabouts(uuid)).toEqual(['c1', 'c3']);
  expect(await migrationsOf(uuid)).toEqual(['migration finished']);
  await lab.action(uuid, { confirmResize: null });
  await lab.waitForServer(uuid, ({ status }) => status === 'SHUTOFF');
  expect(lab.whereabouts(uuid)).toEqual(['c3']);
  expect(await migrationsOf(uuid)).toEqual(['migration confirmed']);
});

test('a server takes the states that tests set', async () => {
  const [first = '', second = '', third = ''] = await lab.boot(3, 'c2');
  await Promise.all([lab.stopServer(first), lab.pause(second), lab.resetState(third, 'error')]);
  await lab.setTaskState(third, 'powering-off');
  await lab.lock(third);
  expect((await lab.server(first))['OS-EXT-STS:vm_state']).toBe('stopped');
  expect((await lab.server(second))['OS-EXT-STS:vm_state']).toBe('paused');
  expect(await lab.server(third)).toMatchObject({
    'OS-EXT-STS:vm_state': 'error',
    'OS-EXT-STS:task_state': 'powering-off',
    locked: true,
  });
  await lab.setTaskState(third, null);
});

test('calls are counted by the program that made them', async () => {
  const headers = { 'User-Agent': 'counted/1.0' };
  await fetch(lab.authUrl, { headers });
  await Promise.all([1, 2, 3].map(() => fetch(lab.computeUrl, { headers })));
  expect(await lab.callCounts('counted')).toEqual({ identity: 1, compute: 3 });
});

/** Logs in by itself, as the lab's own client would keep its token. */
async function logIn(auth: Record<string, unknown>): Promise<{ issued_at: string; expires_at: string }> {
  const answer = await fetch(`${lab.authUrl}/auth/tokens`, {
    method: 'POST',
    body: JSON.stringify({ auth }),
    headers: { 'Content-Type': 'application/json' },
  });
  const { token } = (await answer.json()) as { token: { issued_at: string; expires_at: string } };
  return token;
}

test('an application credential logs in, and tokens live as long as it was set', async () => {
  const { id, secret } = await lab.createApplicationCredential();
  await lab.setKeystoneTokenExpiration(120);
  const token = await logIn({
    identity: { methods: ['application_credential'], application_credential: { id, secret } },
  });
  expect(Date.parse(token.expires_at) - Date.parse(token.issued_at)).toBe(120_000);
});

test('all instances can be deleted', async () => {
  await lab.deleteAll();
  expect(await lab.servers()).toEqual([]);
});
