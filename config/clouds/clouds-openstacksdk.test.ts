/** Values that openstacksdk reads, of which the lab `openstacksdk` compares many more with the library itself. */
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { faultOf } from '#protocol/trusted-path.ts';
import { cloudsPlace } from '#test/world/clouds-place.ts';
import type { CredentialsSearch, ReadFile } from './clouds.ts';

const place = cloudsPlace();
const { load, write } = place;

const AUTH = 'auth: { auth_url: https://k/v3, username: u, password: p, project_name: x }';
const cloud = (keys: string) => `clouds: { one: { ${AUTH}, ${keys} } }`;
const loaded = (keys: string, search: Partial<CredentialsSearch> = {}) => {
  write('here/clouds.yaml', cloud(keys));
  return load(search);
};

describe('files', () => {
  test('are each searched on their own', () => {
    write('home/.config/openstack/clouds.json', '{"clouds": {"one": {"profile": "acme", "auth": {"username": "u"}}}}');
    write('xdg/openstack/secure.yml', 'clouds: { one: { auth: { password: hidden, project_id: x } } }');
    write('here/clouds-public.yaml', 'public-clouds: { acme: { auth: { auth_url: https://acme/v3 }, regions: [r] } }');
    const found = load({ environment: { XDG_CONFIG_DIRS: join(place.root, 'xdg') } });
    expect(found).toMatchObject({ authUrl: 'https://acme/v3', region: 'r', scope: { project: { id: 'x' } } });
    expect(found.method === 'password' && found.password.reveal()).toBe('hidden');
  });

  test('may be found where there is no home', () => {
    write('here/clouds.yaml', cloud('interface: internal'));
    expect(load({ home: undefined }).interface).toBe('internal');
    expect(() => loaded('cacert: ~/ca.pem', { home: undefined })).toThrow(/cacert of cloud 'one'.*home directory/);
  });

  test.each([
    [{ uid: 4242, mode: 0o600 }, /is not trusted: \S+ belongs to user 4242/],
    [{ uid: 0, mode: 0o620 }, /is not trusted: others than the owner can write to/],
  ])('that others could have written are not read: %o', ({ uid, mode }, message) => {
    const readFile: ReadFile = (path) => {
      const distrust = faultOf(path, { kind: 'file', uid, mode }, { uid: 0, scope: 'way' });
      return path.endsWith('.yaml') ? { text: cloud('x: y'), mode, distrust } : undefined;
    };
    expect(() => load({ readFile })).toThrow(message);
  });
});

describe('regions', () => {
  const REGIONS = `regions: [
    { name: east, values: { auth: { auth_url: https://east/v3 }, compute_interface: admin } }, { name: west }, north ]`;

  test('have values of their own, the first one counts', () => {
    expect(loaded(REGIONS)).toMatchObject({
      region: 'east',
      authUrl: 'https://east/v3',
      services: { compute: { interface: 'admin' } },
    });
  });

  test('are chosen by name, and none that is not listed', () => {
    expect(loaded(REGIONS, { region: 'north' })).toMatchObject({ region: 'north', authUrl: 'https://k/v3' });
    expect(() => loaded(REGIONS, { region: 'south' })).toThrow("has no region 'south'; it has east, west, north");
    expect(loaded('force_ipv4: true', { region: 'south' })).toMatchObject({ region: 'south', family: 4 });
  });
});

describe('values', () => {
  test('of connections and services', () => {
    const keys =
      'cert: c.pem, key: ~/k.pem, api_timeout: 2.5, compute_default_microversion: 2.79, ' +
      'ha_endpoint_override: https://h/v1, workflowv2_interface: admin, identity_region_name: r';
    expect(loaded(keys, { environment: { no_proxy: 'x' } })).toMatchObject({
      certFile: join(place.root, 'here/c.pem'),
      keyFile: join(place.root, 'home/k.pem'),
      timeoutMs: 2500,
      computeMicroversion: '2.79',
      proxies: { names: ['no_proxy'] },
      services: {
        'instance-ha': { endpoint: 'https://h/v1' },
        workflow: { interface: 'admin' },
        identity: { region: 'r' },
      },
    });
  });

  test('fill in settings of the cloud', () => {
    write(
      'here/clouds.yaml',
      cloud("region_name: r, cacert: '/ca/{region_name}{{}}.pem'").replace('https://k/v3', "'https://{region_name}.k'"),
    );
    expect(load()).toMatchObject({ authUrl: 'https://r.k', caFile: '/ca/r{}.pem' });
  });

  test('name the domain of the command line where no other is named', () => {
    const domain = { id: 'd' };
    expect(loaded('default_domain: d')).toMatchObject({ user: { domain }, scope: { project: { domain } } });
  });

  test.each([
    ['compute_connect_retries: 3', "compute_connect_retries of cloud 'one'"],
    ['compute_interfce: internal', 'did you mean "compute_interface"?'],
    ['has_compute: false', 'has_compute of cloud'],
    ['vendor_hook: a', 'vendor_hook of cloud'],
    ['profile: ovh', 'there is no clouds-public.yaml; profiles of openstacksdk'],
    ['region_name: 2.10', 'region_name of cloud'],
    ['nova_endpoint_type: internal', 'name the service by its type'],
    ['auth_plugin: v3token', 'write auth_type'],
  ])('that are not supported are refused: %s', (keys, message) => expect(() => loaded(keys)).toThrow(message));

  test('of the services of others have no effect', () => {
    const keys =
      'volume_api_version: 3, image_format: raw, networks: [{ name: a }], has_network: false, nova_interface: public';
    expect(loaded(keys)).toEqual(loaded('interface: public'));
  });
});

describe('variables', () => {
  const OWN = { OS_AUTH_URL: 'https://e/v3', OS_USERNAME: 'u', OS_PASSWORD: 'p', OS_PROJECT_NAME: 'x' };

  test('go before a file, unless OS_CLOUD or an option names a cloud of it', () => {
    write('here/clouds.yaml', cloud('interface: admin'));
    expect(load({ environment: OWN }).authUrl).toBe('https://e/v3');
    expect(load({ environment: { ...OWN, OS_CLOUD: 'one' } }).authUrl).toBe('https://k/v3');
    expect(load({ environment: OWN, file: 'clouds.yaml' }).authUrl).toBe('https://k/v3');
    expect(load({ environment: { ...OWN, OS_CLOUD_NAME: 'mine' }, cloud: 'mine' }).authUrl).toBe('https://e/v3');
  });

  test.each([
    [{ OS_PASSWORD: 'x' }, /OS_PASSWORD is set, so the OS_\* variables describe the cloud, and OS_AUTH_URL is missing/],
    [{ ...OWN, OS_CLOUD_NAME: 'one' }, /a cloud 'one' is in .* and in the OS_\* variables/],
    [{ OS_CLOUD: 'one', OS_REGION_NAME: 'r' }, /OS_REGION_NAME has no effect on cloud 'one'/],
    [{ ...OWN, OS_USRENAME: 'x' }, /OS_USRENAME is not supported/],
    [{ ...OWN, OS_VERIFY: 'false' }, /OS_VERIFY is no truth value/],
  ])('that mislead are named: %o', (environment, message) => {
    write('here/clouds.yaml', cloud('interface: admin'));
    expect(() => load({ environment })).toThrow(message);
  });
});
