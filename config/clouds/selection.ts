/** Which cloud is used, of those in clouds.yaml, secure.yaml and the `OS_*` variables, and its settings. */
import { type EnvironmentCloud, environmentCloud } from './environment.ts';
import { type CloudsFile, type FileSearch, findFile, places, section } from './files.ts';
import { CloudSettings, type Layer, layerOf, merged, type Setting, textOf } from './layers.ts';
import { regionOf } from './region.ts';
import { CredentialsError } from './settings.ts';
import type { Tree } from './yaml.ts';

interface Selected {
  /** Paths of the files that contain it, or the variables. */
  readonly layers: readonly Layer[];
  readonly source: string;
  /** What it is called in a sentence about its keys. */
  readonly place: string;
  readonly naming: (key: string) => string;
}

export interface SelectedCloud {
  readonly settings: CloudSettings;
  readonly region: string | undefined;
  /** `force_ipv4` and the like for every cloud of the files. */
  readonly client: Layer;
}

/** Throws `CredentialsError` where there is no such cloud, or several and none is named. */
export function selectCloud(search: FileSearch): SelectedCloud {
  const files = readFiles(search);
  const environment = environmentCloud(search.environment);
  const { layers, source, place, naming } = select(search, files, environment);
  const cloud = merged(layers);
  const profile = profileOf(search, cloud, environment);
  const region = regionOf(cloud, profile, search.region, place);
  const layer = merged(profile === undefined ? layers : [profile, ...layers], region.values);
  const isOfVariables = environment !== undefined && layers.includes(environment.layer);
  if (isOfVariables) checkProfileOfVariables(profile);
  const chosen = search.environment.OS_REGION_NAME;
  if (!isOfVariables && chosen && chosen !== region.name) {
    const hint = 'unset it; [DEFAULT] os_region_name chooses another region';
    throw new CredentialsError(`OS_REGION_NAME has no effect on ${source}, which has its own region; ${hint}`);
  }
  const client = merged(
    files.map(({ path, tree }) => layerOf(section(path, 'client', tree.client), `client in ${path}`)),
  );
  return { settings: new CloudSettings(source, layer, naming), region: region.name, client };
}

function readFiles(search: FileSearch): readonly CloudsFile[] {
  return [findFile(search, 'clouds'), findFile(search, 'secure')].filter((file) => file !== undefined);
}

/** The clouds of a file by name. */
function cloudsOf({ path, tree }: CloudsFile): Tree {
  return section(path, 'clouds', tree.clouds);
}

function select(search: FileSearch, files: readonly CloudsFile[], environment: EnvironmentCloud | undefined): Selected {
  const names = [...new Set(files.flatMap((file) => Object.keys(cloudsOf(file))))];
  if (environment !== undefined && names.includes(environment.name)) {
    const cure = 'rename one of the two, e.g. with OS_CLOUD_NAME';
    throw new CredentialsError(
      `a cloud '${environment.name}' is in ${pathsOf(files)} and in the OS_* variables; ${cure}`,
    );
  }
  const named = search.cloud ?? (search.environment.OS_CLOUD || undefined);
  const fallback = search.file === undefined ? environment?.name : undefined;
  if (named === undefined && fallback !== undefined) checkFallback(environment, files, names);
  const name = named ?? fallback ?? onlyCloud(search, files, names);
  return environment?.name === name ? fromVariables(environment) : fromFiles(search, files, names, name);
}

/** Variables go before the files, also those that some other program set. */
function checkFallback(
  environment: EnvironmentCloud | undefined,
  files: readonly CloudsFile[],
  names: readonly string[],
): void {
  const { layer, variable } = environment ?? {};
  if (layer === undefined || names.length === 0 || layer.top.get('auth_url')?.value || layer.top.has('profile')) return;
  const cure = `unset ${variable}, or choose a cloud of ${pathsOf(files)} with OS_CLOUD`;
  throw new CredentialsError(
    `${variable} is set, so the OS_* variables describe the cloud, and OS_AUTH_URL is missing; ${cure}`,
  );
}

