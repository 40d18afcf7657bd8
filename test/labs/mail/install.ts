import { installDebianPackages } from '../debian_packages.ts';

/** A mail server of another make than the library that sends, from Debian 12. */
export const PACKAGES = ['python3-aiosmtpd'] as const;

/** Installs what is missing of PACKAGES. Needs root only then. */
export async function installPackages(): Promise<void> {
  await installDebianPackages('mail', PACKAGES);
}

if (import.meta.main) await installPackages();
