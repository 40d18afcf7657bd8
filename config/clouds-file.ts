/**
 * The clouds.yaml half of `clouds.ts`: which file, which cloud in it, and the secure.yaml beside it.
 *
 * Invariant: no text of a file gets into a message except names of clouds, for a misplaced line may hold a secret.
 */
import { join, resolve } from 'node:path';
import { isScalar, LineCounter, parseDocument, visit } from 'yaml';
import { CredentialsError, type CredentialsSearch, type ReadFile, type Settings } from './clouds-settings.ts';

type Search = CredentialsSearch & { readonly readFile: ReadFile };
type Tree = { readonly [key: string]: unknown };

const SECRETS = new Set(['password', 'token', 'application_credential_secret']);

/** Undefined where no file and no cloud is asked for and the `OS_*` variables have their say. */
export function cloudSettings(search: Search): Settings | undefined {
  const name = search.cloud ?? (search.environment.OS_CLOUD || undefined);
  if (name === undefined && search.file === undefined && search.environment.OS_AUTH_URL) return undefined;

  const found = findFile(search);
  const { path } = found;
  const clouds = parse(path, found.text, found.mode);
  const cloud = name ?? onlyCloud(path, Object.keys(clouds));
  const entry = Object.hasOwn(clouds, cloud) ? clouds[cloud] : undefined;
  if (entry === undefined) {
    throw new CredentialsError(`${path} has no cloud '${cloud}'; ${choices(Object.keys(clouds))}`);
  }
  return settingsOf(cloud, path, merged(entry, secureEntry(search, path, cloud)));
}

function findFile(search: Search): { path: string; text: string; mode: number } {
  const { environment, directory, home } = search;
  const named = search.file ?? (environment.OS_CLIENT_CONFIG_FILE || undefined);
  if (named !== undefined) {
    // A file that was named and is missing is a mistake: another one could belong to another cloud.
    const path = resolve(directory, named);
    const file = read(search.readFile, path);
    if (file === undefined) throw new CredentialsError(`${path} does not exist; it should be a clouds.yaml`);
    return { path, ...file };
  }
  const folders = [directory, join(home, '.config/openstack'), '/etc/openstack'];
  const paths = folders.flatMap((folder) => [join(folder, 'clouds.yaml'), join(folder, 'clouds.yml')]);
  for (const path of paths) {
    const file = read(search.readFile, path);
    if (file !== undefined) return { path, ...file };
  }
  const places = paths.filter((path) => path.endsWith('.yaml')).join(', ');
  throw new CredentialsError(`no cloud credentials: set OS_AUTH_URL and its companions, or write one of ${places}`);
}

function read(readFile: ReadFile, path: string): ReturnType<ReadFile> {
  try {
    return readFile(path);
  } catch (error) {
    if (error instanceof CredentialsError) throw error;
    const why = error instanceof Error && 'code' in error ? String(error.code) : 'no regular file';
    const hint = `let the agent's user read it: chgrp its group and chmod 640 ${path}`;
    throw new CredentialsError(`cannot read ${path} (${why}); ${hint}`, { cause: error });
  }
}

/** The clouds of a file by name. */
function parse(path: string, text: string, mode: number): Readonly<Record<string, Tree>> {
  const tree = yaml(path, text);
  if ((mode & 0o007) !== 0 && hasSecret(tree)) {
    throw new CredentialsError(`${path} holds a secret and every user of this machine has access; chmod 640 ${path}`);
  }
  const clouds = section(path, 'clouds', section(path, 'its top', tree).clouds);
  const entries = Object.entries(clouds).map(([name, value]) => {
    const entry = section(path, `clouds.${name}`, value);
    return [name, { ...entry, auth: section(path, `clouds.${name}.auth`, entry.auth) }] as const;
  });
  return Object.fromEntries(entries);
}

function section(path: string, place: string, value: unknown): Tree {
  if (value === undefined || value === null || value === '') return {};
  if (isTree(value)) return value;
  const what = Array.isArray(value) ? 'a list' : 'a text';
  throw new CredentialsError(`${path}: ${place} is ${what}; keys with values are allowed there`);
}

/** Every value is a text, so that a password of digits stays as it was written. */
function yaml(path: string, text: string): unknown {
  const lineCounter = new LineCounter();
  const document = parseDocument(text, { schema: 'failsafe', merge: true, prettyErrors: false, lineCounter });
  const error = document.errors[0];
  if (error !== undefined) {
    const { line, col } = lineCounter.linePos(error.pos[0]);
    const what = error.code.toLowerCase().replaceAll('_', ' ');
    throw new CredentialsError(`${path}, line ${line}, column ${col}: this is not YAML (${what})`);
  }
  visit(document, {
    Scalar: (_, node) => {
      if (isScalar(node) && node.type === 'PLAIN' && /^(?:~|null|Null|NULL)$/.test(String(node.value))) node.value = '';
    },
  });
  try {
    return document.toJS();
  } catch {
    throw new CredentialsError(`${path}: this is not YAML (an alias has no anchor before it)`);
  }
}

function hasSecret(tree: unknown, seen = new Set<unknown>()): boolean {
  if (typeof tree !== 'object' || tree === null || seen.has(tree)) return false;
  seen.add(tree);
  return Object.entries(tree).some(([key, value]) => (SECRETS.has(key) && value !== '') || hasSecret(value, seen));
}

function onlyCloud(path: string, names: readonly string[]): string {
  const [first, ...others] = names;
  if (first !== undefined && others.length === 0) return first;
  throw new CredentialsError(`${path}: which cloud? Name one, e.g. with OS_CLOUD; ${choices(names)}`);
}

function choices(names: readonly string[]): string {
  return names.length === 0 ? 'it has none' : `it has ${names.join(', ')}`;
}

function secureEntry(search: Search, cloudsPath: string, cloud: string): Tree {
  const named = search.environment.OS_CLIENT_SECURE_FILE || undefined;
  const path = resolve(search.directory, named ?? join(cloudsPath, '..', 'secure.yaml'));
  const file = read(search.readFile, path);
  if (file === undefined && named !== undefined) {
    throw new CredentialsError(`${path} does not exist; OS_CLIENT_SECURE_FILE names it`);
  }
  const clouds = file === undefined ? {} : parse(path, file.text, file.mode);
  return Object.hasOwn(clouds, cloud) ? (clouds[cloud] ?? {}) : {};
}

/** `over` goes before `under`, key by key. */
function merged(under: Tree, over: Tree): Tree {
  const both: Record<string, unknown> = { ...under };
  for (const [key, value] of Object.entries(over)) {
    const before = both[key];
    both[key] = isTree(before) && isTree(value) ? merged(before, value) : value;
  }
  return both;
}

function isTree(value: unknown): value is Tree {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** What clients find under `auth`, they find beside it as well. */
function settingsOf(cloud: string, path: string, entry: Tree): Settings {
  const auth = isTree(entry.auth) ? entry.auth : {};
  const called = (name: string) => `${name} of cloud '${cloud}' in ${path}`;
  return {
    source: `cloud '${cloud}' in ${path}`,
    called,
    get: (name) => {
      const value = auth[name] || entry[name] || undefined;
      if (value === undefined || typeof value === 'string') return value;
      throw new CredentialsError(`${called(name)} is not a text; one value is allowed there`);
    },
  };
}
