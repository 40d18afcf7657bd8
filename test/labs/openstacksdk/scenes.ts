/** Scenes written by hand: one for each kind of file, key and variable. */
import type { Scene } from './scene.ts';

const AUTH = 'auth_url: "https://k.example:5000/v3", username: u, password: p, project_name: pr';
const DOMAINS = 'user_domain_name: UD, project_domain_name: PD';
const file = (cloud: string, rest = '') => `clouds:\n  one: { ${cloud} }\n${rest}`;
const auth = (rest = DOMAINS) => `auth: { ${AUTH}, ${rest} }`;
const here = (cloud: string, rest = '') => ({ 'here/clouds.yaml': file(cloud, rest) });
const VARIABLES = {
  OS_AUTH_URL: 'https://env.example:5000/v3',
  OS_USERNAME: 'eu',
  OS_PASSWORD: 'ep',
  OS_PROJECT_NAME: 'epr',
  OS_USER_DOMAIN_NAME: 'Default',
  OS_PROJECT_DOMAIN_NAME: 'Default',
};

const PLACES: readonly Scene[] = [
  ...['here', 'home/.config/openstack', 'etc/openstack', 'etc/xdg/openstack'].flatMap((folder) =>
    ['yaml', 'yml'].map((suffix) => ({
      name: `clouds.${suffix} in ${folder}`,
      files: { [`${folder}/clouds.${suffix}`]: file(auth()) },
    })),
  ),
  {
    name: 'clouds.json',
    files: {
      'here/clouds.json':
        '{"clouds": {"one": {"auth": {"auth_url": "https://k/v3",\n\t"username": "u", "password": "p", "project_id": 12, "user_domain_id": "d"}}}}',
    },
  },
  {
    name: 'the directory before the home before the system',
    files: {
      'here/clouds.yml': file(auth().replace('k.example', 'first')),
      'home/.config/openstack/clouds.yaml': file(auth().replace('k.example', 'second')),
      'etc/openstack/clouds.yaml': file(auth().replace('k.example', 'third')),
    },
  },
  {
    name: 'yaml before yml before json',
    files: {
      'here/clouds.yml': file(auth().replace('k.example', 'yml')),
      'here/clouds.yaml': file(auth()),
      'here/clouds.json': '{}',
    },
  },
  {
    name: 'XDG_CONFIG_HOME',
    files: { 'xdg/openstack/clouds.yaml': file(auth()) },
    environment: { XDG_CONFIG_HOME: '@ROOT@/xdg' },
  },
  {
    name: 'XDG_CONFIG_DIRS with one',
    files: { 'xdg/openstack/clouds.yaml': file(auth()) },
    environment: { XDG_CONFIG_DIRS: '@ROOT@/xdg' },
  },
  {
    name: 'XDG_CONFIG_DIRS with two',
    files: { 'xdg/openstack/clouds.yaml': file(auth()) },
    environment: { XDG_CONFIG_DIRS: '@ROOT@/xdg:@ROOT@/other' },
  },
  {
    name: 'SNAP_REAL_HOME',
    files: { 'snap/.config/openstack/clouds.yaml': file(auth()) },
    environment: { SNAP_REAL_HOME: '@ROOT@/snap' },
  },
  {
    name: 'OS_CLIENT_CONFIG_FILE',
    files: { ...here(auth()), 'other.yaml': file(auth().replace('k.example', 'other')) },
    environment: { OS_CLIENT_CONFIG_FILE: '@ROOT@/other.yaml' },
  },
  {
    name: 'OS_CLIENT_CONFIG_FILE that is missing',
    files: here(auth()),
    environment: { OS_CLIENT_CONFIG_FILE: '@ROOT@/none.yaml' },
    refused: /none\.yaml does not exist/,
  },
  { name: 'no file', files: {} },
  { name: 'an empty file', files: { 'here/clouds.yaml': '' } },
  { name: 'a file without clouds', files: { 'here/clouds.yaml': 'client: { force_ipv4: true }\n' } },
];