function fromVariables({ layer }: EnvironmentCloud): Selected {
  const source = 'the OS_* variables';
  return { layers: [layer], source, place: source, naming: (key) => `OS_${key.toUpperCase()}` };
}

function fromFiles(search: FileSearch, files: readonly CloudsFile[], names: readonly string[], name: string): Selected {
  const layers: Layer[] = [];
  const paths: string[] = [];
  for (const file of files) {
    const clouds = cloudsOf(file);
    if (!Object.hasOwn(clouds, name)) continue;
    const place = `cloud '${name}' in ${file.path}`;
    layers.push(layerOf(section(file.path, `clouds.${name}`, clouds[name]), place));
    paths.push(file.path);
  }
  const [path] = paths;
  if (path === undefined) {
    if (files.length === 0) throw new CredentialsError(`no cloud '${name}': there is none of ${places(search)}`);
    throw new CredentialsError(`${pathsOf(files)} has no cloud '${name}'; ${choices(names)}`);
  }
  const source = `cloud '${name}' in ${path}`;
  return { layers, source, place: source, naming: (key) => `${key} of ${source}` };
}

function onlyCloud(search: FileSearch, files: readonly CloudsFile[], names: readonly string[]): string {
  const [first, ...others] = names;
  if (first !== undefined && others.length === 0) return first;
  if (files.length === 0) {
    const cure = `set OS_AUTH_URL and its companions, or write one of ${places(search)}`;
    throw new CredentialsError(`no cloud credentials: ${cure}`);
  }
  throw new CredentialsError(`${pathsOf(files)}: which cloud? Name one, e.g. with OS_CLOUD; ${choices(names)}`);
}

function choices(names: readonly string[]): string {
  return names.length === 0 ? 'it has none' : `it has ${names.join(', ')}`;
}

function pathsOf(files: readonly CloudsFile[]): string {
  return files.map(({ path }) => path).join(' and ');
}

/** The values that a cloud takes from clouds-public.yaml. Those that are built into openstacksdk do not exist here. */
function profileOf(search: FileSearch, cloud: Layer, environment: EnvironmentCloud | undefined): Layer | undefined {
  const { profile, cloud: former } = Object.fromEntries(cloud.top);
  const requested = chosenProfile(profile, former);
  const name = requested === undefined ? undefined : textOf(requested);
  if (requested === undefined || name === undefined || name === environment?.name) return undefined;
  const file = findFile(search, 'clouds-public');
  const profiles = file === undefined ? {} : section(file.path, 'public-clouds', file.tree['public-clouds']);
  if (file === undefined || !Object.hasOwn(profiles, name)) {
    const where = file === undefined ? 'there is no clouds-public.yaml' : `${file.path} has no profile '${name}'`;
    const cure = "profiles of openstacksdk's own are not supported; write the values of the profile into the cloud";
    throw new CredentialsError(`${requested.called} is '${name}', and ${where}; ${cure}`);
  }
  const place = `profile '${name}' in ${file.path}`;
  const layer = layerOf(section(file.path, `public-clouds.${name}`, profiles[name]), place);
  const nested = layer.top.get('profile') ?? layer.top.get('cloud');
  if (nested) throw new CredentialsError(`${nested.called}: a profile has no profile of its own; remove it`);
  return layer;
}

/** What openstacksdk gives a value of its own where the variables give none, so that the profile's is lost. */
const DEFAULTS_OF_VARIABLES = ['api_timeout', 'auth_type', 'cacert', 'cert', 'interface', 'key', 'verify'];

function checkProfileOfVariables(profile: Layer | undefined): void {
  const lost = DEFAULTS_OF_VARIABLES.map((key) => profile?.top.get(key)).find((setting) => setting !== undefined);
  if (lost) throw new CredentialsError(`${lost.called} has no effect on the OS_* variables; set a variable for it`);
}

/** `cloud` is the former name of `profile`. */
function chosenProfile(profile: Setting | undefined, former: Setting | undefined): Setting | undefined {
  if (profile !== undefined && former !== undefined && profile.value !== former.value) {
    throw new CredentialsError(`${former.called} and profile differ; remove cloud, which is the former name`);
  }
  return profile ?? former;
}
