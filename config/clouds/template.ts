/** Values with `{region_name}` and the like in them, as openstacksdk fills them in. Pure. */
import { type CloudSettings, type Setting, textOf } from './layers.ts';
import { CredentialsError } from './settings.ts';

/** The defaults that a template may name. */
const DEFAULTS: Readonly<Record<string, string>> = {
  auth_type: 'password',
  interface: 'public',
  network_api_version: '2',
  object_store_api_version: '1',
};
/** Is moved into `auth` and not there any more when templates are filled in. */
const MOVED = /^(?:auth_url|password|username|user_|project_|tenant_|domain_|token|trust_id|system_scope|application_)/;

/** Throws `CredentialsError` for a name that is no setting with a plain text. */
export function filledIn(text: string, called: string, settings: CloudSettings, region: string | undefined): string {
  if (!/[{}]/.test(text)) return text;
  const rest = text.replace(/\{\{|\}\}|\{([A-Za-z_]\w*)\}/g, (braces, name: string | undefined) => {
    if (name === undefined) return braces === '{{' ? '\u0001' : '\u0002';
    const value = textFor(name, settings.top.get(name), region);
    if (value !== undefined && !/[{}]/.test(value)) return value;
    throw new CredentialsError(`${called}: {${name}} is no setting of the cloud with a text; {region_name} is one`);
  });
  if (/[{}]/.test(rest)) {
    throw new CredentialsError(`${called} has a brace that belongs to no {NAME}; write {{ or }} for a brace`);
  }
  return rest.replaceAll('\u0001', '{').replaceAll('\u0002', '}');
}

function textFor(name: string, setting: Setting | undefined, region: string | undefined): string | undefined {
  if (name === 'region_name') return region;
  if (MOVED.test(name)) return undefined;
  return setting === undefined ? DEFAULTS[name] : textOf(setting);
}
