/** Responses of a real Nova about a cell that is down (test/fixtures/nova), and how they are read. */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { ScriptedCloud } from '#test/world/scripted-cloud.ts';
import type { Cloud } from '../cloud.ts';
import { readEvacuationsFrom, readInstance, readInstancesOn, readService } from '../reading.ts';

interface Recorded {
  readonly status: number;
  readonly body: { readonly server?: { readonly id: string }; readonly services?: readonly { readonly id: string }[] };
}

const fixture = (name: string): Record<string, Recorded> =>
  JSON.parse(readFileSync(new URL(`../../../test/fixtures/nova/${name}.json`, import.meta.url), 'utf8'));
const DOWN = fixture('cell-down');
const HANGS = fixture('cell-hangs');

const instance = DOWN['an instance of the cell']?.body.server?.id ?? '';
const service = { ...HANGS['all services']?.body.services?.[0], id: 'of-d1', host: 'd1' };

/** A client of a Nova that gives these responses to every request for the path. */
async function answering(answers: Readonly<Record<string, Recorded | undefined>>): Promise<[ScriptedCloud, Cloud]> {
  const cloud = await ScriptedCloud.start({ version: '2.93' });
  for (const [request, recorded] of Object.entries(answers)) {
    if (recorded === undefined) throw new Error(`No answer to ${request} was recorded.`);
    cloud.on(request, { status: recorded.status, json: recorded.body });
  }
  return [cloud, cloud.client()];
}

const SERVICES = 'GET /v2.1/os-services';
const NO_ANSWER = { answer: 'none', error: { kind: 'no_answer', message: expect.stringMatching(/\bcell\b/) } };

test('an instance that boots from a volume is read with the flavor that it was built with', async () => {
  const [scripted, cloud] = await answering({
    'GET /v2.1/servers/detail': DOWN['instances of a host in another cell'],
  });
  await using _scripted = scripted;
  const { items } = await cloud.listInstances({ host: 'c1' });
  expect(items[0]?.properties).toEqual({ flavor: 'nano', extraSpecs: {}, image: '', tags: [] });
});

describe.each([
  ['refuses connections', DOWN],
  ['hangs', HANGS],
])('the database of a cell %s:', (_, recorded) => {
  const services = recorded['services of a host in the cell'];

  test('the service of its host gives no answer', async () => {
    const [scripted, cloud] = await answering({ [SERVICES]: services });
    await using _scripted = scripted;
    expect(await readService(cloud, 'd1')).toMatchObject(NO_ANSWER);
  });

  test('its instance gives no answer', async () => {
    const { body } = recorded['an instance of the cell'] ?? {};
    const uuid = body?.server?.id ?? '';
    const [scripted, cloud] = await answering({ [`GET /v2.1/servers/${uuid}`]: recorded['an instance of the cell'] });
    await using _scripted = scripted;
    expect(await readInstance(cloud, uuid)).toMatchObject(NO_ANSWER);
  });

  test('an empty list of evacuations gives no answer', async () => {
    const evacuations = recorded['evacuations from a host in the cell'];
    const [scripted, cloud] = await answering({ 'GET /v2.1/os-migrations': evacuations, [SERVICES]: services });
    await using _scripted = scripted;
    expect(await readEvacuationsFrom(cloud, { sourceHost: 'd1' })).toMatchObject(NO_ANSWER);
  });

  test('what becomes of a requested evacuation is unknown', async () => {
    const [scripted, cloud] = await answering({ [`POST /v2.1/servers/${instance}/action`]: recorded.evacuate });
    await using _scripted = scripted;
    await expect(cloud.evacuate(instance, {})).rejects.toMatchObject({ kind: 'unknown', status: 500 });
  });
});

test('an empty list of the instances of a host in a cell that is down gives no answer', async () => {
  const [scripted, cloud] = await answering({
    'GET /v2.1/servers/detail': DOWN['instances of a host in the cell'],
    [SERVICES]: DOWN['services of a host in the cell'],
  });
  await using _scripted = scripted;
  expect(await readInstancesOn(cloud, 'd1')).toMatchObject(NO_ANSWER);
});

test('an instance that does not exist is no, though a cell is down', async () => {
  const [scripted, cloud] = await answering({ 'GET /v2.1/servers/none': DOWN['an instance that does not exist'] });
  await using _scripted = scripted;
  expect(await readInstance(cloud, 'none')).toEqual({ answer: 'no' });
});

test('a list of evacuations whose next page fails because the cell went down gives no answer', async () => {
  await using scripted = await ScriptedCloud.start({ version: '2.93' });
  const { status = 0, body } = DOWN['next page of the evacuations'] ?? {};
  const record = { id: 1, uuid: 'm', instance_uuid: instance, migration_type: 'evacuation', source_compute: 'd1' };
  const page = { ...record, dest_compute: 'd2', status: 'done', created_at: '2026-11-28T23:11:24.000000' };
  scripted.on(
    'GET /v2.1/os-migrations',
    { json: { migrations: [page], migrations_links: [{ rel: 'next', href: 'http://nova.example/next' }] } },
    { status, json: body },
    { json: DOWN['evacuations from a host in the cell']?.body },
  );
  scripted.on(SERVICES, { json: DOWN['services of a host in the cell']?.body });
  expect(await readEvacuationsFrom(scripted.client(), { sourceHost: 'd1' })).toMatchObject(NO_ANSWER);
});

test('a change of a service of the cell has an unknown outcome', async () => {
  const name = 'change the service of a host in the cell';
  const [scripted, cloud] = await answering({
    [SERVICES]: { status: 200, body: { services: [service] } },
    'PUT /v2.1/os-services/of-d1': DOWN[name],
  });
  await using _scripted = scripted;
  const found = await cloud.computeService('d1');
  if (found === undefined) throw new Error('The service is listed.');
  await expect(cloud.changeService(found, { forcedDown: true })).rejects.toMatchObject({ kind: 'unknown' });
});
