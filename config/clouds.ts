/**
 * Credentials of the cloud, found where OpenStack clients find them: a cloud named by the caller or by `OS_CLOUD` in a
 * clouds.yaml, else the `OS_*` variables.
 *
 * Invariant: a secret exists only inside a `Secret`. It is in no message, and a file that shows it to everybody is refused.
 */
import { resolve } from 'node:path';
import { inspect } from 'node:util';
import { cloudSettings } from './clouds-file.ts';
import { CredentialsError, type CredentialsSearch, type Settings } from './clouds-settings.ts';
import { MAX_FILE_BYTES, readConfigurationFile } from './files.ts';

export { CredentialsError, type CredentialsSearch, type ReadFile } from './clouds-settings.ts';

/** A text that shows itself only to who asks with `reveal`; printing, logging or serialising it shows `[secret]`. */
export class Secret {
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  reveal(): string {
    return this.#text;
  }

  toString(): string {
    return '[secret]';
  }

  toJSON(): string {
    return '[secret]';
  }

  [inspect.custom](): string {
    return '[secret]';
  }
}

/** Something of Keystone that is named by its id, or by a name within a domain. */
export type DomainRef = { readonly id: string } | { readonly name: string };
export type NamedRef = { readonly id: string } | { readonly name: string; readonly domain: DomainRef };

/** What a token is for. */
export type Scope = { readonly project: NamedRef } | { readonly system: 'all' };

export const INTERFACES = ['public', 'internal', 'admin'] as const;
export type Interface = (typeof INTERFACES)[number];

interface Access {
  /** Where these credentials were found, for messages. */
  readonly source: string;
  readonly authUrl: string;
  readonly region: string | undefined;
  /** Which of a service's endpoints are used. */
  readonly interface: Interface;
  /** PEM file of the authorities to trust instead of the system's. */
  readonly caFile: string | undefined;
  /** Whether certificates are checked at all. */
  readonly verify: 'certificates' | 'nothing';
}

export type Credentials = Access &
  (
    | { readonly method: 'password'; readonly user: NamedRef; readonly password: Secret; readonly scope: Scope }
    | {
        readonly method: 'application_credential';
        readonly credential: { readonly id: string } | { readonly name: string; readonly user: NamedRef };
        readonly secret: Secret;
      }
    /** A token that somebody else got; it is used as it is, with its own scope, and cannot be renewed. */
    | { readonly method: 'token'; readonly token: Secret }
  );

/** Throws `CredentialsError`. */
export function loadCredentials(search: CredentialsSearch): Credentials {
  const settings = cloudSettings({ ...search, readFile: search.readFile ?? readFile }) ?? variables(search);
  return credentialsFrom(settings, search);
}

function readFile(path: string): { text: string; mode: number } | undefined {
  const file = readConfigurationFile(path);
  if (file === undefined) return undefined;
  if (file.bytes.length > MAX_FILE_BYTES) throw new CredentialsError(`${path} is larger than ${MAX_FILE_BYTES} bytes`);
  return { text: new TextDecoder().decode(file.bytes), mode: file.mode };
}

/** Older names of variables that clients still read. */
const OTHER_VARIABLES: Readonly<Record<string, string>> = {
  project_name: 'OS_TENANT_NAME',
  project_id: 'OS_TENANT_ID',
  interface: 'OS_ENDPOINT_TYPE',
};

function variables({ environment }: CredentialsSearch): Settings {
  const called = (name: string) => {
    const variable = `OS_${name.toUpperCase()}`;
    const other = OTHER_VARIABLES[name];
    return other !== undefined && !environment[variable] && environment[other] ? other : variable;
  };
  return { source: 'the OS_* variables', called, get: (name) => environment[called(name)] || undefined };
}

const AUTH_TYPES: Readonly<Record<string, Credentials['method']>> = {
  password: 'password',
  v3password: 'password',
  v3applicationcredential: 'application_credential',
  token: 'token',
  v3token: 'token',
};

