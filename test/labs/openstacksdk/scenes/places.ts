/** Where files are searched, and how those of several kinds are joined. */
import type { Scene } from '../scene.ts';
import { AUTH, auth, DOMAINS, file, here, withoutPassword } from './text.ts';

export const PLACES: readonly Scene[] = [
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
export const SECURE_FILES: readonly Scene[] = [
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

const VENDOR = `public-clouds:
  acme:
    auth: { auth_url: 'https://{region_name}.acme/v3', user_domain_name: V, project_domain_name: V }
    regions: [x, { name: y, values: { interface: admin } }]
    interface: internal
    compute_service_name: novax
`;
const ACME = `profile: acme, auth: { username: u, password: p, project_name: pr }`;
export const PROFILES: readonly Scene[] = [
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
    files: { ...here(`profile: missing, auth: { ${AUTH}, ${DOMAINS} }`), 'here/clouds-public.yaml': VENDOR },
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

export const DOCUMENTS: readonly Scene[] = [
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
    refused: /line 2, column \d+: this key is written twice/,
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