const SECURE = 'clouds: { one: { auth: { password: hidden } } }\n';
const withoutPassword = auth().replace('password: p, ', '');
const SECURE_FILES: readonly Scene[] = [
  ...['here', 'home/.config/openstack', 'etc/openstack', 'etc/xdg/openstack'].flatMap((folder) =>
    ['yaml', 'yml'].map((suffix) => ({
      name: `secure.${suffix} in ${folder}`,
      files: { ...here(withoutPassword), [`${folder}/secure.${suffix}`]: SECURE },
    })),
  ),
  {
    name: 'secure.json',
    files: {
      ...here(withoutPassword),
      'home/.config/openstack/secure.json': '{"clouds": {"one": {"auth": {"password": "a/b\\u00e4"}}}}',
    },
  },
  {
    name: 'OS_CLIENT_SECURE_FILE',
    files: { ...here(withoutPassword), 'here/secure.yaml': SECURE, 's.yaml': SECURE.replace('hidden', 'other') },
    environment: { OS_CLIENT_SECURE_FILE: '@ROOT@/s.yaml' },
  },
  {
    name: 'OS_CLIENT_SECURE_FILE that is missing',
    files: { ...here(auth()), 'here/secure.yaml': SECURE },
    environment: { OS_CLIENT_SECURE_FILE: '@ROOT@/none.yaml' },
    refused: /none\.yaml does not exist/,
  },
  { name: 'secure.yaml alone', files: { 'here/secure.yaml': file(auth()) } },
  {
    name: 'secure.yaml goes before',
    files: { ...here(auth()), 'etc/openstack/secure.yaml': file('region_name: r, auth: { username: s }') },
  },
  {
    name: 'a cloud that only secure.yaml has',
    files: { ...here(auth()), 'here/secure.yaml': `clouds: { two: { ${auth().replace('k.example', 'two')} } }` },
    environment: { OS_CLOUD: 'two' },
  },
  {
    name: 'regions of secure.yaml',
    files: { ...here(`${auth()}, regions: [a, b]`), 'here/secure.yaml': file('regions: [c]') },
  },
  { name: 'client of secure.yaml', files: { ...here(auth()), 'here/secure.yaml': 'client: { force_ipv4: true }' } },
];

const REGION_VALUES = `${auth('user_domain_name: D')}, regions: [
    { name: east, values: { auth: { auth_url: https://east/v3, project_domain_name: X }, interface: internal } },
    { name: west, values: { auth: { auth_url: https://west/v3 }, region-label: x } }, north ]`;
const REGIONS: readonly Scene[] = [
  { name: 'a list of names', files: here(`${auth()}, regions: [north, south]`) },
  { name: 'a list of names, one wanted', files: here(`${auth()}, regions: [north, south]`), region: 'south' },
  { name: 'a list of names, an unknown one wanted', files: here(`${auth()}, regions: [north, south]`), region: 'west' },
  { name: 'names with values', files: here(REGION_VALUES.replace(', region-label: x', '')) },
  {
    name: 'names with values, one wanted',
    files: here(REGION_VALUES.replace(', region-label: x', '')),
    region: 'west',
  },
  {
    name: 'names with values, one without wanted',
    files: here(REGION_VALUES.replace(', region-label: x', '')),
    region: 'north',
  },
  {
    name: 'values with an unknown key',
    files: here(REGION_VALUES),
    region: 'west',
    refused: /region_label of region 'west'/,
  },
  {
    name: 'values for services',
    files: here(
      `${auth()}, compute_interface: admin, regions: [{ name: a, values: { compute_interface: internal, compute_endpoint_override: https://n/v2.1 } }]`,
    ),
  },
  {
    name: 'values with null',
    files: here(`${auth()}, interface: internal, regions: [{ name: a, values: { interface: null, cacert: /ca } }]`),
  },
  {
    name: 'values with a cloud-wide region_name',
    files: here(`${auth()}, region_name: b, regions: [{ name: a, values: { interface: admin } }]`),
  },
  {
    name: 'values with a region_name',
    files: here(`${auth()}, regions: [{ name: a, values: { region_name: b } }]`),
    refused: /region_name of region 'a'/,
  },
  { name: 'an entry without values', files: here(`${auth()}, regions: [{ name: a }, b]`) },
  { name: 'an entry without a name', files: here(`${auth()}, regions: [{ values: {} }]`) },
  { name: 'an entry with more keys', files: here(`${auth()}, regions: [{ name: a, interface: admin }]`) },
  {
    name: 'an empty list',
    files: here(`${auth()}, regions: [], region_name: a`),
    refused: /regions of cloud 'one'.* empty list/,
  },
  { name: 'a text for a list', files: here(`${auth()}, regions: north`), refused: /regions of cloud 'one'.* no list/ },
  { name: 'region_name', files: here(`${auth()}, region_name: a`) },
  { name: 'region_name with commas', files: here(`${auth()}, region_name: 'a,b'`) },
  { name: 'region_name with commas, one wanted', files: here(`${auth()}, region_name: 'a,b'`), region: 'b' },
  { name: 'region_name as a list', files: here(`${auth()}, region_name: [a, b]`), region: 'b' },
  { name: 'region_name that is a number', files: here(`${auth()}, region_name: 7`) },
  { name: 'region_name and another one wanted', files: here(`${auth()}, region_name: a`), region: 'b' },
  { name: 'no region and one wanted', files: here(auth()), region: 'b' },
  { name: 'region-name', files: here(`${auth()}, region-name: a`) },
  {
    name: 'OS_REGION_NAME beside OS_CLOUD',
    files: here(`${auth()}, region_name: a`),
    environment: { OS_CLOUD: 'one', OS_REGION_NAME: 'b' },
    refused: /OS_REGION_NAME has no effect/,
  },
  { name: 'OS_REGION_NAME alone', files: here(`${auth()}, region_name: b`), environment: { OS_REGION_NAME: 'b' } },
  { name: 'OS_REGION_NAME with commas', files: {}, environment: { ...VARIABLES, OS_REGION_NAME: 'a,b' } },
];

