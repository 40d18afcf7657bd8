import { expect, test } from 'vitest';
import type { Access } from '#config/clouds/clouds.ts';
import { ScriptedCloud } from '#test/world/scripted-cloud.ts';
import { serviceEndpoint } from './catalogue.ts';

const SERVICES = 'GET /v2.1/os-services';
const endpoint = (type: string, face: string, region: string, name?: string) => ({
  type,
  name,
  interface: face,
  region,
  url: `http://${[type, face, region, name].filter(Boolean).join('.')}/`,
});
const CATALOGUE = ['public', 'admin'].flatMap((face) =>
  ['a', 'b'].flatMap((region) => [
    endpoint('compute', face, region, 'nova'),
    endpoint('workflowv2', face, region),
    endpoint('computev21', face, region),
  ]),
);

test.each<[Partial<Access>, string]>([
  [{}, 'http://compute.public.a.nova/'],
  [{ services: { compute: { interface: 'admin' } } }, 'http://compute.admin.a.nova/'],
  [{ services: { compute: { region: 'b' }, workflow: { region: 'a' } } }, 'http://compute.public.b.nova/'],
  [{ services: { compute: { type: 'computev21' } } }, 'http://computev21.public.a/'],
  [{ services: { compute: { endpoint: 'http://own/v2.1' } } }, 'http://own/v2.1'],
  [
    { interface: 'admin', region: 'b', services: { workflow: { interface: 'public' } } },
    'http://compute.admin.b.nova/',
  ],
])('with %o Nova is at %s', (access, url) => {
  const whole = { interface: 'public', region: 'a', ...access } as const;
  expect(serviceEndpoint(CATALOGUE, whole, 'compute', ['compute']).href).toBe(url);
});

test('a name that no service of the type has is reported', () => {
  const access = { interface: 'public', region: 'a', services: { compute: { name: 'other' } } } as const;
  expect(() => serviceEndpoint(CATALOGUE, access, 'compute', ['compute'])).toThrow(
    'no endpoint for compute, name other',
  );
});

test('the first type that the catalogue has counts', () => {
  const access = { interface: 'public', region: 'a' } as const;
  expect(serviceEndpoint(CATALOGUE, access, 'workflow', ['workflow', 'workflowv2']).href).toBe(
    'http://workflowv2.public.a/',
  );
  expect(() => serviceEndpoint([], access, 'workflow', ['workflow', 'workflowv2'])).toThrow(
    'no endpoint for workflow,',
  );
});

test('an endpoint of its own needs no catalogue, and is where requests go', async () => {
  await using cloud = await ScriptedCloud.start();
  cloud.on(SERVICES, { json: { services: [] } });
  cloud.on('POST /v3/auth/tokens', (seen) => {
    const { json, ...reply } = cloud.tokenReply(seen);
    return { ...reply, json: { token: { ...(json as { token: object }).token, catalog: [] } } };
  });
  const services = { compute: { endpoint: `${cloud.url('nova')}/v2.1/some-project` } };
  await cloud.client({ credentials: cloud.credentials({ services }) }).check();
  expect(cloud.requests(SERVICES)).toHaveLength(1);
});

test('users are looked up at the endpoint of identity where that is set apart', async () => {
  await using cloud = await ScriptedCloud.start();
  cloud.on('GET /apart/v3/users/u', { json: { user: { email: 'u@example' } } });
  const services = { identity: { endpoint: `${cloud.url('keystone')}/apart/v3` } };
  const client = cloud.client({ credentials: cloud.credentials({ services }) });
  expect(await client.userAddress('u')).toBe('u@example');
});

test.each<[string, string]>([
  ['2.79', '2.79'],
  ['2.95', '2.93'],
  ['2.60', '2.60'],
])('the microversion %s is the highest: %s is spoken', async (computeMicroversion, spoken) => {
  await using cloud = await ScriptedCloud.start({ version: '2.96' });
  cloud.on(SERVICES, { json: { services: [] } });
  await cloud.client({ credentials: cloud.credentials({ computeMicroversion }) }).check();
  expect(cloud.requests(SERVICES)[0]?.headers['openstack-api-version']).toBe(`compute ${spoken}`);
});
