import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { connection, ini, LOGGING, type Settings, tokenChecks } from '../openstack/configuration.ts';
import { type Row, sql } from '../openstack/database.ts';
import { enterService } from '../openstack/keystone.ts';
import { type LabParts, OpenStackLab } from '../openstack/lab.ts';
import { freePorts } from '../openstack/ports.ts';
import type { Answer } from '../openstack/rest.ts';
import { answers, uwsgi } from '../openstack/services.ts';

/** An execution of a workflow in Mistral's own records. */
export interface ExecutionRecord {
  readonly id: string;
  readonly workflow_name: string;
  readonly state: string;
}

/**
 * A real Mistral beside the OpenStack lab: Debian 12's API, engine and executor, with the lab's Keystone, MariaDB and
 * RabbitMQ. It adds 11 s to a bring-up of 52 (2 busy processors). Debian has no package with Mistral's OpenStack actions (`nova.…`; mistral-extra): workflows call Nova with
 * `std.http` and the token of their execution.
 */
export class MistralLab {
  readonly cloud: OpenStackLab;
  readonly #address: string;

  private constructor(cloud: OpenStackLab, address: string) {
    this.cloud = cloud;
    this.#address = address;
  }

  static async start(): Promise<MistralLab> {
    const cloud = await OpenStackLab.start({ computes: 2 });
    try {
      const { mistral: port } = await freePorts(['mistral']);
      const address = `http://127.0.0.1:${port}/v2`;
      await startMistral(cloud.parts, port);
      await enterService(cloud.parts.plan, cloud.parts.rest, { name: 'mistral', type: 'workflowv2', address });
      return new MistralLab(cloud, address);
    } catch (error) {
      await cloud.stop();
      throw new Error(`Mistral did not come up; its logs are in ${join(cloud.directory, 'log')}.`, { cause: error });
    }
  }

  /** Ends every process; the logs stay. */
  async stop(): Promise<void> {
    await this.cloud.stop();
  }

  /** A call as the administrator, with any response. */
  async request(method: string, path: string, body?: unknown): Promise<Answer> {
    return await this.cloud.parts.rest.request(method, `${this.#address}${path}`, body === undefined ? {} : { body });
  }

  async createWorkflow(definition: string): Promise<void> {
    const { rest } = this.cloud.parts;
    await rest.call('POST', `${this.#address}/workflows`, {
      body: definition,
      headers: { 'Content-Type': 'text/plain' },
    });
  }

  /** Straight from its database, oldest first. */
  async executions(): Promise<ExecutionRecord[]> {
    const statement = 'SELECT id, workflow_name, state FROM workflow_executions_v2 ORDER BY created_at, id';
    const rows: Row[] = await sql(this.cloud.parts.plan, statement, 'mistral');
    return rows.map(({ id, workflow_name, state }) => ({
      id: id ?? '',
      workflow_name: workflow_name ?? '',
      state: state ?? '',
    }));
  }
}

const settingsOf = (plan: LabParts['plan']): Settings => ({
  DEFAULT: { ...LOGGING, transport_url: `rabbit://guest:guest@127.0.0.1:${plan.ports.rabbitmq}/` },
  database: { connection: connection(plan, 'mistral') },
  keystone_authtoken: tokenChecks(plan, 'nova'),
  pecan: { auth_enable: true },
  coordination: { backend_url: '' },
  cron_trigger: { enabled: false },
});

async function startMistral({ plan, processes }: LabParts, port: number): Promise<void> {
  // Under uwsgi Mistral reads no arguments, but searches its file in the home directory.
  const home = join(plan.directory, 'etc/mistral');
  mkdirSync(home, { recursive: true });
  const file = join(home, 'mistral.conf');
  writeFileSync(file, ini(settingsOf(plan)));
  const python = (module: string, ...words: string[]): string[] => [
    '/usr/bin/python3',
    '-u',
    '-m',
    module,
    `--config-file=${file}`,
    ...words,
  ];
  await sql(plan, 'CREATE DATABASE mistral', 'nova_cell0');
  await processes.run('mistral-schema', python('mistral.db.sqlalchemy.migration.cli', 'upgrade', 'head'), 300);
  await processes.run('mistral-schema', python('mistral.db.sqlalchemy.migration.cli', 'populate'), 120);
  const startServer = async (which: 'engine' | 'executor', received: string): Promise<void> => {
    const name = `mistral-${which}`;
    await processes.start(name, python('mistral.cmd.launch', `--server=${which}`));
    await processes.ready(name, 90, async () => (processes.hasLogged(name, received) ? true : undefined));
  };
  const startApi = async (): Promise<void> => {
    const program = '/usr/lib/python3/dist-packages/mistral/api/wsgi.py';
    await processes.start('mistral-api', uwsgi(port, 1, program), { HOME: home });
    await processes.ready('mistral-api', 90, () => answers(`http://127.0.0.1:${port}/`));
  };
  await Promise.all([
    startServer('engine', 'Engine server started.'),
    startServer('executor', 'Executor server started.'),
    startApi(),
  ]);
}
