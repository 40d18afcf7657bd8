import { join } from 'node:path';
import { format, inspect } from 'node:util';
import { describe, expect, test } from 'vitest';
import { cloudsPlace } from '#test/world/clouds-place.ts';
import { Secret } from './clouds.ts';

const place = cloudsPlace();
const { load, write } = place;

const CLOUD = `
clouds:
  blue:
    auth:
      auth_url: https://blue.example:5000/v3/
      username: agent
      password: 1234
      project_name: service
      user_domain_name: Users
      project_domain_id: abc
    region_name: north
    interface: internal
    cacert: ~/ca.pem
`;

describe('clouds.yaml', () => {
  test('gives the named cloud, also with a password of digits', () => {
    write('here/clouds.yaml', `${CLOUD}  green: {}\n`, 0o640);
    const found = load({ environment: { OS_CLOUD: 'blue', OS_AUTH_URL: 'http://other' } });
    expect(found).toMatchObject({
      method: 'password',
      authUrl: 'https://blue.example:5000/v3',
      region: 'north',
      interface: 'internal',
      caFile: join(place.root, 'home/ca.pem'),
      verify: 'certificates',
      user: { name: 'agent', domain: { name: 'Users' } },
      scope: { project: { name: 'service', domain: { id: 'abc' } } },
    });
    expect(found.method === 'password' && found.password.reveal()).toBe('1234');
  });

  test('is searched where clients search, the first one counts', () => {
    const at = (host: string) =>
      `clouds: { c: { auth: { auth_url: 'http://${host}', username: u, password: p, project_id: i } } }`;
    const named = write('named.yaml', at('named'));
    write('home/.config/openstack/clouds.yaml', at('home'));
    expect(load().authUrl).toBe('http://home');
    write('here/clouds.yml', at('here'));
    expect(load().authUrl).toBe('http://here');
    expect(load({ environment: { OS_CLIENT_CONFIG_FILE: named } }).authUrl).toBe('http://named');
    const explicit = write('explicit.yaml', at('explicit'));
    expect(load({ file: explicit, environment: { OS_CLIENT_CONFIG_FILE: named } }).authUrl).toBe('http://explicit');
  });

  test('is completed by the secure.yaml beside it', () => {
    write('here/clouds.yaml', CLOUD.replace('      password: 1234\n', ''), 0o644);
    write('here/secure.yaml', 'clouds: { blue: { auth: { password: hidden } } }', 0o600);
    const found = load({ cloud: 'blue' });
    expect(found.method === 'password' && found.password.reveal()).toBe('hidden');
  });

  test('takes merge keys, null values and quoted secrets as YAML has them', () => {
    const text =
      'x: &x { username: u, password: "null", user_id: ~ }\n' +
      'clouds:\n  c: { region_name: null, auth: { <<: *x, auth_url: http://k, project_name: p } }\n';
    write('here/clouds.yaml', text);
    const found = load();
    expect(found).toMatchObject({ region: undefined, scope: { project: { name: 'p', domain: { id: 'default' } } } });
    expect(found.method === 'password' && found.password.reveal()).toBe('null');
  });

  test.each([0o644, 0o642, 0o641])('is refused when it holds a secret and others have access (%o)', (mode) => {
    const path = write('here/clouds.yaml', CLOUD, mode);
    expect(() => load()).toThrow(`chmod 640 ${path}`);
  });

  test('and so is a secure.yaml', () => {
    write('here/clouds.yaml', CLOUD);
    const path = write('here/secure.yaml', 'clouds: { blue: { auth: { password: hidden } } }', 0o644);
    expect(() => load()).toThrow(`chmod 640 ${path}`);
  });

  test('that cannot be read is reported with the reason', () => {
    const readFile = () => {
      throw Object.assign(new Error('no'), { code: 'EACCES' });
    };
    expect(() => load({ file: '/etc/clouds.yaml', readFile })).toThrow(
      /cannot read \/etc\/clouds.yaml \(EACCES\).*640/,
    );
  });

  test('that is missing or does not have the cloud is reported with the choices', () => {
    expect(() => load({ file: 'no.yaml' })).toThrow(`${join(place.root, 'here/no.yaml')} does not exist`);
    expect(() => load({ cloud: 'blue' })).toThrow(
      /no cloud 'blue': there is none of .*here\/clouds\.yaml, .*clouds\.yaml, \/etc\/xdg\/openstack.*, \/etc\/openstack/,
    );
    expect(() => load()).toThrow(/set OS_AUTH_URL .* or write one of .*clouds\.yaml, \/etc\/openstack/);
    write('here/clouds.yaml', `${CLOUD}  green: {}\n`);
    expect(() => load({ cloud: 'red' })).toThrow("no cloud 'red'; it has blue, green");
    expect(() => load()).toThrow('which cloud? Name one, e.g. with OS_CLOUD; it has blue, green');
    expect(() => load({ cloud: 'constructor' })).toThrow("no cloud 'constructor'");
  });

  test.each([
    ['clouds:\n  blue:\n auth: "s3cret', /line 2, column \d+: this is not YAML/],
    ['clouds: { blue: { auth: { password: *s3cret } } }', /not YAML \(an alias/],
    ['clouds: { blue: s3cret }', /clouds\.blue is a text/],
    ['clouds: [s3cret]', /clouds is a list/],
    ['s3cret', /its top is a text/],
    ['clouds: { blue: { auth: { auth_url: http://k, username: { s3cret: 1 }, password: p } } }', /username of cloud/],
    [
      'clouds: { blue: &b { again: *b, auth: { auth_url: http://k } } }',
      /again of cloud 'blue' in .* is not supported/,
    ],
    ['clouds: { blue: { auth: { auth_url: http://k } } }', /password of cloud 'blue' in .* is missing/],
    ['', /it has none/],
  ])('that is wrong is refused without repeating it: %j', (text, message) => {
    write('here/clouds.yaml', text);
    const thrown = thrownBy(() => load());
    expect(thrown.message).toMatch(message);
    expect(inspect(thrown, { depth: 9 })).not.toContain('s3cret');
  });
});

describe('the OS_* variables', () => {
  const PASSWORD = {
    OS_AUTH_URL: 'http://keystone:5000',
    OS_USERNAME: 'agent',
    OS_PASSWORD: 's3cret',
    OS_PROJECT_NAME: 'service',
  };

  test('give a password, for a project or for the system', () => {
    expect(load({ environment: PASSWORD })).toMatchObject({
      method: 'password',
      interface: 'public',
      user: { name: 'agent', domain: { id: 'default' } },
      scope: { project: { name: 'service', domain: { id: 'default' } } },
    });
    expect(load({ environment: { ...PASSWORD, OS_PROJECT_NAME: '', OS_SYSTEM_SCOPE: 'all' } })).toMatchObject({
      scope: { system: 'all' },
    });
    expect(
      load({
        environment: {
          ...PASSWORD,
          OS_INTERFACE: 'public',
          OS_ENDPOINT_TYPE: 'adminURL',
          OS_INSECURE: 'True',
          OS_TENANT_NAME: '',
        },
      }),
    ).toMatchObject({ interface: 'admin', verify: 'nothing' });
  });

  test('give an application credential, by id or by name and user', () => {
    const base = { OS_AUTH_URL: 'http://k', OS_APPLICATION_CREDENTIAL_SECRET: 's3cret' };
    expect(
      load({ environment: { ...base, OS_APPLICATION_CREDENTIAL_ID: 'a', OS_AUTH_TYPE: 'v3applicationcredential' } }),
    ).toMatchObject({ method: 'application_credential', credential: { id: 'a' } });
    expect(load({ environment: { ...base, OS_APPLICATION_CREDENTIAL_NAME: 'n', OS_USER_ID: 'u' } })).toMatchObject({
      method: 'application_credential',
      credential: { name: 'n', user: { id: 'u' } },
    });
  });

  test('give a token', () => {
    expect(load({ environment: { OS_AUTH_URL: 'http://k', OS_TOKEN: 's3cret' } }).method).toBe('token');
  });

  test.each([
    [{ OS_PASSWORD: '' }, 'OS_PASSWORD is missing'],
    [{ OS_USERNAME: undefined }, 'OS_USERNAME is missing'],
    [{ OS_PROJECT_NAME: '' }, 'set one of OS_PROJECT_NAME, OS_PROJECT_ID, OS_SYSTEM_SCOPE'],
    [{ OS_AUTH_TYPE: 'v2password' }, "OS_AUTH_TYPE is 'v2password'; allowed are password, v3password, v3application"],
    [{ OS_INTERFACE: 'inner' }, "OS_INTERFACE is 'inner'; allowed are public, internal, admin"],
    [{ OS_ENDPOINT_TYPE: 'inner' }, "OS_ENDPOINT_TYPE is 'inner'"],
    [{ OS_INSECURE: 'perhaps' }, "OS_INSECURE is 'perhaps'; allowed are true, false"],
    [{ OS_INSECURE: '1' }, "OS_INSECURE is '1'; allowed are true, false"],
    [{ OS_SYSTEM_SCOPE: 'all' }, 'OS_PROJECT_NAME and OS_SYSTEM_SCOPE are both set'],
    [{ OS_SYSTEM_SCOPE: 'some' }, "OS_SYSTEM_SCOPE is 'some'; allowed are all"],
    [{ OS_AUTH_URL: 'http://agent:s3cret@keystone' }, 'OS_AUTH_URL is not an address of Keystone'],
    [{ OS_AUTH_URL: 's3cret' }, 'OS_AUTH_URL is not an address of Keystone'],
    [{ OS_AUTH_TYPE: 'token' }, 'OS_TOKEN is missing'],
  ])('that are wrong or missing are named: %o', (change, message) => {
    const thrown = thrownBy(() => load({ environment: { ...PASSWORD, ...change } }));
    expect(thrown.message).toContain(message);
    expect(inspect(thrown, { depth: 9 })).not.toContain('s3cret');
  });
});

test('a secret is shown only by reveal()', () => {
  const secret = new Secret('s3cret');
  const holder = { password: secret };
  const seen = [
    JSON.stringify(holder),
    inspect(holder, { showHidden: true, depth: 9, getters: true }),
    format('%s %o %O %j', secret, secret, secret, secret),
    `${secret}`,
    String(new Error('no', { cause: secret }).cause),
    Object.entries(secret).join(),
  ];
  expect(seen.join('\n')).not.toContain('s3cret');
  expect(secret.reveal()).toBe('s3cret');
});

function thrownBy(run: () => unknown): Error {
  try {
    run();
  } catch (error) {
    if (error instanceof Error) return error;
  }
  throw new Error('nothing was thrown');
}
