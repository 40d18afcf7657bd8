import { installDebianPackages } from '../debian_packages.ts';

/** libvirt, QEMU, and what assembles the guest, from Debian 12. */
export const PACKAGES = [
  'libvirt-daemon-system',
  'libvirt-clients',
  'qemu-system-x86',
  // ends what a namespace leaves behind
  'tini',
  'util-linux',
  // as and ld for the guest
  'binutils',
  // the agent in the guest that has one
  'qemu-guest-agent',
] as const;

/** Installs what is missing of PACKAGES. Needs root only then. */
export async function installPackages(): Promise<void> {
  await installDebianPackages('libvirt', PACKAGES);
}

if (import.meta.main) await installPackages();
