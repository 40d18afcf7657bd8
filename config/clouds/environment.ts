/** The cloud that the `OS_*` variables describe, with the rules of openstacksdk. Pure. */
import type { Layer, Setting } from './layers.ts';
import { CredentialsError } from './settings.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** Variables that choose a file, a cloud or a region. They alone describe no cloud. */
const SELECTORS = new Set([
  'OS_CLOUD',
  'OS_CLOUD_NAME',
  'OS_REGION_NAME',
  'OS_CLIENT_CONFIG_FILE',
  'OS_CLIENT_SECURE_FILE',
  'OS_CLIENT_VENDOR_FILE',
]);
/** Those of test runners. */
const FOREIGN = /^OS_(?:TEST|STD|LOG)/;

export interface EnvironmentCloud {
  /** Under which name `OS_CLOUD` selects it. */
  readonly name: string;
  readonly layer: Layer;
  /** The first variable that makes it one, for messages. */
  readonly variable: string;
}

export function environmentCloud(environment: Environment): EnvironmentCloud | undefined {
  const names = Object.keys(environment).filter((name) => /^OS_./.test(name) && !FOREIGN.test(name));
  const set = names.filter((name) => environment[name] !== undefined);
  const variable = set.find((name) => !SELECTORS.has(name));
  if (variable === undefined) return undefined;
  const top = new Map<string, Setting>();
  for (const name of set) {
    if (SELECTORS.has(name) && name !== 'OS_REGION_NAME') continue;
    const key = name.slice(3).toLowerCase();
    const before = top.get(key);
    if (before !== undefined)
      throw new CredentialsError(`${name} and ${before.called} are both set; unset one of them`);
    top.set(key, { value: environment[name] ?? '', called: name });
  }
  return { name: environment.OS_CLOUD_NAME || 'envvars', layer: { top, auth: new Map() }, variable };
}
