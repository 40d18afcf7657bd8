/**
 * A Linux guest with a real qemu-guest-agent: Debian's cloud kernel, busybox and this machine's qemu-ga in an initramfs.
 * It boots in about 6 s without KVM, and does by letters on its serial console what the tests need.
 */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { aptGet, aptGetIn, withPackagesLock } from '../debian_packages.ts';
import { type Entry, initramfs } from './initramfs.ts';

const run = promisify(execFile);

const CACHE = '/var/cache/recovery-agent-labs';
const META_PACKAGE = 'linux-image-cloud-amd64';
const AGENT = '/usr/sbin/qemu-ga';
/** In the order in which they need each other. */
const MODULES = [
  'virtio/virtio_ring',
  'virtio/virtio',
  'virtio/virtio_pci_legacy_dev',
  'virtio/virtio_pci_modern_dev',
  'virtio/virtio_pci',
  'char/virtio_console',
];

/** s: the agent is stopped (SIGSTOP); c: it continues; k: it is killed; b: it is started; r: the guest reboots at once. */
const INIT = `#!/bin/busybox sh
/bin/busybox --install -s /bin
mount -t devtmpfs none /dev; mount -t proc none /proc; mount -t sysfs none /sys
for module in ${MODULES.map((path) => path.replace(/.*\//, '')).join(' ')}; do insmod /modules/$module.ko; done
until port=$(ls /dev/vport*p1 2>/dev/null); do sleep 0.1; done
start() { qemu-ga -m virtio-serial -p $port -t /run & agent=$!; }
start
echo READY
while read letter; do
  case $letter in
    s) kill -STOP $agent ;;
    c) kill -CONT $agent ;;
    k) kill -KILL $agent ;;
    b) start ;;
    r) echo b > /proc/sysrq-trigger ;;
  esac
  echo DONE $letter
done
`;

export interface LinuxGuest {
  readonly kernel: string;
  readonly initrd: string;
}

/** Builds it in `folder`; the packages are fetched once for this machine (27 MB) and unpacked, never installed. */
export async function buildLinuxGuest(folder: string): Promise<LinuxGuest> {
  if (!existsSync(AGENT)) {
    throw new Error(`${AGENT} is not installed: install the Debian package qemu-guest-agent.`);
  }
  const root = join(CACHE, 'linux-guest');
  await withPackagesLock(() => fetchOnce(root));
  const [version = ''] = await readdir(join(root, 'lib/modules'));
  const drivers = join(root, 'lib/modules', version, 'kernel/drivers');
  const folders = ['bin', 'dev', 'lib', 'lib/x86_64-linux-gnu', 'lib64', 'modules', 'proc', 'run', 'sys', 'tmp', 'var'];
  const entries: Entry[] = [...folders, 'var/run'].map((path) => ({ path }));
  const add = async (path: string, from: string) => entries.push({ path, bytes: await readFile(from) });
  entries.push({ path: 'init', bytes: Buffer.from(INIT) });
  await add('bin/busybox', join(root, 'bin/busybox'));
  await add('bin/qemu-ga', AGENT);
  const { stdout } = await run('ldd', [AGENT]);
  for (const [path] of stdout.matchAll(/\/lib\S+/g)) await add(path.slice(1), path);
  for (const module of MODULES) await add(`modules/${module.replace(/.*\//, '')}.ko`, join(drivers, `${module}.ko`));
  const initrd = join(folder, 'initrd.gz');
  await writeFile(initrd, initramfs(entries));
  return { kernel: join(root, `boot/vmlinuz-${version}`), initrd };
}

async function fetchOnce(root: string): Promise<void> {
  if (existsSync(root)) return;
  await mkdir(CACHE, { recursive: true });
  const scratch = await mkdtemp(join(CACHE, 'download-'));
  try {
    const download = async () => {
      const names = [await kernelPackage(), 'busybox-static'];
      await aptGetIn(scratch, '--option=APT::Sandbox::User=root', 'download', ...names);
    };
    // A container image may come without the lists to find a package.
    await download().catch(() => aptGet('update').then(download));
    const unpacked = join(scratch, 'unpacked');
    for (const file of (await readdir(scratch)).filter((name) => name.endsWith('.deb'))) {
      await run('dpkg-deb', ['--extract', join(scratch, file), unpacked]);
    }
    // Whole or not at all.
    await rename(unpacked, root);
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

/** The package to which the name for "the newest" refers. */
async function kernelPackage(): Promise<string> {
  const { stdout } = await run('apt-cache', ['depends', META_PACKAGE]);
  const name = /Depends: (linux-image-\S+)/.exec(stdout)?.[1];
  if (name === undefined) throw new Error(`apt knows no kernel behind ${META_PACKAGE}: run apt-get update.`);
  return name;
}
