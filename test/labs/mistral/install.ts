import { installDebianPackages } from '../debian_packages.ts';
import { PACKAGES as OPENSTACK_PACKAGES } from '../openstack/install.ts';

/** What the Mistral lab runs beside the OpenStack lab, from Debian 12: Mistral 15 as a library, without its services. */
export const PACKAGES = [...OPENSTACK_PACKAGES, 'python3-mistral'] as const;

/** Installs what is missing of PACKAGES (a minute or two when nothing is there). Needs root only then. */
export async function installPackages(): Promise<void> {
  await installDebianPackages('Mistral', PACKAGES);
}

if (import.meta.main) await installPackages();
