import { installDebianPackages } from '../debian_packages.ts';

/** The library that other OpenStack clients read clouds.yaml and the OS_* variables with, from Debian 12. */
export const PACKAGES = ['python3-openstacksdk'] as const;

/** Installs what is missing of PACKAGES. Needs root only then. */
export async function installPackages(): Promise<void> {
  await installDebianPackages('openstacksdk', PACKAGES);
}

if (import.meta.main) await installPackages();