const VENDOR = `public-clouds:
  acme:
    auth: { auth_url: 'https://{region_name}.acme/v3', user_domain_name: V, project_domain_name: V }
    regions: [x, { name: y, values: { interface: admin } }]
    interface: internal
    compute_service_name: novax
`;
const ACME = `profile: acme, auth: { username: u, password: p, project_name: pr }`;
const PROFILES: readonly Scene[] = [
  ...['here', 'home/.config/openstack', 'etc/openstack'].map((folder) => ({
    name: `clouds-public.yaml in ${folder}`,
    files: { ...here(ACME), [`${folder}/clouds-public.yaml`]: VENDOR },
  })),
  { name: 'a profile, one region wanted', files: { ...here(ACME), 'here/clouds-public.yml': VENDOR }, region: 'y' },
  {
    name: 'a profile by the former name',
    files: { ...here(ACME.replace('profile', 'cloud')), 'here/clouds-public.yaml': VENDOR },
  },
  {
    name: 'a profile whose values the cloud replaces',
    files: { ...here(`${ACME}, interface: public, region_name: z`), 'here/clouds-public.yaml': VENDOR },
  },
  {
    name: 'a profile named by a variable',
    files: { 'here/clouds-public.yaml': VENDOR.replace('    interface: internal\n', '') },
    environment: { OS_PROFILE: 'acme', OS_USERNAME: 'u', OS_PASSWORD: 'p', OS_PROJECT_NAME: 'x' },
  },
  {
    name: 'a profile named by a variable, with what variables have defaults for',
    files: { 'here/clouds-public.yaml': VENDOR },
    environment: { OS_PROFILE: 'acme', OS_USERNAME: 'u', OS_PASSWORD: 'p', OS_PROJECT_NAME: 'x' },
    refused: /interface of profile 'acme'/,
  },
  {
    name: "a profile of openstacksdk's own",
    files: here(`profile: ovh, auth: { ${AUTH}, ${DOMAINS} }`),
    refused: /profile of cloud 'one'.* is 'ovh'/,
  },
  {
    name: 'an unknown profile',
    files: { ...here(`profile: nobody, auth: { ${AUTH}, ${DOMAINS} }`), 'here/clouds-public.yaml': VENDOR },
    refused: /profile of cloud 'one'/,
  },
  {
    name: 'a profile of a profile',
    files: {
      ...here(ACME),
      'here/clouds-public.yaml': VENDOR.replace('    interface:', '    profile: ovh\n    interface:'),
    },
    refused: /profile of profile 'acme'/,
  },
  {
    name: 'OS_CLIENT_VENDOR_FILE',
    files: { ...here(ACME), 'v.yaml': VENDOR },
    environment: { OS_CLOUD: 'one', OS_CLIENT_VENDOR_FILE: '@ROOT@/v.yaml' },
    alone: 'the variable is one of other clients',
  },
];

const CREDENTIAL =
  'auth_type: v3applicationcredential, auth: { auth_url: https://k/v3, application_credential_secret: s';
