import { execFile } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { configurationFile, type LabPlan, novaFiles, PASSWORD, PYTHON_FOLDER, SECOND_CELL } from './configuration.ts';
import type { Processes } from './processes.ts';

/**
 * MariaDB with the schemas of Keystone, Placement and Nova, created for every lab.
 *
 * A prepared copy of the databases was tried: it saved 10 s of 26 (2 processors), too little for a cache that can be stale.
 */

const DATABASES = ['keystone', 'placement', 'nova', 'nova_api', 'nova_cell0', SECOND_CELL.database] as const;

/** MariaDB refuses to run as root without an option that allows it. */
const USER = process.getuid?.() === 0 ? ['--user=root'] : [];

/** Resolves when it responds. */
export async function startDatabase(plan: LabPlan, processes: Processes): Promise<void> {
  const data = join(plan.directory, 'data/mysql');
  const files = [`--datadir=${data}`, '--innodb-log-file-size=16M', '--innodb-flush-method=nosync'];
  mkdirSync(data, { recursive: true });
  await processes.run(
    'database-install',
    [
      'mariadb-install-db',
      '--no-defaults',
      ...USER,
      ...files,
      '--skip-test-db',
      '--auth-root-authentication-method=normal',
    ],
    120,
  );
  await processes.start('mariadb', [
    'mariadbd',
    '--no-defaults',
    ...USER,
    ...files,
    '--bind-address=127.0.0.1',
    `--port=${plan.ports.mariadb}`,
    `--socket=${join(data, 'socket')}`,
    `--init-file=${writeInitFile(plan)}`,
    '--skip-name-resolve',
    '--character-set-server=utf8mb3',
    '--max-connections=500',
    // A lab's data is thrown away: nothing waits for the disk.
    '--innodb-flush-log-at-trx-commit=0',
    '--innodb-buffer-pool-size=128M',
  ]);
  await processes.ready('mariadb', 60, () => sql(plan, 'SELECT 1', 'nova_cell0').catch(() => undefined));
}

/** Statements for the server's start, one a line: the only account, and the databases. */
function writeInitFile(plan: LabPlan): string {
  const file = join(plan.directory, 'etc/mariadb-init.sql');
  const statements = [
    `CREATE OR REPLACE USER root@'127.0.0.1' IDENTIFIED BY '${PASSWORD}'`,
    `GRANT ALL ON *.* TO root@'127.0.0.1' WITH GRANT OPTION`,
    ...DATABASES.map((name) => `CREATE DATABASE ${name}`),
  ];
  writeFileSync(file, statements.map((statement) => `${statement};\n`).join(''));
  return file;
}

/** With the administrator's account. */
export async function makeKeystoneSchema(plan: LabPlan, processes: Processes): Promise<void> {
  const manage = ['keystone-manage', '--config-file', configurationFile(plan, 'keystone')];
  await processes.run('keystone-schema', [...manage, 'db_sync'], 300);
  await processes.run('keystone-schema', [...manage, 'bootstrap', '--bootstrap-password', PASSWORD], 120);
}

export async function makePlacementSchema(plan: LabPlan, processes: Processes): Promise<void> {
  const manage = ['placement-manage', '--config-file', configurationFile(plan, 'placement')];
  await processes.run('placement-schema', [...manage, 'db', 'sync'], 300);
}

/**
 * With the mappings that `nova-manage cell_v2 discover_hosts` would write once the computes are there. The schema of a second cell
 * is made through the way that its services use.
 */
export async function makeNovaSchemas(plan: LabPlan, processes: Processes, hosts: readonly string[]): Promise<void> {
  const program = join(PYTHON_FOLDER, 'nova_schema.py');
  const files = novaFiles(plan, { isInSecondCell: plan.secondCell.length > 0 });
  await processes.run('nova-schema', ['/usr/bin/python3', program, ...files], 300);
  const cellOf = (host: string): string => (plan.secondCell.includes(host) ? SECOND_CELL.name : 'cell1');
  const values = hosts
    .filter((host) => !plan.unmapped.includes(host))
    .map((host) => `SELECT UTC_TIMESTAMP(), id, '${host}' FROM cell_mappings WHERE name = '${cellOf(host)}'`);
  await sql(plan, `INSERT INTO host_mappings (created_at, cell_id, host) ${values.join(' UNION ')}`, 'nova_api');
}

/** A row of a result, every value as text. */
export type Row = Readonly<Record<string, string | null>>;

/** Runs one statement as the lab's only database account; its rows come back. The text `NULL` is read as null. */
export async function sql(plan: LabPlan, statement: string, database = 'nova'): Promise<Row[]> {
  const { stdout } = await promisify(execFile)(
    'mariadb',
    [
      '--no-defaults',
      '--host=127.0.0.1',
      `--port=${plan.ports.mariadb}`,
      '--user=root',
      '--batch',
      `--execute=${statement}`,
      database,
    ],
    { env: { PATH: '/usr/bin:/bin', MYSQL_PWD: PASSWORD }, timeout: 60_000, maxBuffer: 64 * 1024 * 1024 },
  );
  const [names = [], ...rows] = stdout.split('\n').filter(Boolean).map(fields);
  return rows.map((values) => Object.fromEntries(names.map((name, i) => [name, decoded(values[i])])));
}

const fields = (line: string): string[] => line.split('\t');

/** `--batch` writes these characters of a value as `\n`, `\t`, `\0` and `\\`. */
function decoded(text: string | undefined): string | null {
  if (text === undefined || text === 'NULL') return null;
  const characters: Record<string, string> = { n: '\n', t: '\t', '0': '\0' };
  return text.replace(/\\(.)/g, (_, character: string) => characters[character] ?? character);
}
