/** From the settings of a cloud to how a token is requested: method, user, scope. Pure. */

import { type DomainRef, type Login, type NamedRef, type Scope, Secret } from './credentials.ts';
import { type CloudSettings, textOf } from './layers.ts';
import { CredentialsError } from './settings.ts';

type Method = Login['method'];

/** `auth_type`, and what keystoneauth calls the generic ones, which have default domains. */
const AUTH_TYPES: Readonly<Record<string, Method>> = {
  password: 'password',
  v3password: 'password',
  v3applicationcredential: 'application_credential',
  token: 'token',
  v3token: 'token',
};
const GENERIC = new Set(['password', 'token']);

const SCOPE = ['system_scope', 'domain_id', 'domain_name', 'project_id', 'project_name', 'tenant_id', 'tenant_name'];
const OF_ALL = ['auth_url', ...SCOPE, 'project_domain_id', 'project_domain_name', 'trust_id'];
const USER = ['user_id', 'username', 'user_name', 'user_domain_id', 'user_domain_name'];
const DEFAULT_DOMAINS = ['default_domain_id', 'default_domain_name'];
const CREDENTIAL = ['application_credential_id', 'application_credential_name', 'application_credential_secret'];
const TOKEN = ['token', 'auth_token'];

const OPTIONS: Readonly<Record<Method, ReadonlySet<string>>> = {
  password: new Set([...OF_ALL, ...USER, ...DEFAULT_DOMAINS, 'password']),
  application_credential: new Set([...OF_ALL, ...USER, ...CREDENTIAL]),
  token: new Set([...OF_ALL, ...DEFAULT_DOMAINS, ...TOKEN]),
};
/** Options of every method; they are under `auth` or beside it. */
export const AUTH_OPTIONS: ReadonlySet<string> = new Set(Object.values(OPTIONS).flatMap((options) => [...options]));

/** Throws `CredentialsError` for what is missing, wrong, or of no use to the method. */
export function loginOf(settings: CloudSettings): Login {
  const { method, type } = methodOf(settings);
  const login = readLogin(settings, method);
  const unused = [...settings.auth, ...settings.top].find(
    ([key, { value }]) => AUTH_OPTIONS.has(key) && !isOptionOf(key, method, type) && value !== '' && value !== null,
  );
  if (unused === undefined) return login;
  throw new CredentialsError(
    `${unused[1].called} is no option of auth_type ${type}; remove it, or set another auth_type`,
  );
}

function isOptionOf(key: string, method: Method, type: string): boolean {
  if (!GENERIC.has(type) && DEFAULT_DOMAINS.includes(key)) return false;
  return OPTIONS[method].has(key);
}

function readLogin(settings: CloudSettings, method: Method): Login {
  switch (method) {
    case 'token': {
      const token = new Secret(requiredSetting(settings, 'token', tokenOf(settings)));
      const scope = scopeOf(settings);
      return scope === undefined ? { method, token } : { method, token, scope };
    }
    case 'application_credential': {
      refuseScope(settings);
      const secret = new Secret(required(settings, 'application_credential_secret'));
      const id = settings.text('application_credential_id');
      const credential =
        id !== undefined ? { id } : { name: required(settings, 'application_credential_name'), user: userOf(settings) };
      return { method, credential, secret };
    }
    case 'password': {
      const password = new Secret(required(settings, 'password'));
      const user = userOf(settings);
      return { method, user, password, scope: scopeOf(settings) ?? missingScope(settings) };
    }
  }
}

function methodOf(settings: CloudSettings): { readonly method: Method; readonly type: string } {
  const given = settings.topText('auth_type');
  const type = given ?? impliedType(settings);
  const method = Object.hasOwn(AUTH_TYPES, type) ? AUTH_TYPES[type] : undefined;
  if (method === undefined) throw wrong(settings, 'auth_type', type, Object.keys(AUTH_TYPES));
  const former = settings.topText('auth_plugin');
  if (former !== undefined && former !== type) {
    throw new CredentialsError(`${settings.called('auth_plugin')} is the former name of auth_type; write auth_type`);
  }
  return { method, type };
}

function impliedType(settings: CloudSettings): string {
  if (settings.text('application_credential_secret') !== undefined) return 'v3applicationcredential';
  return tokenOf(settings) !== undefined ? 'token' : 'password';
}

function tokenOf(settings: CloudSettings): string | undefined {
  return mapped(settings, 'auth_token', 'token');
}

