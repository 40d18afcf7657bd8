import { randomBytes } from 'node:crypto';
import { copyFileSync, mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** The configuration files of the lab's services, written from the lab's directory and ports. */

export const PORTS = [
  'keystone',
  'placement',
  'nova',
  'neutron',
  'glance',
  'mariadb',
  'secondCellDatabase',
  'rabbitmq',
  'rabbitmqDistribution',
  'epmd',
  'memcached',
] as const;

export interface LabPlan {
  readonly directory: string;
  readonly ports: Readonly<Record<(typeof PORTS)[number], number>>;
  readonly tokenExpirationSeconds: number;
  readonly images: 'glance' | 'none';
  /** The hosts of a second cell; without any there is no second cell. */
  readonly secondCell: readonly string[];
  /** Hosts whose nova-compute runs, but which `discover_hosts` never mapped to their cell. */
  readonly unmapped: readonly string[];
}

/** The name of the second cell, of its database and of its virtual host in RabbitMQ. */
export const SECOND_CELL = { name: 'cell2', database: 'nova_cell2', virtualHost: 'cell2' } as const;

/** The lab's own Python programs. */
export const PYTHON_FOLDER = join(import.meta.dirname, 'python');

/** Of every account in the lab; nothing in it is reachable from outside the machine. */
export const PASSWORD = 'lab-password';

/** Keystone's names of the services' accounts. */
export const SERVICE_USERS = ['nova', 'placement', 'neutron', 'glance'] as const;

export const url = (plan: LabPlan, name: 'keystone' | 'placement' | 'nova' | 'neutron' | 'glance'): string =>
  `http://127.0.0.1:${plan.ports[name]}`;

export const authUrl = (plan: LabPlan): string => `${url(plan, 'keystone')}/v3`;

/** Of an INI file: values by section and name. */
export type Settings = Record<string, Record<string, string | number | boolean>>;

export function ini(settings: Settings): string {
  return Object.entries(settings)
    .map(
      ([section, values]) =>
        `[${section}]\n${Object.entries(values)
          .map(([key, value]) => `${key} = ${value}\n`)
          .join('')}`,
    )
    .join('\n');
}

export const connection = (plan: LabPlan, database: string): string =>
  `mysql+pymysql://root:${PASSWORD}@127.0.0.1:${plan.ports.mariadb}/${database}`;

/** Through `CellDatabase`, where a test can cut it. */
const secondCellConnection = (plan: LabPlan): string =>
  `mysql+pymysql://root:${PASSWORD}@127.0.0.1:${plan.ports.secondCellDatabase}/${SECOND_CELL.database}`;

const transportUrl = (plan: LabPlan, virtualHost = ''): string =>
  `rabbit://guest:guest@127.0.0.1:${plan.ports.rabbitmq}/${virtualHost}`;

function account(plan: LabPlan, username: (typeof SERVICE_USERS)[number]): Record<string, string> {
  return {
    auth_type: 'password',
    auth_url: authUrl(plan),
    username,
    password: PASSWORD,
    project_name: 'service',
    user_domain_name: 'Default',
    project_domain_name: 'Default',
    region_name: 'RegionOne',
  };
}

export function tokenChecks(plan: LabPlan, username: 'nova' | 'placement' | 'glance'): Record<string, string> {
  return {
    www_authenticate_uri: url(plan, 'keystone'),
    memcached_servers: `127.0.0.1:${plan.ports.memcached}`,
    ...account(plan, username),
  };
}

/** To the standard error, which goes to the process's own file; tracebacks without a prefix on every line. */
export const LOGGING = { use_stderr: true, logging_exception_prefix: '' };

const keystone = (plan: LabPlan): Settings => ({
  DEFAULT: LOGGING,
  database: { connection: connection(plan, 'keystone') },
  fernet_tokens: { key_repository: join(plan.directory, 'etc/keystone/fernet-keys') },
  fernet_receipts: { key_repository: join(plan.directory, 'etc/keystone/fernet-keys') },
  credential: { key_repository: join(plan.directory, 'etc/keystone/credential-keys') },
  token: { expiration: plan.tokenExpirationSeconds },
  // The least that bcrypt takes (default 12): a login costs 2 ms instead of 390.
  identity: { password_hash_rounds: 4 },
  cache: {
    enabled: true,
    backend: 'dogpile.cache.memcached',
    memcache_servers: `127.0.0.1:${plan.ports.memcached}`,
  },
});

const placement = (plan: LabPlan): Settings => ({
  DEFAULT: LOGGING,
  api: { auth_strategy: 'keystone' },
  keystone_authtoken: tokenChecks(plan, 'placement'),
  placement_database: { connection: connection(plan, 'placement') },
});

const nova = (plan: LabPlan): Settings => ({
  DEFAULT: {
    ...LOGGING,
    transport_url: transportUrl(plan),
    state_path: join(plan.directory, 'data/nova'),
    my_ip: '127.0.0.1',
    // Nova searches drivers among its own modules only: `python/nova_service.py` puts it there.
    compute_driver: 'fake.LabDriver',
    // Heartbeats every 2 s (default 10), down after a minute without one, as by default. No test waits for that: they force a
    // host down. A live host whose heartbeats are late, on a busy machine, must not count as down: Nova accepts a migration
    // from or to it (202), and ends it with the record `error` ("Compute service of c1 is unavailable", "No valid host").
    report_interval: 2,
    service_down_time: 60,
    // Nova's default, and what the recovery relies on: a host that comes back does not start its instances by itself.
    resume_guests_state_on_host_boot: false,
    force_config_drive: false,
  },
  api: { auth_strategy: 'keystone' },
  api_database: { connection: connection(plan, 'nova_api') },
  // A database that refuses connections is reported at once. By default a process that had no connection yet retries for 100 s,
  // and Nova's API times out for the cell after 60 s, with the same responses.
  database: { connection: connection(plan, 'nova'), max_retries: 1, retry_interval: 1 },
  keystone_authtoken: tokenChecks(plan, 'nova'),
  placement: account(plan, 'placement'),
  neutron: account(plan, 'neutron'),
  // Must be set even where no Glance runs and instances boot from a blank disk; nothing listens there then.
  glance: { api_servers: url(plan, 'glance') },
  conductor: { workers: 1 },
  scheduler: { workers: 1 },
  quota: { instances: -1, cores: -1, ram: -1, server_groups: -1 },
  vnc: { enabled: false },
  oslo_concurrency: { lock_path: join(plan.directory, 'data/nova/lock') },
  oslo_policy: { policy_file: policyFile(plan) },
  compute: { consecutive_build_service_disable_threshold: 0 },
});

/** Nova's services of the second cell use its message queue and its database; the rest is as in `nova`. */
const secondCell = (plan: LabPlan): Settings => ({
  DEFAULT: { transport_url: transportUrl(plan, SECOND_CELL.virtualHost) },
  database: { connection: secondCellConnection(plan) },
});

const compute = (plan: LabPlan, host: string): Settings => ({
  DEFAULT: {
    host,
    state_path: join(plan.directory, 'data', host),
    instances_path: join(plan.directory, 'data', host, 'instances'),
  },
  oslo_concurrency: { lock_path: join(plan.directory, 'data', host, 'lock') },
});

export const configurationFile = (plan: LabPlan, name: 'keystone' | 'placement' | 'nova'): string =>
  join(plan.directory, 'etc', name, `${name}.conf`);

/** Where the computes of a host keep what is defined on it (`python/lab_driver.py`): a file for each instance. */
export const domainsFolder = (plan: LabPlan, host: string): string => join(plan.directory, 'data', host, 'domains');

/** The file that sets the outcome of copies on a host (`python/lab_driver.py`). */
export const copiesFile = (plan: LabPlan, host: string): string => join(plan.directory, 'data', host, 'copies');

/** Rules of Nova's API that differ from its defaults; it is read again when it changes. */
export const policyFile = (plan: LabPlan): string => join(plan.directory, 'etc/nova/policy.yaml');

const secondCellFile = (plan: LabPlan): string => join(plan.directory, 'etc/nova', `${SECOND_CELL.name}.conf`);

/** The configuration files of a Nova service, later ones first in force. */
export function novaFiles(
  plan: LabPlan,
  place: { readonly host?: string; readonly isInSecondCell: boolean },
): string[] {
  return [
    configurationFile(plan, 'nova'),
    ...(place.isInSecondCell ? [secondCellFile(plan)] : []),
    ...(place.host === undefined ? [] : [computeFile(plan, place.host)]),
  ];
}

const computeFile = (plan: LabPlan, host: string): string => join(plan.directory, 'etc/nova', `${host}.conf`);

export function writeConfiguration(plan: LabPlan, hosts: readonly string[]): void {
  for (const folder of [
    'etc/keystone',
    'etc/placement',
    'etc/nova',
    'data/nova',
    ...hosts.map((host) => `data/${host}/instances`),
  ]) {
    mkdirSync(join(plan.directory, folder), { recursive: true });
  }
  writeKeystoneConfiguration(plan);
  writeFileSync(configurationFile(plan, 'placement'), ini(placement(plan)));
  writeFileSync(configurationFile(plan, 'nova'), ini(nova(plan)));
  for (const host of hosts) writeFileSync(computeFile(plan, host), ini(compute(plan, host)));
  if (plan.secondCell.length > 0) writeFileSync(secondCellFile(plan), ini(secondCell(plan)));
  writePolicy(plan, {});
  copyFileSync('/usr/share/nova-common/api-paste.ini', join(plan.directory, 'etc/nova/api-paste.ini'));
  for (const keys of ['fernet-keys', 'credential-keys']) writeKeys(join(plan.directory, 'etc/keystone', keys));
}

export function writeKeystoneConfiguration(plan: LabPlan): void {
  writeFileSync(configurationFile(plan, 'keystone'), ini(keystone(plan)));
}

/** Replaces all rules of the file; without rules Nova's defaults apply. Nova reads it again at its next check of a right. */
export function writePolicy(plan: LabPlan, rules: Readonly<Record<string, string>>): void {
  const file = policyFile(plan);
  // At once: Nova never reads half a file. JSON is YAML.
  writeFileSync(`${file}.new`, JSON.stringify(rules));
  renameSync(`${file}.new`, file);
}

/** What `keystone-manage fernet_setup` makes: key 0 is the next one, the highest number is the one in use. */
function writeKeys(folder: string): void {
  mkdirSync(folder, { mode: 0o700 });
  for (const key of ['0', '1']) {
    const text = randomBytes(32).toString('base64').replaceAll('+', '-').replaceAll('/', '_');
    writeFileSync(join(folder, key), text, { mode: 0o600 });
  }
}