const LOGINS: readonly Scene[] = [
  {
    name: 'user and project by id',
    files: here('auth: { auth_url: https://k/v3, user_id: u, password: p, project_id: x }'),
  },
  { name: 'domains by id', files: here(auth('user_domain_id: a, project_domain_id: b')) },
  { name: 'no domain', files: here(auth('x').replace(', x', '')) },
  { name: 'one domain for both, by name', files: here(auth('domain_name: d')) },
  { name: 'one domain for both, by id', files: here(`${auth('user_domain_name: n')}, domain_id: d`) },
  { name: 'default domains', files: here(auth('default_domain_id: d')) },
  { name: 'a default domain by name', files: here(auth('default_domain_name: d, user_domain_name: u')) },
  { name: 'a default domain by id beside a name', files: here(auth('default_domain_id: d, user_domain_name: u')) },
  { name: 'a default domain for v3password', files: here(`auth_type: v3password, ${auth('default_domain_id: d')}`) },
  {
    name: 'default_domain beside domains',
    files: here(`${auth()}, default_domain: d`),
  },
  { name: 'v3password', files: here(`auth_type: v3password, ${auth()}`) },
  { name: 'tenant_name', files: here(auth().replace('project_name', 'tenant_name')) },
  { name: 'tenant_id and project_id', files: here(auth('tenant_id: t, project_id: q')) },
  {
    name: 'dashes',
    files: here(auth('user-domain-name: a, project-domain-id: b').replace('project_name', 'project-name')),
  },
  { name: 'user_name', files: here(auth().replace('username', 'user_name')) },
  {
    name: 'options beside auth',
    files: here(`username: u, password: p, project_name: x, user_domain_id: d, auth_url: https://k/v3`),
  },
  {
    name: 'options beside and in auth',
    files: here(`${auth()}, username: other, password: other, project_name: other`),
  },
  { name: 'an empty option in auth', files: here(`${auth().replace('username: u', "username: ''")}, username: other`) },
  {
    name: 'an empty project in auth',
    files: here(`${auth().replace('project_name: pr', "project_name: ''")}, project_name: x`),
    refused: /project_name of cloud 'one'.*is empty/,
  },
  {
    name: 'an empty project beside a tenant',
    files: here(auth("tenant_name: t, project_name: ''").replace('project_name: pr, ', '')),
    refused: /project_name of cloud 'one'/,
  },
  { name: 'a project that is null', files: here(auth('project_id: ~')), refused: /project_id of cloud 'one'/ },
  {
    name: 'no project',
    files: here(auth('x').replace(', project_name: pr, x', '')),
    refused: /project_name of cloud 'one'/,
  },
  {
    name: 'the system',
    files: here('auth: { auth_url: https://k/v3, username: u, password: p, user_domain_id: d, system_scope: all }'),
  },
  {
    name: 'another system',
    files: here('auth: { auth_url: https://k/v3, username: u, password: p, user_domain_id: d, system_scope: some }'),
    refused: /system_scope/,
  },
  { name: 'the system and a project', files: here(auth('system_scope: all')), refused: /project_name.*system_scope/ },
  {
    name: 'a trust',
    files: here('auth: { auth_url: https://k/v3, username: u, password: p, user_domain_id: d, trust_id: t }'),
  },
  { name: 'a trust and a project', files: here(auth('trust_id: t')) },
  {
    name: 'a domain as the scope',
    files: here('auth: { auth_url: https://k/v3, username: u, password: p, user_domain_id: d, domain_id: d }'),
    refused: /domain_id/,
  },
  { name: 'an application credential by id', files: here(`${CREDENTIAL}, application_credential_id: i }`) },
  {
    name: 'an application credential by name',
    files: here(`${CREDENTIAL}, application_credential_name: n, username: u, user_domain_id: d }`),
  },
  {
    name: 'an application credential by name and user id',
    files: here(`${CREDENTIAL}, application_credential_name: n, user_id: u }`),
  },
  {
    name: 'an application credential with a project',
    files: here(`${CREDENTIAL}, application_credential_id: i, project_name: x }`),
    refused: /project_name/,
  },
  {
    name: 'an application credential without auth_type',
    files: here(`${CREDENTIAL.replace('auth_type: v3applicationcredential, ', '')}, application_credential_id: i }`),
    alone: 'the secret implies the type',
  },
  {
    name: 'an application credential and a password',
    files: here(`${CREDENTIAL}, application_credential_id: i, password: p }`),
  },
  { name: 'a token', files: here('auth_type: token, auth: { auth_url: https://k/v3, token: t }') },
  {
    name: 'a v3token with a project',
    files: here('auth_type: v3token, auth: { auth_url: https://k/v3, token: t, project_id: x }'),
  },
  {
    name: 'auth_token beside auth',
    files: here(
      'auth_type: token, auth_token: t, auth: { auth_url: https://k/v3, project_name: x, project_domain_id: d }',
    ),
  },
  {
    name: 'a token without auth_type',
    files: here('auth: { auth_url: https://k/v3, token: t }'),
    alone: 'the token implies the type',
  },
  {
    name: 'a token and a user',
    files: here('auth_type: token, auth: { auth_url: https://k/v3, token: t, username: u }'),
  },
  ...[
    'v2password',
    'v2token',
    'v3totp',
    'v3oidcpassword',
    'v3oidcclientcredentials',
    'v3oidcaccesstoken',
    'v3samlpassword',
    'v3adfspassword',
    'v3multifactor',
    'v3oauth1',
    'v3tokenlessauth',
    'v3kerberos',
    'none',
    'noauth',
    'admin_token',
    'token_endpoint',
    'http_basic',
  ].map((type) => ({
    name: `auth_type ${type}`,
    files: here(
      `auth_type: ${type}, auth: { auth_url: https://k/v3, username: u, password: p, project_name: x, passcode: '1' }`,
    ),
    refused: /auth_type of cloud 'one'.* is '\w+'; allowed are|passcode/,
  })),
  {
    name: 'v3tokenlessauth alone',
    files: here('auth_type: v3tokenlessauth, auth: { auth_url: https://k/v3, project_id: x }'),
    refused: /auth_type/,
  },
  {
    name: 'none with an endpoint',
    files: here('auth_type: none, auth: { endpoint: https://k }'),
    refused: /auth_type|endpoint/,
  },
  { name: 'auth_plugin', files: here(`auth_plugin: v3token, ${auth()}`), refused: /auth_plugin/ },
  { name: 'auth_plugin as auth_type', files: here(`auth_plugin: password, ${auth()}`) },
  { name: 'auth-type', files: here(`auth-type: v3token, ${auth()}`), refused: /auth-type/ },
  { name: 'auth_type in auth', files: here(auth(`auth_type: password, ${DOMAINS}`)) },
  { name: 'an unknown option in auth', files: here(auth('tennant: x')) },
  { name: 'a passcode', files: here(`${auth()}, passcode: '1'`) },
  { name: 'no password', files: here(withoutPassword), refused: /password of cloud 'one'.* is missing/ },
  { name: 'no auth_url', files: here(auth().replace('auth_url: "https://k.example:5000/v3", ', '')) },
  { name: 'an auth_url of version 2', files: here(auth().replace('/v3', '/v2.0')) },
];

