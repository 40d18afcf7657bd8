/** From the settings of a cloud to those of each service: endpoint, interface, region, version. Pure. */

import { INTERFACES, type Interface, SERVICES, type ServiceName, type ServiceSettings } from './credentials.ts';
import { type CloudSettings, type Setting, textOf } from './layers.ts';
import { ownerOf, prefixesOf } from './services.ts';
import { CredentialsError } from './settings.ts';
import { filledIn } from './template.ts';

/** What may follow the name of a service in a key. */
export const SERVICE_SETTINGS: ReadonlySet<string> = new Set([
  'api_version',
  'default_microversion',
  'endpoint',
  'endpoint_override',
  'endpoint_type',
  'interface',
  'region_name',
  'service_name',
  'service_type',
]);

/** openstacksdk takes an empty one for a value, and not that of the whole cloud. */
const NOT_EMPTY: ReadonlySet<string> = new Set(['endpoint_type', 'interface', 'region_name']);

/** The versions of each API that are spoken here. */
const VERSIONS: Readonly<Record<ServiceName, RegExp>> = {
  compute: /^(?:v?2(?:\.\d{1,3})?|(?:2\.)?latest)$/,
  identity: /^v?3(?:\.0)?$/,
  workflow: /^v?2(?:\.0)?$/,
  'instance-ha': /^v?1(?:\.0)?$/,
};

/** The oldest microversion of Nova that is spoken here (Pike): services have UUIDs from then on. */
const OLDEST_MINOR = 53;

/** What differs from service to service. Throws `CredentialsError`. */
export function servicesOf(
  settings: CloudSettings,
  region: string | undefined,
  common: Interface,
): Partial<Record<ServiceName, ServiceSettings>> {
  const found: Partial<Record<ServiceName, ServiceSettings>> = {};
  for (const service of SERVICES) {
    const reader = new ServiceReader(settings, service, region);
    reader.checkVersion();
    const ofService: ServiceSettings = {
      ...present('endpoint', reader.endpoint()),
      ...present('interface', reader.interface()),
      ...present('region', reader.text('region_name')),
      ...present('type', reader.text('service_type')),
      ...present('name', reader.text('service_name')),
    };
    if (Object.keys(ofService).length > 0) found[service] = ofService;
  }
  checkProjects(settings, common);
  return found;
}

function present<K extends string, V>(key: K, value: V | undefined): { [key in K]?: V } {
  return value === undefined ? {} : ({ [key]: value } as { [key in K]: V });
}

/**
 * The highest microversion to use with Nova; undefined where none is set. `compute_api_version: 2.1` names the API, not a
 * microversion.
 */
export function computeMicroversion(settings: CloudSettings): string | undefined {
  const reader = new ServiceReader(settings, 'compute', undefined);
  const inVersion = /^2\.\d+$/.exec(reader.text('api_version') ?? '')?.[0];
  const implied = inVersion === '2.0' || inVersion === '2.1' ? undefined : inVersion;
  const given = reader.text('default_microversion');
  const version = given ?? implied;
  if (version === undefined) return undefined;
  const called = reader.called(given === undefined ? 'api_version' : 'default_microversion');
  const minor = /^2\.(\d{1,3})$/.exec(version)?.[1];
  if (minor === undefined || Number(minor) < OLDEST_MINOR) {
    throw new CredentialsError(`${called} is '${version}'; microversions from 2.${OLDEST_MINOR} on are allowed`);
  }
  if (given !== undefined && implied !== undefined && given !== implied) {
    throw new CredentialsError(`${called} and ${reader.called('api_version')} differ; remove one of them`);
  }
  return version;
}

class ServiceReader {
  readonly #settings: CloudSettings;
  readonly #service: ServiceName;
  readonly #region: string | undefined;

  constructor(settings: CloudSettings, service: ServiceName, region: string | undefined) {
    this.#settings = settings;
    this.#service = service;
    this.#region = region;
  }

  called(setting: string): string {
    return this.#find(setting)?.called ?? this.#settings.called(`${prefixesOf(this.#service)[0]}_${setting}`);
  }

  text(setting: string): string | undefined {
    const found = this.#find(setting);
    const text = found === undefined ? undefined : textOf(found);
    if (found !== undefined && text === undefined && NOT_EMPTY.has(setting)) {
      throw new CredentialsError(`${found.called} is empty; remove it or set a value`);
    }
    return text === undefined ? undefined : filledIn(text, this.called(setting), this.#settings, this.#region);
  }

  endpoint(): string | undefined {
    const name = this.text('endpoint_override') !== undefined ? 'endpoint_override' : 'endpoint';
    const text = this.text(name);
    if (text === undefined) return undefined;
    // The project may follow Nova's version, and is of no use there.
    const plain = this.#service === 'compute' ? text.replace(/\/%\((?:project|tenant)_id\)s\/?$/, '') : text;
    const url = URL.canParse(plain) ? new URL(plain) : undefined;
    if (url && /^https?:$/.test(url.protocol) && !url.username && !url.password && !plain.includes('%(')) return plain;
    const allowed = 'a URL like https://cloud.example:8774/v2.1, without a user name or password in it, is allowed';
    throw new CredentialsError(`${this.called(name)} is not the address of a service; ${allowed}`);
  }

  interface(): Interface | undefined {
    const [one, other] = [this.text('interface'), this.text('endpoint_type')];
    if (one !== undefined && other !== undefined && one !== other) {
      throw new CredentialsError(`${this.called('interface')} and ${this.called('endpoint_type')} differ; remove one`);
    }
    const text = one ?? other;
    return text === undefined
      ? undefined
      : interfaceOf(text, this.called(one === undefined ? 'endpoint_type' : 'interface'));
  }

  checkVersion(): void {
    const text = this.text('api_version');
    if (text !== undefined && !VERSIONS[this.#service].test(text)) {
      throw new CredentialsError(`${this.called('api_version')} is '${text}', which is not spoken here; remove it`);
    }
    if (this.#service !== 'compute' && this.text('default_microversion') !== undefined) {
      throw new CredentialsError(`${this.called('default_microversion')} is not supported; remove it`);
    }
  }

  /** The first that is not null, as openstacksdk does it: an empty one of the first name hides that of another name. */
  #find(setting: string): Setting | undefined {
    return prefixesOf(this.#service)
      .map((prefix) => this.#settings.top.get(`${prefix}_${setting}`))
      .find((found) => found !== undefined && found.value !== null);
  }
}

/** `OS_MISTRAL_ENDPOINT_TYPE` and the like: not read by openstacksdk, set by deployment tools beside OS_INTERFACE. */
function checkProjects(settings: CloudSettings, common: Interface): void {
  for (const [key, setting] of settings.top) {
    if (ownerOf(key)?.kind !== 'project') continue;
    const text = textOf(setting);
    if (text === undefined || interfaceOf(text, setting.called) === common) continue;
    const cure = 'name the service by its type, e.g. workflow_interface';
    throw new CredentialsError(`${setting.called} differs from interface and is not supported; ${cure}`);
  }
}

export function interfaceOf(text: string, called: string): Interface {
  const known = INTERFACES.find((each) => text === each || text === `${each}URL`);
  if (known !== undefined) return known;
  throw new CredentialsError(`${called} is '${text}'; allowed are ${INTERFACES.join(', ')}`);
}
