import { installDebianPackages } from '../debian_packages.ts';

/** ipmitool, the fence agents of ClusterLabs, and ipmi_sim of OpenIPMI as the BMC that they use, from Debian 12. */
export const PACKAGES = ['ipmitool', 'openipmi', 'fence-agents'] as const;

/** Installs what is missing of PACKAGES. Needs root only then. */
export async function installPackages(): Promise<void> {
  await installDebianPackages('BMC', PACKAGES);
}

if (import.meta.main) await installPackages();
