import { describe, expect, test } from 'vitest';
import { type Reply, ScriptedCloud } from '#test/world/scripted-cloud.ts';
import { apiRoot, negotiated } from './microversion.ts';

const ACTION = 'POST /v2.1/servers/i/action';

describe('the microversion', () => {
  test.each([
    ['2.53', '2.53'],
    ['2.60', '2.60'],
    ['2.93', '2.93'],
    ['2.95', '2.93'],
    ['2.100', '2.93'],
  ])('of a Nova up to %s is %s', async (version, spoken) => {
    await using cloud = await ScriptedCloud.start({ version });
    cloud.on(ACTION, { status: 200 });
    await cloud.client().evacuate('i', {});
    expect(cloud.requests(ACTION)[0]?.headers['openstack-api-version']).toBe(`compute ${spoken}`);
  });

  test.each(['2.30', '', '3.1'])('of a Nova up to %j is refused', async (version) => {
    await using cloud = await ScriptedCloud.start({ version });
    const client = cloud.client();
    const error = { kind: 'refused', message: expect.stringMatching(/one of 2\.53 to 2\.93 is needed/) };
    await expect(client.evacuate('i', {})).rejects.toMatchObject(error);
    expect(cloud.requests(ACTION)).toEqual([]);
  });

  test('is requested at the root of an endpoint that names the project, which requests then omit', async () => {
    await using cloud = await ScriptedCloud.start({ endpointPath: '/v2.1/4ac71cf8' });
    cloud.on(ACTION, { status: 200 });
    await cloud.client().evacuate('i', {});
    expect(cloud.requests('GET /v2.1/')).toHaveLength(1);
    expect(cloud.requests(ACTION)).toHaveLength(1);
  });

  test('is requested again after a failure, and when Nova does not know it any more', async () => {
    await using cloud = await ScriptedCloud.start();
    const document = (version: string) => ({ json: { version: { id: 'v2.1', version, min_version: '2.1' } } });
    cloud.on('GET /v2.1/', { status: 404 }, document('2.90'), document('2.79'));
    cloud.on(ACTION, { status: 406 }, { status: 200 });
    const client = cloud.client();
    await expect(client.evacuate('i', {})).rejects.toMatchObject({ kind: 'unreachable', status: 404 });
    await expect(client.evacuate('i', {})).rejects.toMatchObject({ kind: 'refused', status: 406 });
    await client.evacuate('i', {});
    const spoken = cloud.requests(ACTION).map((each) => each.headers['openstack-api-version']);
    expect(spoken).toEqual(['compute 2.90', 'compute 2.79']);
  });

  test.each<[Reply, string, RegExp]>([
    [
      { text: '<html>hello', headers: { 'content-type': 'text/html' } },
      'unreachable',
      /^Nova responded 200 to GET http:\/\/127.0.0.1:\d+\/v2\.1\/, but not with JSON .*; so there is no version of the API, and nothing was sent$/,
    ],
    [{ status: 502 }, 'unreachable', /responded 502 to GET http.*; so there is no version/],
    [{ json: { hello: 'world' } }, 'unreachable', /GET http.*\/v2\.1\/, but /],
    [
      { status: 300, json: { versions: [{ id: 'v3.14' }, { id: 'v2.0' }] } },
      'refused',
      /^GET http.*\/v2\.1\/ lists v3\.14, v2\.0 and not v2\.1; .* is the endpoint in the catalogue that of Nova\?$/,
    ],
    [{ json: { versions: [] } }, 'refused', /lists no version at all/],
    [{ json: { version: { id: 'v3.14', version: '2.90' } } }, 'refused', /lists v3\.14 and not v2\.1/],
    [{ json: { version: { id: 'v2.1' } } }, 'refused', /has no microversions/],
  ])('that %j names is none, and nothing is sent', async (document, kind, message) => {
    await using cloud = await ScriptedCloud.start();
    cloud.on('GET /v2.1/', document);
    const error = { kind, message: expect.stringMatching(message) };
    await expect(cloud.client().evacuate('i', {})).rejects.toMatchObject(error);
    expect(cloud.requests(ACTION)).toEqual([]);
  });

  test('is found in a list of versions too', () => {
    const entry = { id: 'v2.1', version: '2.79', min_version: '2.1' };
    expect(negotiated({ versions: [{ id: 'v2.0', version: '', min_version: '' }, entry] }, 'x')).toBe(79);
    expect(() => negotiated({ version: { ...entry, min_version: '2.94', version: '2.99' } }, 'x')).toThrow(
      '2.94 to 2.99',
    );
  });
});

test.each([
  ['http://h:8774/v2.1', 'http://h:8774/v2.1'],
  ['http://h:8774/v2.1/', 'http://h:8774/v2.1'],
  ['http://h:8774/v2.1/4ac71cf8', 'http://h:8774/v2.1'],
  ['http://h:8774/v2/4ac71cf8', 'http://h:8774/v2.1'],
  ['https://h/compute/v2.1', 'https://h/compute/v2.1'],
  ['https://h/compute/', 'https://h/compute/v2.1'],
  ['http://h:8774', 'http://h:8774/v2.1'],
])('the root of %s is %s', (endpoint, root) => {
  expect(apiRoot(new URL(endpoint))).toBe(root);
});