const CONNECTIONS: readonly Scene[] = [
  ...[
    'verify: false',
    'verify: no',
    'verify: true',
    'insecure: true',
    'insecure: false',
    "insecure: 'True'",
    'cacert: /ca.pem',
    'cacert: ~/ca.pem',
    'cacert: ca.pem',
    'cacert: /ca.pem, insecure: true',
    'cacert: /ca.pem, verify: false',
    'cert: /c.pem',
    'cert: ~/c.pem, key: k.pem',
    'cacert: /ca.pem, cert: /c.pem, key: /k.pem',
    'force_ipv4: true',
    'force_ipv4: false',
    'prefer_ipv6: false',
    'api_timeout: 30',
    'api_timeout: 2.5',
    'cacert: null, cert: null, key: null, api_timeout: null',
  ].map((keys) => ({ name: keys, files: here(`${auth()}, ${keys}`) })),
  { name: 'verify as a text', files: here(`${auth()}, verify: 'false'`), refused: /verify of cloud/ },
  { name: 'verify null', files: here(`${auth()}, verify: null, cacert: /ca`), refused: /verify of cloud/ },
  { name: 'insecure as another text', files: here(`${auth()}, insecure: 'yes'`), refused: /insecure of cloud/ },
  { name: 'insecure as a number', files: here(`${auth()}, insecure: 1`) },
  { name: 'a key without a certificate', files: here(`${auth()}, key: /k.pem`), refused: /key of cloud/ },
  { name: 'compute_timeout', files: here(`${auth()}, compute_timeout: 3`), refused: /compute_timeout/ },
  { name: 'timeout', files: here(`${auth()}, timeout: 3`), refused: /timeout/ },
  { name: 'client', files: here(auth(), 'client: { force_ipv4: true }\n') },
  { name: 'client, former names', files: here(auth(), 'client: { broken-ipv6: true }\n') },
  { name: 'client, prefer-ipv6', files: here(auth(), 'client: { prefer-ipv6: false }\n') },
  { name: 'client against the cloud', files: here(`${auth()}, force_ipv4: false`, 'client: { force_ipv4: true }\n') },
  { name: 'OS_FORCE_IPV4', files: {}, environment: { ...VARIABLES, OS_FORCE_IPV4: 'true' } },
  {
    name: 'OS_FORCE_IPV4=false',
    files: {},
    environment: { ...VARIABLES, OS_FORCE_IPV4: 'false' },
    refused: /OS_FORCE_IPV4/,
  },
  {
    name: 'OS_PREFER_IPV6=false',
    files: {},
    environment: { ...VARIABLES, OS_PREFER_IPV6: 'false' },
    refused: /OS_PREFER_IPV6/,
  },
  {
    name: 'OS_FORCE_IPV4 beside OS_CLOUD',
    files: here(auth()),
    environment: { OS_CLOUD: 'one', OS_FORCE_IPV4: 'true' },
  },
];

const SERVICES: readonly Scene[] = [
  ...[
    'interface: internal',
    'interface: adminURL',
    'interface: null',
    'endpoint_type: internalURL',
    'interface: admin, endpoint_type: internal',
    'compute_interface: internal',
    'compute_endpoint_type: adminURL',
    'identity_interface: admin',
    'identity_endpoint_override: https://i/v3',
    'compute_endpoint_override: https://n/v2.1',
    'compute_endpoint: https://n/v2.1',
    'compute-endpoint-override: https://n/v2.1',
    'compute_endpoint: https://a/v2.1, compute_endpoint_override: https://b/v2.1',
    'workflow_endpoint_override: https://m/v2',
    'workflowv2_endpoint_override: https://m/v2',
    'workflowv2_interface: internal, workflow_interface: admin',
    'instance_ha_endpoint_override: https://h/v1',
    'ha_endpoint_override: https://h/v1',
    'instance-ha-interface: internal',
    'compute_region_name: c, region_name: r',
    'compute_service_type: computev21',
    'compute_service_type: compute',
    'compute_service_name: novax',
    'compute_api_version: 2',
    "compute_api_version: '2.1'",
    'compute_api_version: 2.79',
    "compute_api_version: '2.latest'",
    'compute_default_microversion: 2.88',
    "compute_api_version: '2', compute_default_microversion: '2.60'",
    'identity_api_version: 3',
    "identity_api_version: '3'",
    'workflow_api_version: 2',
    'instance_ha_api_version: 1',
    "compute_endpoint_override: 'https://{region_name}.n/v2.1', region_name: r",
    'volume_api_version: 3, image_api_version: 2, network_endpoint_override: https://x',
    'has_compute: true',
    'has_network: false',
    'networks: [{ name: a, routes_externally: true }], image_format: raw, floating_ip_source: None, requires_floating_ip: false, disable_vendor_agent: {}',
    'block_storage_service_type: volumev3, object_store_endpoint_type: internal',
    'nova_endpoint_type: publicURL',
  ].map((keys) => ({ name: keys, files: here(`${auth()}, ${keys}`) })),
  ...(
    [
      ['compute_endpoint_type: admin, compute_interface: internal', /compute_interface|interface of cloud/],
      ["compute_interface: ''", /compute_interface/],
      ['interface: [internal, public]', /interface/],
      ['interface: inner', /interface/],
      ['compute_api_version: 3', /compute_api_version/],
      ['compute_default_microversion: 2.20', /compute_default_microversion/],
      ["compute_default_microversion: '2.20'", /compute_default_microversion/],
      ['compute_default_microversion: latest', /compute_default_microversion/],
      ['identity_api_version: 2', /identity_api_version/],
      ['identity_api_version: 2.0', /identity_api_version/],
      ['workflow_default_microversion: 2.1', /workflow_default_microversion/],
      ['compute_status_code_retries: 3', /compute_status_code_retries/],
      ['connect_retries: 3', /connect_retries/],
      ['compute_rate_limit: 3', /compute_rate_limit/],
      ['has_compute: false', /has_compute/],
      ['endpoint_override: https://n', /endpoint_override/],
      ['endpoint: https://n', /endpoint/],
      ['nova_endpoint_override: https://n', /nova_endpoint_override/],
      ['mistral_endpoint_type: internal', /mistral_endpoint_type/],
      ['vendor_hook: a.b', /vendor_hook/],
      ['cacerts: /x', /cacerts.*did you mean "cacert"/],
      ['compte_interface: internal', /compte_interface/],
      ['endpoint-type: internal', /endpoint-type/],
      ['compute_endpoint_override: not an address', /compute_endpoint_override/],
      ['compute_endpoint_override: https://u:p@n/', /compute_endpoint_override/],
      ["workflow_endpoint_override: 'https://m/%(project_id)s'", /workflow_endpoint_override/],
    ] as const
  ).map(([keys, refused]) => ({ name: keys, files: here(`${auth()}, ${keys}`), refused })),
];