function mapped(settings: CloudSettings, ...names: readonly string[]): string | undefined {
  const setting = settings.last(...names);
  return setting === undefined ? undefined : textOf(setting);
}

function userOf(settings: CloudSettings): NamedRef {
  const id = settings.text('user_id');
  if (id !== undefined) return { id };
  const name = settings.text('username') ?? settings.text('user_name');
  return { name: requiredSetting(settings, 'username', name), domain: domainOf(settings, 'user') };
}

function scopeOf(settings: CloudSettings): Scope | undefined {
  const project = projectOf(settings);
  const system = settings.text('system_scope');
  const trust = settings.text('trust_id');
  if (system !== undefined && system !== 'all') throw wrong(settings, 'system_scope', system, ['all']);
  const scopes: readonly (readonly [name: string, scope: Scope | undefined])[] = [
    [projectName(settings), project === undefined ? undefined : { project }],
    ['system_scope', system === undefined ? undefined : { system: 'all' }],
    ['trust_id', trust === undefined ? undefined : { trust }],
  ];
  const [first, second] = scopes.filter(([, scope]) => scope !== undefined);
  if (first !== undefined && second !== undefined) {
    const both = `${settings.called(first[0])} and ${settings.called(second[0])}`;
    throw new CredentialsError(`${both} are both set, and a token has one scope; remove one of them`);
  }
  const domain = ['domain_id', 'domain_name'].find((name) => mapped(settings, name) !== undefined);
  if (project === undefined && domain !== undefined) {
    const cure = 'set project_name, project_id or system_scope';
    throw new CredentialsError(`${settings.called(domain)}: a token for a domain has no rights in Nova; ${cure}`);
  }
  return first?.[1];
}

function projectOf(settings: CloudSettings): NamedRef | undefined {
  const id = mapped(settings, 'tenant_id', 'project_id');
  const name = mapped(settings, 'tenant_name', 'project_name');
  if (id !== undefined) return { id };
  return name === undefined ? undefined : { name, domain: domainOf(settings, 'project') };
}

/** The key that names the project. */
function projectName(settings: CloudSettings): string {
  const names = ['project_id', 'tenant_id', 'project_name', 'tenant_name'];
  return names.find((name) => settings.text(name) !== undefined) ?? 'project_name';
}

function refuseScope(settings: CloudSettings): void {
  const given = [...SCOPE, 'trust_id'].find((name) => settings.text(name) !== undefined);
  if (given === undefined) return;
  const why = 'an application credential is for the project in which it was created';
  throw new CredentialsError(`${settings.called(given)} cannot be chosen: ${why}; remove it`);
}

function missingScope(settings: CloudSettings): never {
  const choices = ['project_name', 'project_id', 'system_scope'].map((each) => settings.called(each));
  throw new CredentialsError(`${settings.source}: a token needs a scope; set one of ${choices.join(', ')}`);
}

/**
 * An id takes precedence over a name, and so does a default id over the name of the same object, as in keystoneauth. The
 * last fallback is Keystone's domain `default`, as with the openstack command line.
 */
function domainOf(settings: CloudSettings, of: 'user' | 'project'): DomainRef {
  const isScoped = mapped(settings, 'tenant_id', 'project_id') ?? mapped(settings, 'tenant_name', 'project_name');
  const common = (what: 'id' | 'name') => (isScoped === undefined ? undefined : mapped(settings, `domain_${what}`));
  const id = mapped(settings, `${of}_domain_id`) ?? common('id') ?? settings.text('default_domain_id');
  if (id !== undefined) return { id };
  const name = mapped(settings, `${of}_domain_name`) ?? common('name') ?? settings.text('default_domain_name');
  if (name !== undefined) return { name };
  return { id: settings.topText('default_domain') ?? 'default' };
}

export function required(settings: CloudSettings, name: string): string {
  return requiredSetting(settings, name, settings.text(name));
}

function requiredSetting(settings: CloudSettings, name: string, text: string | undefined): string {
  if (text === undefined) throw new CredentialsError(`${settings.source}: ${settings.called(name)} is missing`);
  return text;
}

export function wrong(
  settings: CloudSettings,
  name: string,
  text: string,
  allowed: readonly string[],
): CredentialsError {
  return new CredentialsError(`${settings.called(name)} is '${text}'; allowed are ${allowed.join(', ')}`);
}
