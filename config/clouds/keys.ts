/**
 * Which keys a cloud may have.
 *
 * Invariant: a key takes effect, or concerns only what is never done here (other services, caches, output), or is refused by its
 * name. Pure.
 */

import { didYouMean } from '../document/nearest.ts';
import type { CloudSettings, Setting } from './layers.ts';
import { AUTH_OPTIONS } from './login.ts';
import { SERVICE_SETTINGS } from './service-settings.ts';
import { isService, ownerOf } from './services.ts';
import { CredentialsError } from './settings.ts';

/** Settings beside `auth` that take effect for the whole cloud. */
const EFFECTIVE = new Set([
  'api_timeout',
  'auth_plugin',
  'auth_type',
  'cacert',
  'cert',
  'cloud',
  'default_domain',
  'endpoint_type',
  'force_ipv4',
  'insecure',
  'interface',
  'key',
  'prefer_ipv6',
  'profile',
  'region_name',
  'regions',
  'verify',
]);

/** Networks, images, caches, output and texts: what openstacksdk and the command line do with them is not done here. */
const WITHOUT_EFFECT = new Set(
  `additional_user_agent app_name app_version auth_protocol beta_command cache cloudname debug default_interface default_network
  deferred_help description disable_vendor_agent external_network floating_ip_source image_format internal_network log_file
  log_level message metrics nat_destination nat_source networks no_cache requires_floating_ip secgroup_source status
  timing use_external_network use_internal_network verbose_level`.split(/\s+/),
);

/** Throws `CredentialsError` for the first key that is refused. */
export function checkKeys(settings: CloudSettings): void {
  for (const [key, setting] of settings.auth) {
    if (!AUTH_OPTIONS.has(key)) throw refused(setting, key, AUTH_OPTIONS);
  }
  for (const [key, setting] of settings.top) if (!isAllowed(key, setting)) throw refused(setting, key, candidates());
}

function isAllowed(key: string, setting: Setting): boolean {
  if (EFFECTIVE.has(key) || WITHOUT_EFFECT.has(key) || AUTH_OPTIONS.has(key)) return true;
  if (key === 'auth_version') return isOneOf(setting, ['3', 'v3']);
  if (key.endsWith('timeout')) {
    throw new CredentialsError(`${setting.called} is not supported; write api_timeout, which counts for every service`);
  }
  const has = /^has_(.+)$/.exec(key)?.[1];
  if (has !== undefined && isService(has)) return ownerOf(`${has}_`)?.kind === 'foreign' || isOn(setting);
  const owner = ownerOf(key);
  if (owner?.kind === 'ours') return SERVICE_SETTINGS.has(owner.setting) || owner.setting === 'disabled_reason';
  // The settings of projects are compared with those of their services, where they are read.
  if (owner?.kind === 'project') return /^(?:interface|endpoint_type)$/.test(owner.setting);
  return owner?.kind === 'foreign';
}

function isOneOf({ value }: Setting, allowed: readonly string[]): boolean {
  return typeof value === 'string' && (value === '' || allowed.includes(value));
}

function isOn({ value, called }: Setting): boolean {
  if (value === true || (typeof value === 'string' && /^true$/i.test(value))) return true;
  throw new CredentialsError(`${called} is not true, and this service is needed; remove it`);
}

function* candidates(): Iterable<string> {
  yield* EFFECTIVE;
  yield* AUTH_OPTIONS;
  for (const service of ['compute', 'identity', 'workflow', 'instance_ha']) {
    for (const setting of SERVICE_SETTINGS) yield `${service}_${setting}`;
  }
}

function refused({ called }: Setting, key: string, known: Iterable<string>): CredentialsError {
  const hint = didYouMean(key, known);
  return new CredentialsError(`${called} is not supported${hint || '; remove it'}`);
}
