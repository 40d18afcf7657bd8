import { installDebianPackages } from '../debian_packages.ts';

/** What makes, installs and checks packages, from Debian 12. */
export const PACKAGES = [
  'rpm',
  'lintian',
  'rpmlint',
  'shellcheck',
  'man-db',
  'groff-base',
  // what a system has that the package is installed on
  'bash-completion',
  'logrotate',
  'systemd',
  'systemd-container',
  // receives what systemd would
  'python3',
] as const;

/** Installs what is missing of PACKAGES (about a minute when nothing is there). Needs root only then. */
export async function installPackages(): Promise<void> {
  await installDebianPackages('packages', PACKAGES);
}

if (import.meta.main) await installPackages();
