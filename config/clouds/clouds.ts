/**
 * Credentials of the cloud, found where OpenStack clients find them and read as openstacksdk reads them: a cloud named by the
 * caller or by `OS_CLOUD`, else the `OS_*` variables, else the only cloud in clouds.yaml and secure.yaml.
 *
 * Invariants: a secret exists only inside a `Secret`. It is in no message, and a file that every user can read is refused. What
 * is not supported is refused by its key's name.
 */
import { resolve } from 'node:path';
import { MAX_FILE_BYTES, readConfigurationFile } from '../document/files.ts';
import type { Access, Connections, Credentials, Interface } from './credentials.ts';
import type { FileSearch } from './files.ts';
import { checkKeys } from './keys.ts';
import { type CloudSettings, type Layer, type Setting, textOf } from './layers.ts';
import { loginOf, required } from './login.ts';
import { ProxyVariables } from './proxy.ts';
import { type SelectedCloud, selectCloud } from './selection.ts';
import { computeMicroversion, interfaceOf, servicesOf } from './service-settings.ts';
import { CredentialsError, type CredentialsSearch } from './settings.ts';
import { filledIn } from './template.ts';

export {
  type Access,
  type Connections,
  type Credentials,
  type DomainRef,
  INTERFACES,
  type Interface,
  type NamedRef,
  type Scope,
  Secret,
  type ServiceName,
  type ServiceSettings,
} from './credentials.ts';
export { CredentialsError, type CredentialsSearch, type ReadFile } from './settings.ts';

/** Throws `CredentialsError`. */
export function loadCredentials(search: CredentialsSearch): Credentials {
  const files: FileSearch = { ...search, readFile: search.readFile ?? readFile };
  const selected = selectCloud(files);
  checkKeys(selected.settings);
  return { ...accessOf(selected, search), ...loginOf(selected.settings) };
}

function readFile(path: string): ReturnType<FileSearch['readFile']> {
  const file = readConfigurationFile(path);
  if (file === undefined) return undefined;
  if (file.bytes.length > MAX_FILE_BYTES) throw new CredentialsError(`${path} is larger than ${MAX_FILE_BYTES} bytes`);
  const { bytes, ...status } = file;
  return { text: new TextDecoder().decode(bytes), ...status };
}

function accessOf({ settings, region, client }: SelectedCloud, search: CredentialsSearch): Access {
  const common = endpointInterface(settings, region);
  const microversion = computeMicroversion(settings);
  const timeoutMs = apiTimeout(settings);
  const services = servicesOf(settings, region, common);
  return {
    source: settings.source,
    authUrl: authUrl(settings, region),
    region,
    interface: common,
    ...connectionsOf(settings, region, client, search),
    ...(Object.keys(services).length === 0 ? {} : { services }),
    ...(microversion === undefined ? {} : { computeMicroversion: microversion }),
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
  };
}

function authUrl(settings: CloudSettings, region: string | undefined): string {
  const given = required(settings, 'auth_url');
  const called = settings.called('auth_url');
  // Only under `auth` does openstacksdk fill in {region_name} and the like.
  const text = settings.auth.get('auth_url')?.value === given ? filledIn(given, called, settings, region) : given;
  const url = URL.canParse(text) ? new URL(text) : undefined;
  // The text itself is not repeated: a URL with a name and a password in it is one of the things refused here.
  if (!url || !/^https?:$/.test(url.protocol) || url.username !== '' || url.password !== '' || /[{}]/.test(text)) {
    const allowed = 'a URL like https://cloud.example:5000/v3, without a user name or password in it, is allowed';
    throw new CredentialsError(`${called} is not an address of Keystone; ${allowed}`);
  }
  return text.replace(/\/+$/, '');
}

/** The older name goes before, as in openstacksdk. */
function endpointInterface(settings: CloudSettings, region: string | undefined): Interface {
  const isEmpty = settings.top.has('endpoint_type') && settings.topText('endpoint_type') === undefined;
  if (isEmpty && settings.topText('interface') !== undefined) {
    throw new CredentialsError(`${settings.called('endpoint_type')} is empty and goes before interface; remove it`);
  }
  const name = settings.top.has('endpoint_type') ? 'endpoint_type' : 'interface';
  const called = settings.called(name);
  return interfaceOf(filledIn(settings.topText(name) ?? 'public', called, settings, region), called);
}

