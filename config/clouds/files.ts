/**
 * Finds and reads clouds.yaml, secure.yaml and clouds-public.yaml. Each file is searched for separately.
 *
 * Invariants: a file is not used if a user other than root and our own could have written it, or if it contains a
 * secret that every user of the machine can read.
 */
import { join, resolve } from 'node:path';
import { CredentialsError, type CredentialsSearch, type ReadFile } from './settings.ts';
import { isTree, readTree, type Tree, type Value } from './yaml.ts';

export type FileSearch = CredentialsSearch & { readonly readFile: ReadFile };

export interface CloudsFile {
  readonly path: string;
  readonly tree: Tree;
}

export type FileKind = 'clouds' | 'secure' | 'clouds-public';

/** The variable that names a file of each kind. */
const VARIABLES: Readonly<Record<FileKind, string>> = {
  clouds: 'OS_CLIENT_CONFIG_FILE',
  secure: 'OS_CLIENT_SECURE_FILE',
  'clouds-public': 'OS_CLIENT_VENDOR_FILE',
};
const SUFFIXES = ['.yaml', '.yml', '.json'] as const;

const SECRETS = new Set([
  'password',
  'passcode',
  'token',
  'auth_token',
  'access_token',
  'access_secret',
  'application_credential_secret',
  'client_secret',
  'consumer_secret',
]);

/** Where a clouds.yaml may be, for a message. */
export function places(search: CredentialsSearch): string {
  return folders(search)
    .map((folder) => join(folder, 'clouds.yaml'))
    .join(', ');
}

/** The first file of its kind; undefined where there is none. Throws `CredentialsError`. */
export function findFile(search: FileSearch, kind: FileKind): CloudsFile | undefined {
  const variable = VARIABLES[kind];
  const named = (kind === 'clouds' ? search.file : undefined) ?? (search.environment[variable] || undefined);
  if (named !== undefined) {
    // A file that was named and is missing is a mistake: another one could belong to another cloud.
    const path = resolve(search.directory, named);
    const found = read(search, path);
    if (found !== undefined) return found;
    const by = kind === 'clouds' ? `it should be a ${kind}.yaml` : `${variable} names it`;
    throw new CredentialsError(`${path} does not exist; ${by}`);
  }
  for (const folder of folders(search)) {
    for (const suffix of SUFFIXES) {
      const found = read(search, join(folder, `${kind}${suffix}`));
      if (found !== undefined) return found;
    }
  }
  return undefined;
}

/** The search path of openstacksdk: this directory, the user's configuration, the system's. */
function folders({ environment, directory, home }: CredentialsSearch): readonly string[] {
  const { XDG_CONFIG_HOME, XDG_CONFIG_DIRS, SNAP_REAL_HOME } = environment;
  const own = home === undefined ? [] : [join(home, '.config')];
  const user = XDG_CONFIG_HOME === undefined ? own : [resolve(directory, XDG_CONFIG_HOME)];
  const unix = SNAP_REAL_HOME ? [join(SNAP_REAL_HOME, '.config')] : own;
  // If the list has several directories, openstacksdk treats the whole list as the name of one directory and finds no file.
  const [site, ...more] = (XDG_CONFIG_DIRS ?? '/etc/xdg').split(':');
  const system = site === undefined || more.length > 0 ? [] : [resolve(directory, site)];
  const all = [...user, ...unix, ...system].map((folder) => join(folder, 'openstack'));
  return [...new Set([directory, ...all, '/etc/openstack'])];
}

function read({ readFile }: FileSearch, path: string): CloudsFile | undefined {
  let file: ReturnType<ReadFile>;
  try {
    file = readFile(path);
  } catch (error) {
    if (error instanceof CredentialsError) throw error;
    const why = error instanceof Error && 'code' in error ? String(error.code) : 'no regular file';
    const hint = `let the agent's user read it: chgrp its group and chmod 640 ${path}`;
    throw new CredentialsError(`cannot read ${path} (${why}); ${hint}`, { cause: error });
  }
  if (file === undefined) return undefined;
  const value = readTree(path, file.text);
  if ((file.mode & 0o007) !== 0 && hasSecret(value)) {
    throw new CredentialsError(`${path} holds a secret and every user of this machine has access; chmod 640 ${path}`);
  }
  if (file.distrust !== undefined) throw new CredentialsError(`${path} is not trusted: ${file.distrust}`);
  return { path, tree: section(path, 'its top', value) };
}

function hasSecret(tree: unknown, seen = new Set<unknown>()): boolean {
  if (typeof tree !== 'object' || tree === null || seen.has(tree)) return false;
  seen.add(tree);
  return Object.entries(tree).some(
    ([key, value]) =>
      (SECRETS.has(key.replaceAll('-', '_')) && value !== '' && value !== null) || hasSecret(value, seen),
  );
}

/** Keys with values; nothing at all counts as none. */
export function section(path: string, place: string, value: Value | undefined): Tree {
  if (value === undefined || value === null || value === '') return {};
  if (isTree(value)) return value;
  const what = Array.isArray(value) ? 'a list' : 'a text';
  throw new CredentialsError(`${path}: ${place} is ${what}; keys with values are allowed there`);
}
