/**
 * crm_mon and cibadmin of the Pacemaker releases in Debian 11, 12 and 13. That of Debian 12 is installed; the others are unpacked into a
 * root of their own and run there.
 *
 * Invariant: nothing of another Debian reaches this machine: apt reads its lists in a folder of its own and installs nothing.
 */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { withPackagesLock } from '../debian_packages.ts';
import { CACHE, installPackages } from './install.ts';

export const RELEASES = ['2.0', '2.1', '3.0'] as const;
export type Release = (typeof RELEASES)[number];

const SUITES: Readonly<Partial<Record<Release, string>>> = { '2.0': 'bullseye', '3.0': 'trixie' };
const MIRROR = 'http://deb.debian.org/debian';
const KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg';
/** Of what the tools depend on, only libraries and Pacemaker itself. */
const NEEDED = /^(?:lib(?!perl|python)|zlib1g$|pacemaker)/;

const run = promisify(execFile);

/** The folder that is the root of the release's tools. Rejects where the mirror has the suite no more. */
export async function rootOf(release: Release): Promise<string> {
  const suite = SUITES[release];
  if (suite === undefined) {
    await installPackages();
    return '/';
  }
  const root = join(CACHE, `pacemaker-${suite}`);
  if (!existsSync(root)) await withPackagesLock(() => unpack(suite, root));
  return root;
}

async function unpack(suite: string, root: string): Promise<void> {
  if (existsSync(root)) return;
  await mkdir(CACHE, { recursive: true });
  const scratch = await mkdtemp(join(CACHE, 'download-'));
  try {
    const packages = await download(suite, scratch);
    const unpacked = join(scratch, 'unpacked');
    for (const file of packages) await run('dpkg-deb', ['--extract', file, unpacked]);
    await mkdir(join(unpacked, 'tmp'));
    // Debian 13 has its loader below /usr alone.
    if (!existsSync(join(unpacked, 'lib64'))) await symlink('usr/lib64', join(unpacked, 'lib64'));
    // Whole or not at all: another installer may do the same now.
    await rename(unpacked, root);
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

/** Paths of the packages. */
async function download(suite: string, scratch: string): Promise<readonly string[]> {
  const [lists, cache, archives] = [join(scratch, 'lists'), join(scratch, 'cache'), join(scratch, 'archives')];
  for (const folder of [join(lists, 'partial'), join(cache, 'archives', 'partial'), archives]) {
    await mkdir(folder, { recursive: true });
  }
  await writeFile(join(scratch, 'sources.list'), `deb [signed-by=${KEYRING}] ${MIRROR} ${suite} main\n`);
  await writeFile(join(scratch, 'status'), '');
  const config = [
    `Dir::State::status "${scratch}/status";`,
    `Dir::State::lists "${lists}";`,
    `Dir::Cache "${cache}";`,
    `Dir::Etc::sourcelist "${scratch}/sources.list";`,
    'Dir::Etc::sourceparts "/dev/null";',
    'Dir::Etc::preferencesparts "/dev/null";',
    'APT::Sandbox::User "root";',
    'Acquire::Retries "2";',
  ];
  await writeFile(join(scratch, 'apt.conf'), `${config.join('\n')}\n`);
  const env = { ...process.env, APT_CONFIG: join(scratch, 'apt.conf'), LC_ALL: 'C.UTF-8' };
  const aptGet = (...words: readonly string[]) =>
    run('apt-get', ['--quiet=2', ...words], { cwd: archives, env, maxBuffer: 16 * 1024 * 1024 });
  await aptGet('--error-on=any', 'update');
  const { stdout } = await aptGet('--simulate', '--no-install-recommends', 'install', 'pacemaker-cli-utils');
  const names = Array.from(stdout.matchAll(/^Inst (\S+)/gm), ([, name = '']) => name).filter((name) =>
    NEEDED.test(name),
  );
  await aptGet('download', ...names);
  return (await readdir(archives)).filter((file) => file.endsWith('.deb')).map((file) => join(archives, file));
}

/** A PATH whose crm_mon and cibadmin are those of the release and read `cib`, or the cluster of this machine where it is undefined. */
export class Tools implements AsyncDisposable {
  readonly path: string;
  readonly #root: string;

  private constructor(path: string, root: string) {
    this.path = path;
    this.#root = root;
  }

  static async of(release: Release): Promise<Tools> {
    const root = await rootOf(release);
    return new Tools(await mkdtemp(join(root, tmpdir(), 'recovery-agent-cib-')), root);
  }

  /** @param output a filter that what crm_mon prints goes through */
  async show(cib: string | undefined, output = ''): Promise<void> {
    if (cib !== undefined) await writeFile(join(this.path, 'cib.xml'), cib);
    const inside = join('/', this.path.slice(this.#root === '/' ? 0 : this.#root.length), 'cib.xml');
    const file = cib === undefined ? '' : `CIB_file=${inside} `;
    for (const [tool, filter] of [
      ['crm_mon', output],
      ['cibadmin', ''],
    ]) {
      const script = `#!/bin/sh\n${file}/usr/sbin/chroot ${this.#root} /usr/sbin/${tool} "$@" ${filter}\n`;
      await writeFile(join(this.path, `${tool}`), script, { mode: 0o755 });
    }
  }

  async version(): Promise<string> {
    const { stdout } = await run('chroot', [this.#root, '/usr/sbin/crm_mon', '--version']);
    return stdout.split('\n')[0] ?? '';
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.path, { recursive: true, force: true });
  }
}
