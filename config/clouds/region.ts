/** Which region of a cloud is used, and the values of its own that it has. Pure. */
import { type Layer, layerOf, type Setting, textOf } from './layers.ts';
import { CredentialsError } from './settings.ts';
import { isTree, type Value } from './yaml.ts';

export interface Region {
  /** Undefined: the cloud names none. */
  readonly name: string | undefined;
  readonly values: Layer | undefined;
}

/**
 * The wanted region, else the first.
 * @param cloud without the profile, whose regions count only where the cloud itself names none
 * @param place what the cloud is called in messages
 */
export function regionOf(cloud: Layer, profile: Layer | undefined, wanted: string | undefined, place: string): Region {
  const regions = known(cloud, profile, place);
  if (regions.length === 0) return { name: wanted, values: undefined };
  const found = wanted === undefined ? regions[0] : regions.find(({ name }) => name === wanted);
  if (found !== undefined) return found;
  const names = regions.map(({ name }) => name).join(', ');
  throw new CredentialsError(`${place} has no region '${wanted}'; it has ${names}`);
}

function known(cloud: Layer, profile: Layer | undefined, place: string): readonly Region[] {
  const list = cloud.top.get('regions');
  if (list !== undefined) return listed(list, place);
  const single = cloud.top.get('region_name');
  if (single !== undefined) return named(single);
  const ofProfile = profile?.top.get('regions');
  if (ofProfile !== undefined && !isEmpty(ofProfile.value)) return listed(ofProfile, place);
  const name = profile?.top.get('region_name');
  const text = name === undefined ? undefined : textOf(name);
  return text === undefined ? [] : [{ name: text, values: undefined }];
}

function isEmpty(value: Value): boolean {
  return value === null || value === '' || (Array.isArray(value) && value.length === 0);
}

/** `region_name` may list regions, with commas or as a list. */
function named(setting: Setting): readonly Region[] {
  const { value, called } = setting;
  const names = Array.isArray(value)
    ? value.map((each) => textOf({ value: each, called }) ?? '')
    : (textOf(setting)?.split(',') ?? []);
  if (names.length > 1 && names.includes('')) throw new CredentialsError(`${called} has an empty name between commas`);
  return names.filter((name) => name !== '').map((name) => ({ name, values: undefined }));
}

function listed({ value, called }: Setting, place: string): readonly Region[] {
  if (!Array.isArray(value)) {
    throw new CredentialsError(`${called} is no list; names of regions are allowed there, or name and values of each`);
  }
  if (value.length === 0) throw new CredentialsError(`${called} is an empty list; remove it or list the regions`);
  const regions = value.map((each: Value) => entry(each, called, place));
  const twice = regions.find(({ name }, index) => regions.findIndex((other) => other.name === name) !== index);
  if (twice) throw new CredentialsError(`${called} has the region '${twice.name}' twice; remove one of them`);
  return regions;
}

function entry(value: Value, called: string, place: string): Region {
  const isEntry = isTree(value);
  const name = textOf({ value: isEntry ? (value.name ?? null) : value, called: `a name in ${called}` });
  if (name === undefined) throw new CredentialsError(`${called} has a region without a name`);
  if (!isEntry) return { name, values: undefined };
  if (Object.keys(value).some((key) => key !== 'name' && key !== 'values')) {
    throw new CredentialsError(`${called}: region '${name}' has keys beside name and values; move them into values`);
  }
  const { values = null } = value;
  if (!isTree(values)) {
    if (values === null || values === '') return { name, values: undefined };
    throw new CredentialsError(`${called}: values of region '${name}' are no keys with values`);
  }
  const layer = layerOf(values, `region '${name}' of ${place}`);
  for (const key of ['region_name', 'regions', 'profile', 'cloud']) {
    const misplaced = layer.top.get(key);
    if (misplaced) throw new CredentialsError(`${misplaced.called} has no effect there; remove it`);
  }
  return { name, values: layer };
}
