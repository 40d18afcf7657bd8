import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { aptGet, aptGetIn, installDebianPackages, withPackagesLock } from '../debian_packages.ts';

/** What the Pacemaker lab runs, from Debian 12. */
export const PACKAGES = [
  'corosync',
  'pacemaker',
  'pacemaker-cli-utils',
  'pcs',
  'resource-agents',
  // xmllint, which ocf-tester and crm_report want
  'libxml2-utils',
  'iproute2',
  // the fence agent of the lab
  'python3-minimal',
] as const;

/** Outside the clone: it holds a program for root, and serves every checkout of this machine. */
export const CACHE = '/var/cache/recovery-agent-labs';

const run = promisify(execFile);

/** Installs what is missing (about a minute when nothing is there). Needs root only then. */
export async function installPackages(): Promise<void> {
  await installDebianPackages('Pacemaker', PACKAGES);
  if (!existsSync(await remoteDaemon())) await withPackagesLock(fetchRemoteDaemon);
}

/** Path of the daemon of a pacemaker_remote node; it fits the Pacemaker that is installed. */
export async function remoteDaemon(): Promise<string> {
  return join(unpackedRemote(await pacemakerVersion()), 'usr/sbin/pacemaker-remoted');
}

const unpackedRemote = (version: string): string => join(CACHE, `pacemaker-remote-${version}`);

async function pacemakerVersion(): Promise<string> {
  const { stdout } = await run('dpkg-query', ['--show', `--showformat=\${Version}`, 'pacemaker']);
  return stdout;
}

/** Debian's pacemaker-remote conflicts with pacemaker and differs by this one program: taken out of its package. */
async function fetchRemoteDaemon(): Promise<void> {
  if (existsSync(await remoteDaemon())) return;
  const version = await pacemakerVersion();
  const target = unpackedRemote(version);
  await mkdir(CACHE, { recursive: true });
  const scratch = await mkdtemp(join(CACHE, 'download-'));
  try {
    const download = () =>
      aptGetIn(scratch, '--option=APT::Sandbox::User=root', 'download', `pacemaker-remote=${version}`);
    // A container image may come with the packages and without the lists to find another one.
    await download().catch(() => aptGet('update').then(download));
    const [file = ''] = await readdir(scratch);
    await run('dpkg-deb', ['--extract', join(scratch, file), join(scratch, 'unpacked')]);
    // Whole or not at all: another installer may do the same now.
    await rm(target, { recursive: true, force: true });
    await rename(join(scratch, 'unpacked'), target);
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

if (import.meta.main) await installPackages();