const ENVIRONMENTS: readonly Scene[] = [
  { name: 'variables', files: {}, environment: VARIABLES },
  { name: 'variables before the only cloud', files: here(auth()), environment: VARIABLES },
  { name: 'OS_CLOUD before variables', files: here(auth()), environment: { ...VARIABLES, OS_CLOUD: 'one' } },
  { name: 'OS_CLOUD=envvars', files: here(auth()), environment: { ...VARIABLES, OS_CLOUD: 'envvars' } },
  {
    name: 'OS_CLOUD_NAME',
    files: here(auth()),
    environment: { ...VARIABLES, OS_CLOUD_NAME: 'mine', OS_CLOUD: 'mine' },
  },
  { name: 'OS_CLOUD_NAME of a file', files: here(auth()), environment: { ...VARIABLES, OS_CLOUD_NAME: 'one' } },
  {
    name: 'a cloud envvars in a file',
    files: { 'here/clouds.yaml': `clouds: { envvars: { ${auth()} } }` },
    environment: VARIABLES,
  },
  { name: 'an unknown OS_CLOUD', files: here(auth()), environment: { OS_CLOUD: 'two' } },
  { name: 'an empty OS_CLOUD', files: here(auth()), environment: { OS_CLOUD: '' } },
  { name: 'several clouds, none chosen', files: here(auth(), `  two: { ${auth()} }\n`) },
  {
    name: 'several clouds, one named',
    files: here(auth(), `  two: { ${auth().replace('k.example', 'two')} }\n`),
    cloud: 'two',
  },
  { name: 'one stray variable beside a file', files: here(auth()), environment: { OS_PASSWORD: 'x' } },
  {
    name: 'variables of test runners beside a file',
    files: here(auth()),
    environment: { OS_TEST_PATH: 'x', OS_STDOUT_CAPTURE: '1', OS_LOG_CAPTURE: '1' },
  },
  {
    name: 'TLS by variables',
    files: {},
    environment: { ...VARIABLES, OS_CACERT: '~/ca.pem', OS_CERT: 'c.pem', OS_KEY: '/k.pem' },
  },
  { name: 'OS_INSECURE', files: {}, environment: { ...VARIABLES, OS_INSECURE: 'true' } },
  { name: 'OS_INSECURE=1', files: {}, environment: { ...VARIABLES, OS_INSECURE: '1' }, refused: /OS_INSECURE/ },
  { name: 'OS_VERIFY', files: {}, environment: { ...VARIABLES, OS_VERIFY: 'false' }, refused: /OS_VERIFY/ },
  {
    name: 'OS_ENDPOINT_TYPE before OS_INTERFACE',
    files: {},
    environment: { ...VARIABLES, OS_INTERFACE: 'public', OS_ENDPOINT_TYPE: 'internalURL' },
  },
  {
    name: 'an empty OS_ENDPOINT_TYPE',
    files: {},
    environment: { ...VARIABLES, OS_INTERFACE: 'internal', OS_ENDPOINT_TYPE: '' },
    refused: /OS_ENDPOINT_TYPE/,
  },
  {
    name: 'services by variables',
    files: {},
    environment: {
      ...VARIABLES,
      OS_COMPUTE_ENDPOINT_OVERRIDE: 'https://n/v2.1',
      OS_COMPUTE_API_VERSION: '2.1',
      OS_IDENTITY_API_VERSION: '3',
      OS_WORKFLOW_INTERFACE: 'internal',
    },
  },
  {
    name: 'OS_IDENTITY_API_VERSION=2',
    files: {},
    environment: { ...VARIABLES, OS_IDENTITY_API_VERSION: '2' },
    refused: /OS_IDENTITY_API_VERSION/,
  },
  {
    name: 'an application credential',
    files: {},
    environment: {
      OS_AUTH_TYPE: 'v3applicationcredential',
      OS_AUTH_URL: 'https://k/v3',
      OS_APPLICATION_CREDENTIAL_ID: 'i',
      OS_APPLICATION_CREDENTIAL_SECRET: 's',
      OS_IDENTITY_API_VERSION: '3',
      OS_REGION_NAME: 'r',
      OS_INTERFACE: 'public',
    },
  },
  {
    name: 'a token',
    files: {},
    environment: { OS_AUTH_TYPE: 'token', OS_AUTH_URL: 'https://k/v3', OS_TOKEN: 't', OS_PROJECT_ID: 'x' },
  },
  { name: 'a trust', files: {}, environment: { ...VARIABLES, OS_PROJECT_NAME: '', OS_TRUST_ID: 't' } },
  { name: 'the system', files: {}, environment: { ...VARIABLES, OS_PROJECT_NAME: '', OS_SYSTEM_SCOPE: 'all' } },
  {
    name: 'OS_PROJECT_NAME empty, OS_TENANT_NAME set',
    files: {},
    environment: { ...VARIABLES, OS_PROJECT_NAME: '', OS_TENANT_NAME: 't' },
    refused: /OS_PROJECT_NAME is empty/,
  },
  { name: 'an unknown variable', files: {}, environment: { ...VARIABLES, OS_USRENAME: 'x' }, refused: /OS_USRENAME/ },
  { name: 'OS_REGIONS', files: {}, environment: { ...VARIABLES, OS_REGIONS: 'a' }, refused: /OS_REGIONS/ },
  {
    name: 'the file of kolla-ansible',
    files: {},
    environment: {
      OS_PROJECT_DOMAIN_NAME: 'Default',
      OS_USER_DOMAIN_NAME: 'Default',
      OS_PROJECT_NAME: 'admin',
      OS_TENANT_NAME: 'admin',
      OS_USERNAME: 'admin',
      OS_PASSWORD: 'p',
      OS_AUTH_URL: 'http://10.0.0.5:5000',
      OS_INTERFACE: 'internal',
      OS_ENDPOINT_TYPE: 'internalURL',
      OS_MANILA_ENDPOINT_TYPE: 'internalURL',
      OS_MISTRAL_ENDPOINT_TYPE: 'internalURL',
      OS_IDENTITY_API_VERSION: '3',
      OS_REGION_NAME: 'RegionOne',
      OS_AUTH_PLUGIN: 'password',
    },
  },
  {
    name: 'the file of devstack',
    files: {},
    environment: {
      OS_REGION_NAME: 'RegionOne',
      OS_PROJECT_DOMAIN_ID: 'default',
      OS_CACERT: '',
      OS_AUTH_URL: 'http://10.0.0.5/identity',
      OS_TENANT_NAME: 'admin',
      OS_USER_DOMAIN_ID: 'default',
      OS_USERNAME: 'admin',
      OS_VOLUME_API_VERSION: '3',
      OS_AUTH_TYPE: 'password',
      OS_PROJECT_NAME: 'admin',
      OS_PASSWORD: 'p',
      OS_IDENTITY_API_VERSION: '3',
    },
  },
  {
    name: 'the file of TripleO',
    files: {},
    environment: {
      ...VARIABLES,
      OS_NO_CACHE: 'True',
      OS_CLOUDNAME: 'overcloud',
      OS_COMPUTE_API_VERSION: '2.latest',
      OS_VOLUME_API_VERSION: '3',
      OS_IMAGE_API_VERSION: '2',
      OS_IDENTITY_API_VERSION: '3',
      OS_AUTH_TYPE: 'password',
    },
  },
  {
    name: 'the file of the charms',
    files: {},
    environment: {
      ...VARIABLES,
      OS_AUTH_PROTOCOL: 'https',
      OS_AUTH_VERSION: '3',
      OS_IDENTITY_API_VERSION: '3',
      OS_AUTH_TYPE: 'password',
    },
  },
  ...[
    { HTTPS_PROXY: 'http://p:3128' },
    { https_proxy: 'http://low:1', HTTPS_PROXY: 'http://up:1' },
    { HTTP_PROXY: 'http://p:3128' },
    { ALL_PROXY: 'http://p:3128' },
    { HTTPS_PROXY: 'http://p:3128', NO_PROXY: 'env.example' },
    { HTTPS_PROXY: 'http://p:3128', no_proxy: '.example' },
    { HTTPS_PROXY: 'http://p:3128', NO_PROXY: '*' },
    { HTTPS_PROXY: 'http://p:3128', NO_PROXY: 'env.example:5000' },
    { HTTPS_PROXY: 'http://p:3128', NO_PROXY: 'other' },
    { https_proxy: '', HTTPS_PROXY: 'http://up:1' },
    { HTTPS_PROXY: 'http://p:3128', NO_PROXY: '10.0.0.0/8', OS_AUTH_URL: 'https://10.1.2.3:5000/v3' },
    { HTTPS_PROXY: 'http://p:3128', NO_PROXY: '10.0.0.0/16', OS_AUTH_URL: 'https://10.1.2.3:5000/v3' },
    { HTTPS_PROXY: 'http://p:3128', NO_PROXY: 'localhost, 127.0.0.1', OS_AUTH_URL: 'https://127.0.0.1:5000/v3' },
    { HTTPS_PROXY: 'http://p:3128', no_proxy: '', NO_PROXY: 'env.example' },
  ].map((proxies) => ({
    name: `proxies ${JSON.stringify(proxies)}`,
    files: {},
    environment: { ...VARIABLES, ...proxies },
  })),
];

