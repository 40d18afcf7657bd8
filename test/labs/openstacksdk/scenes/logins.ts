/** Ways to log in, and scopes. */
import type { Scene } from '../scene.ts';
import { auth, DOMAINS, here, withoutPassword } from './text.ts';

const CREDENTIAL =
  'auth_type: v3applicationcredential, auth: { auth_url: https://k/v3, application_credential_secret: s';
export const LOGINS: readonly Scene[] = [
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
