/** Scenes generated at random with a fixed seed: files, keys and variables that an operator may combine. */
import fc from 'fast-check';
import type { Scene } from './scene.ts';

const COUNT = 300;
const SEED = 20_261_129;

const pick = (...texts: readonly string[]) => fc.constantFrom(...texts);

/** The content of `auth`, and the type that it needs. */
const LOGINS: readonly (readonly [auth: string, type: string])[] = [
  ['username: u, password: p, project_name: x, user_domain_name: D, project_domain_name: D', ''],
  ['username: u, password: p, project_id: x, user_domain_id: d', 'auth_type: v3password'],
  ['user_id: u, password: p, tenant_name: x, domain_id: d', 'auth_type: password'],
  ['username: u, password: p, project_name: x', ''],
  ['username: u, password: p, system_scope: all, user_domain_id: d', ''],
  ['username: u, password: p, trust_id: t, user_domain_id: d', ''],
  ['username: u, password: p, project_name: x, default_domain_id: d', ''],
  ['token: t', 'auth_type: token'],
  ['token: t, project_id: x', 'auth_type: v3token'],
  ['application_credential_id: i, application_credential_secret: s', 'auth_type: v3applicationcredential'],
];
const OTHER_TYPE = pick('', 'auth_type: v3password', 'auth_type: token', ...Array<string>(20).fill('own'));
const KEYS = [
  'region_name: a',
  'regions: [a, b]',
  'regions: [{ name: a, values: { auth: { auth_url: https://a/v3 }, interface: admin } }, b]',
  'interface: internal',
  'endpoint_type: adminURL',
  'cacert: /ca.pem',
  'verify: false',
  'insecure: true',
  'cert: /c.pem',
  'cert: /c.pem, key: ~/k.pem',
  'compute_endpoint_override: https://n/v2.1',
  'compute_interface: admin',
  'compute_region_name: c',
  "compute_api_version: '2.1'",
  'compute_default_microversion: 2.79',
  'identity_api_version: 3',
  'identity_interface: internal',
  'workflowv2_endpoint_type: internal',
  'ha_endpoint_override: https://h/v1',
  'volume_api_version: 3',
  'profile: acme',
  'profile: none-such',
  'force_ipv4: true',
  'api_timeout: 20',
  'networks: []',
  'compute_connect_retries: 3',
  'no_such_key: x',
];
const cloud = fc
  .tuple(
    fc.constantFrom(...LOGINS),
    OTHER_TYPE,
    fc.subarray(KEYS, { maxLength: 4 }),
    fc.constantFrom(true, true, true, false),
  )
  .map(([[login, own], other, keys, hasUrl]) => {
    const auth = `auth: { ${hasUrl ? 'auth_url: https://k/v3, ' : ''}${login} }`;
    const names = new Set<string>();
    const once = keys.filter((key) => {
      const name = key.split(':')[0] ?? '';
      return names.has(name) ? false : names.add(name);
    });
    return `{ ${[auth, other === 'own' ? own : other, ...once].filter(Boolean).join(', ')} }`;
  });
const FOLDERS = pick('here', 'home/.config/openstack', 'etc/openstack');
const SUFFIX = pick('yaml', 'yml');
const SECURE = pick(
  '',
  '',
  'auth: { password: s }',
  'auth: { auth_url: https://s/v3 }, region_name: s',
  'interface: admin',
  'regions: [s]',
);
const VENDOR = pick(
  '',
  'auth: { auth_url: https://v/v3, user_domain_name: V }',
  "auth: { auth_url: 'https://{region_name}.v/v3' }, regions: [v, w]",
  'interface: internal, compute_interface: admin, region_name: v',
);
const VARIABLES: readonly (readonly [string, string])[] = [
  ['OS_AUTH_URL', 'https://e/v3'],
  ['OS_USERNAME', 'e'],
  ['OS_PASSWORD', 'ep'],
  ['OS_PROJECT_NAME', 'ex'],
  ['OS_USER_DOMAIN_NAME', 'ED'],
  ['OS_PROJECT_DOMAIN_ID', 'ed'],
  ['OS_REGION_NAME', 'a'],
  ['OS_INTERFACE', 'internal'],
  ['OS_CACERT', '/eca.pem'],
  ['OS_CERT', '~/ec.pem'],
  ['OS_KEY', 'ek.pem'],
  ['OS_INSECURE', 'true'],
  ['OS_COMPUTE_API_VERSION', '2.60'],
  ['OS_COMPUTE_ENDPOINT_OVERRIDE', 'https://en/v2.1'],
  ['OS_IDENTITY_API_VERSION', '3'],
  ['OS_TENANT_NAME', 'et'],
  ['HTTPS_PROXY', 'http://p:3128'],
  ['NO_PROXY', 'k,e'],
];
/** The first four describe a cloud; a part of them seldom does. */
const variables = fc.tuple(fc.constantFrom(0, 0, 4, 4, 2), fc.subarray([...VARIABLES.slice(4)], { maxLength: 5 }));

const scene = fc
  .tuple(
    fc.option(cloud),
    fc.option(cloud, { freq: 4 }),
    FOLDERS,
    SUFFIX,
    SECURE,
    FOLDERS,
    VENDOR,
    FOLDERS,
    variables,
    fc.constantFrom('', '', 'one', 'two', 'envvars'),
  )
  .map(([one, two, folder, suffix, secure, secureFolder, vendor, vendorFolder, [first, more], chosen]): Scene => {
    const files: Record<string, string> = {};
    const clouds = [one && `one: ${one}`, two && `two: ${two}`].filter(Boolean).join(', ');
    if (clouds) files[`${folder}/clouds.${suffix}`] = `clouds: { ${clouds} }\n`;
    if (secure) files[`${secureFolder}/secure.yaml`] = `clouds: { one: { ${secure} } }\n`;
    if (vendor) files[`${vendorFolder}/clouds-public.yaml`] = `public-clouds: { acme: { ${vendor} } }\n`;
    const environment = Object.fromEntries([...VARIABLES.slice(0, first), ...more]);
    return { name: 'generated', files, environment: { ...environment, ...(chosen ? { OS_CLOUD: chosen } : {}) } };
  });

export function generatedScenes(): readonly Scene[] {
  return fc.sample(scene, { numRuns: COUNT, seed: SEED });
}