const DOCUMENTS: readonly Scene[] = [
  {
    name: 'merge keys',
    files: { 'here/clouds.yaml': `x: &x { ${AUTH}, ${DOMAINS} }\nclouds: { one: { auth: { <<: *x, username: v } } }` },
  },
  {
    name: 'a list of merge keys',
    files: {
      'here/clouds.yaml': `x: &x { ${AUTH} }\ny: &y { username: w, ${DOMAINS} }\nclouds: { one: { auth: { <<: [*y, *x] } } }`,
    },
  },
  {
    name: 'block scalars',
    files: {
      'here/clouds.yaml': `clouds:\n  one:\n    auth:\n      auth_url: >-\n        https://k/v3\n      username: u\n      password: |-\n        a: b # c\n      project_id: 'it''s'\n      user_domain_id: "d\\u00e9"\n`,
    },
  },
  { name: 'a password of digits', files: here(auth().replace('password: p', 'password: 123')) },
  { name: 'a password in quotes', files: here(auth().replace('password: p', "password: '0123'")) },
  { name: 'a password with a brace', files: here(auth().replace('password: p', "password: 'a{b}c'")) },
  ...['0123', '1_000', '0x1F', '1.10', '12:30', 'yes', 'true', '2026-01-02', '+5', '1.e+3', '.5'].map((text) => ({
    name: `a password ${text}`,
    files: here(auth().replace('password: p', `password: ${text}`)),
    refused: /password of cloud 'one'.*quotes/,
  })),
  { name: 'a password 1e+3', files: here(auth().replace('password: p', 'password: 1e+3')) },
  { name: 'a password 1e3', files: here(auth().replace('password: p', 'password: 1e3')) },
  { name: 'a password 1.5', files: here(auth().replace('password: p', 'password: 1.5')) },
  {
    name: 'a password null',
    files: here(auth().replace('password: p', 'password: null')),
    refused: /password of cloud 'one'.*missing/,
  },
  {
    name: 'a key twice',
    files: here(`${auth()}, region_name: a, region_name: b`),
    refused: /line 2, column \d+: this key stands twice/,
  },
  {
    name: 'both spellings of a key',
    files: here(`${auth()}, compute_interface: admin, compute-interface: internal`),
    refused: /compute_interface.*twice/,
  },
  { name: 'no YAML', files: { 'here/clouds.yaml': 'clouds: [' } },
  { name: 'no JSON', files: { 'here/clouds.json': '{clouds: {}}' } },
  { name: 'two documents', files: { 'here/clouds.yaml': `${file(auth())}---\n{}\n` } },
  { name: 'a tag', files: here(auth().replace('password: p', 'password: !!python/name:os.system p')) },
  { name: 'a text by its tag', files: here(auth().replace('password: p', 'password: !!str 0123')) },
  { name: 'a cloud that is a text', files: { 'here/clouds.yaml': 'clouds: { one: two }' } },
  { name: 'clouds that are a list', files: { 'here/clouds.yaml': 'clouds: [one]' } },
  {
    name: 'another section',
    files: here(auth(), 'ansible: { expand_hostvars: true }\ncache: { expiration_time: 3 }\nmetrics: {}\n'),
  },
  {
    name: 'a template in auth_url',
    files: here(`${auth().replace('k.example', '{region_name}.example')}, region_name: r`),
  },
  { name: 'a template for nothing', files: here(auth().replace('k.example', '{region}.example')) },
  { name: 'an open brace', files: here(auth().replace('k.example', '{k')) },
  { name: 'a template in cacert', files: here(`${auth()}, region_name: r, cacert: '/ca/{region_name}.pem'`) },
];

export const SCENES: readonly Scene[] = Object.entries({
  places: PLACES,
  secure: SECURE_FILES,
  regions: REGIONS,
  profiles: PROFILES,
  logins: LOGINS,
  connections: CONNECTIONS,
  services: SERVICES,
  environments: ENVIRONMENTS,
  documents: DOCUMENTS,
}).flatMap(([kind, scenes]) => scenes.map((scene) => ({ ...scene, name: `${kind}: ${scene.name}` })));
