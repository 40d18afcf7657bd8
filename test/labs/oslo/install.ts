import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { aptGet, aptGetIn, installDebianPackages, withPackagesLock } from '../debian_packages.ts';

/** Masakari, its monitors and oslo.config, from Debian 12. */
export const PACKAGES = ['python3-masakari', 'python3-masakari-monitors', 'python3-oslo.config'] as const;

/** The packages that hold the files of Masakari as a distribution ships them. They are unpacked and not installed. */
const FILES = ['masakari-common', 'masakari-monitors-common'];

/** What registers options or reads them, of Debian 13. The rest of what it imports is that of Debian 12. */
const LIBRARIES = [
  ...PACKAGES,
  ...['cache', 'concurrency', 'context', 'db', 'i18n', 'log', 'messaging', 'metrics', 'middleware', 'policy', 'privsep']
    .concat(['reports', 'serialization', 'service', 'utils', 'versionedobjects'])
    .map((name) => `python3-oslo.${name}`),
  ...['keystoneauth1', 'keystonemiddleware', 'taskflow', 'automaton', 'netaddr', 'osprofiler'].map(
    (name) => `python3-${name}`,
  ),
];

/** Below the clone, so that a second run finds it. */
const CACHE = fileURLToPath(new URL('../../../.cache/oslo-lab', import.meta.url));
const TRIXIE =
  'deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://deb.debian.org/debian trixie main\n';

/** A Masakari with its libraries. */
export interface Release {
  readonly name: string;
  /** The folder in which its packages are unpacked. */
  readonly folder: string;
  /** Python finds these modules before those that are installed. */
  readonly modules: string | undefined;
}

/** Installs Masakari of Debian 12, and unpacks that of Debian 13 beside it. Needs root only for what is missing. */
export async function installReleases(): Promise<readonly Release[]> {
  await installDebianPackages('oslo', PACKAGES);
  const [bookworm, trixie] = [join(CACHE, 'bookworm'), join(CACHE, 'trixie')];
  await withPackagesLock(async () => {
    await unpackOnce(bookworm, (folder) => aptGetIn(folder, 'download', ...FILES));
    await unpackOnce(trixie, downloadTrixie);
  });
  return [
    { name: 'Debian 12', folder: bookworm, modules: undefined },
    { name: 'Debian 13', folder: trixie, modules: join(trixie, 'usr/lib/python3/dist-packages') },
  ];
}

async function unpackOnce(folder: string, download: (folder: string) => Promise<void>): Promise<void> {
  if (existsSync(folder)) return;
  const unfinished = `${folder}.unfinished`;
  await rm(unfinished, { recursive: true, force: true });
  const packages = join(unfinished, 'packages');
  await mkdir(packages, { recursive: true });
  await download(packages);
  for (const name of await readdir(packages)) {
    if (name.endsWith('.deb')) await promisify(execFile)('dpkg-deb', ['--extract', join(packages, name), unfinished]);
  }
  await rm(packages, { recursive: true });
  await rename(unfinished, folder);
}

/** With lists of its own: the system's package sources stay as they are. */
async function downloadTrixie(folder: string): Promise<void> {
  const [sources, lists] = [join(folder, 'sources.list'), join(folder, 'lists')];
  await mkdir(join(lists, 'partial'), { recursive: true });
  await writeFile(sources, TRIXIE);
  const options = [
    `--option=Dir::Etc::sourcelist=${sources}`,
    '--option=Dir::Etc::sourceparts=/dev/null',
    `--option=Dir::State::lists=${lists}`,
    `--option=Dir::Cache=${folder}`,
  ];
  await aptGet(...options, 'update');
  await aptGetIn(folder, ...options, 'download', ...LIBRARIES, ...FILES);
}

if (import.meta.main) await installReleases();