function connectionsOf(
  settings: CloudSettings,
  region: string | undefined,
  client: Layer,
  { home, directory, environment }: CredentialsSearch,
): Connections {
  const path = (name: string): string | undefined => {
    const given = settings.topText(name);
    if (given === undefined) return undefined;
    const text = filledIn(given, settings.called(name), settings, region);
    if (!text.startsWith('~')) return resolve(directory, text);
    if (home !== undefined && /^~(?=\/|$)/.test(text)) return resolve(home, `.${text.slice(1)}`);
    throw new CredentialsError(
      `${settings.called(name)} begins with "~", whose home directory is not known; write the whole path`,
    );
  };
  const [certFile, keyFile] = [path('cert'), path('key')];
  if (keyFile !== undefined && certFile === undefined) {
    throw new CredentialsError(`${settings.called('key')} has no certificate; set cert as well`);
  }
  const proxies = new ProxyVariables(environment);
  return {
    caFile: path('cacert'),
    verify: verification(settings),
    ...(certFile === undefined ? {} : { certFile }),
    ...(keyFile === undefined ? {} : { keyFile }),
    ...(isOnlyIpv4(settings, client, environment) ? { family: 4 } : {}),
    ...(proxies.names.length === 0 ? {} : { proxies }),
  };
}

function verification(settings: CloudSettings): Connections['verify'] {
  const verify = settings.top.get('verify');
  if (verify !== undefined && typeof verify.value !== 'boolean') {
    const allowed =
      'true and false without quotes are allowed; cacert names authorities, OS_INSECURE turns the check off';
    throw new CredentialsError(`${verify.called} is no truth value; ${allowed}`);
  }
  const insecure = settings.top.get('insecure');
  return (insecure !== undefined && truth(insecure)) || verify?.value === false ? 'nothing' : 'certificates';
}

/** Undefined where unset or empty. */
function truth({ value, called }: Setting): boolean | undefined {
  if (typeof value === 'boolean') return value;
  const text = textOf({ value, called })?.toLowerCase();
  if (text === undefined) return undefined;
  if (text === 'true' || text === 'false') return text === 'true';
  throw new CredentialsError(`${called} is '${text}'; allowed are true, false`);
}

/** Of the cloud, of the section `client` of the files, or of the variables, which go before that section. */
function isOnlyIpv4(settings: CloudSettings, client: Layer, environment: CredentialsSearch['environment']): boolean {
  const variable = (name: string): Setting | undefined =>
    environment[name] === undefined ? undefined : { value: environment[name], called: name };
  const force = variable('OS_FORCE_IPV4') ?? client.top.get('force_ipv4') ?? client.top.get('broken_ipv6');
  const prefer = variable('OS_PREFER_IPV6') ?? client.top.get('prefer_ipv6');
  const [ofCloud, preferred] = [settings.top.get('force_ipv4'), settings.top.get('prefer_ipv6')];
  const common = (force && truth(force)) === true || (prefer && truth(prefer)) === false;
  return (preferred && flag(preferred)) === false || ((ofCloud && flag(ofCloud)) ?? common);
}

/** openstacksdk takes every text here for true, so only that one is allowed. */
function flag(setting: Setting): boolean | undefined {
  const value = truth(setting);
  if (value !== false || typeof setting.value === 'boolean') return value;
  throw new CredentialsError(`${setting.called} is a text; true, or false without quotes in a file, is allowed`);
}

function apiTimeout(settings: CloudSettings): number | undefined {
  const text = settings.topText('api_timeout');
  if (text === undefined) return undefined;
  const seconds = Number(text);
  if (/^\d+(?:\.\d+)?$/.test(text) && seconds > 0 && seconds <= 3600) return seconds * 1000;
  throw new CredentialsError(`${settings.called('api_timeout')} is '${text}'; seconds from 0.1 to 3600 are allowed`);
}
