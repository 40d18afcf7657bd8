import { installDebianPackages } from '../debian_packages.ts';

/**
 * What the OpenStack lab runs, from Debian 12.
 *
 * Libraries and programs rather than the packages named after the services: those would add init scripts, system users
 * and their questions, and the lab needs none of that. MariaDB comes as its core for the same reason.
 */
export const PACKAGES = [
  'python3-keystone',
  'python3-placement',
  // brings python3-nova, nova-manage, nova-api-wsgi and api-paste.ini
  'nova-common',
  'python3-glance',
  'mariadb-server-core',
  'mariadb-client-core',
  'rabbitmq-server',
  'memcached',
  'uwsgi-core',
  'uwsgi-plugin-python3',
] as const;

/** Installs what is missing of PACKAGES (one to two minutes when nothing is there). Needs root only then. */
export async function installPackages(): Promise<void> {
  await installDebianPackages('OpenStack', PACKAGES);
}

if (import.meta.main) await installPackages();