function credentialsFrom(settings: Settings, { home, directory }: CredentialsSearch): Credentials {
  const cacert = settings.get('cacert');
  const access: Access = {
    source: settings.source,
    authUrl: authUrl(settings),
    region: settings.get('region_name'),
    interface: endpointInterface(settings),
    caFile: cacert === undefined ? undefined : resolve(directory, cacert.replace(/^~(?=\/|$)/, home)),
    verify: verification(settings),
  };
  switch (method(settings)) {
    case 'token':
      return { ...access, method: 'token', token: new Secret(required(settings, 'token')) };
    case 'application_credential': {
      const secret = new Secret(required(settings, 'application_credential_secret'));
      const id = settings.get('application_credential_id');
      const credential =
        id !== undefined ? { id } : { name: required(settings, 'application_credential_name'), user: user(settings) };
      return { ...access, method: 'application_credential', credential, secret };
    }
    case 'password': {
      const password = new Secret(required(settings, 'password'));
      return { ...access, method: 'password', user: user(settings), password, scope: scope(settings) };
    }
  }
}

function method(settings: Settings): Credentials['method'] {
  const type = settings.get('auth_type');
  if (type !== undefined) {
    const known = AUTH_TYPES[type];
    if (known === undefined) throw wrong(settings, 'auth_type', type, Object.keys(AUTH_TYPES));
    return known;
  }
  if (settings.get('application_credential_secret') !== undefined) return 'application_credential';
  return settings.get('token') !== undefined ? 'token' : 'password';
}

function authUrl(settings: Settings): string {
  const text = required(settings, 'auth_url');
  const url = URL.canParse(text) ? new URL(text) : undefined;
  // The text itself is not repeated: a URL with a name and a password in it is one of the things refused here.
  if (url === undefined || !/^https?:$/.test(url.protocol) || url.username !== '' || url.password !== '') {
    const allowed = 'a URL like https://cloud.example:5000/v3, without a user name or password in it, is allowed';
    throw new CredentialsError(`${settings.called('auth_url')} is not an address of Keystone; ${allowed}`);
  }
  return text.replace(/\/+$/, '');
}

function endpointInterface(settings: Settings): Interface {
  const name = settings.get('interface') !== undefined ? 'interface' : 'endpoint_type';
  const text = settings.get(name) ?? 'public';
  const known = INTERFACES.find((each) => text === each || text === `${each}URL`);
  if (known === undefined) throw wrong(settings, name, text, INTERFACES);
  return known;
}

function verification(settings: Settings): Access['verify'] {
  const insecure = truth(settings, 'insecure') ?? truth(settings, 'verify') === false;
  return insecure ? 'nothing' : 'certificates';
}

function truth(settings: Settings, name: string): boolean | undefined {
  const text = settings.get(name)?.toLowerCase();
  if (text === undefined) return undefined;
  if (['true', 'yes', 'on', '1'].includes(text)) return true;
  if (['false', 'no', 'off', '0'].includes(text)) return false;
  throw wrong(settings, name, text, ['true', 'false']);
}

function user(settings: Settings): NamedRef {
  const id = settings.get('user_id');
  return id !== undefined ? { id } : { name: required(settings, 'username'), domain: domain(settings, 'user') };
}

function scope(settings: Settings): Scope {
  const system = settings.get('system_scope');
  if (system !== undefined) {
    if (system !== 'all') throw wrong(settings, 'system_scope', system, ['all']);
    return { system };
  }
  const id = settings.get('project_id') ?? settings.get('tenant_id');
  if (id !== undefined) return { project: { id } };
  const name = settings.get('project_name') ?? settings.get('tenant_name');
  if (name !== undefined) return { project: { name, domain: domain(settings, 'project') } };
  const choices = ['project_name', 'project_id', 'system_scope'].map((each) => settings.called(each));
  throw new CredentialsError(`${settings.source}: a token needs a scope; set one of ${choices.join(', ')}`);
}

/** Falls back on Keystone's domain `default`, as the openstack client does. */
function domain(settings: Settings, of: 'user' | 'project'): DomainRef {
  const id = settings.get(`${of}_domain_id`);
  if (id !== undefined) return { id };
  const name = settings.get(`${of}_domain_name`);
  if (name !== undefined) return { name };
  return { id: settings.get('default_domain_id') ?? settings.get('default_domain') ?? 'default' };
}

function required(settings: Settings, name: string): string {
  const text = settings.get(name);
  if (text === undefined) throw new CredentialsError(`${settings.source}: ${settings.called(name)} is missing`);
  return text;
}

function wrong(settings: Settings, name: string, text: string, allowed: readonly string[]): CredentialsError {
  return new CredentialsError(`${settings.called(name)} is '${text}'; allowed are ${allowed.join(', ')}`);
}
