import { writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { ini, type LabPlan, novaFiles, PYTHON_FOLDER, SECOND_CELL, type Settings, url } from './configuration.ts';
import { untilFree } from './ports.ts';
import type { Processes } from './processes.ts';
import { send } from './rest.ts';

/** How each service of the lab is started, and when it is ready. */

/** What a request line in the log of an API starts with; the fields are separated by tabs. */
export const REQUEST_MARK = 'REQUEST';

/** The command of an HTTP server for a WSGI program. */
export const uwsgi = (port: number, workers: number, program: string): string[] => [
  'uwsgi',
  '--plugin=python3',
  '--master',
  '--lazy-apps',
  '--need-app',
  '--die-on-term',
  '--enable-threads',
  '--buffer-size=65535',
  // Without it a client that keeps its connection gets a reset at its next request after a 204.
  '--add-header=Connection: close',
  `--log-format=${REQUEST_MARK}\t%(wid)\t%(method)\t%(uri)\t%(status)\t%(msecs)\t%(uagent)`,
  `--http-socket=127.0.0.1:${port}`,
  `--processes=${workers}`,
  `--wsgi-file=${program}`,
];

/** The services that are HTTP servers, by the names of their processes. */
export type LabApi = 'keystone' | 'placement' | 'nova-api';

const APIS = {
  keystone: {
    port: 'keystone',
    workers: 2,
    program: '/usr/bin/keystone-wsgi-public',
    folder: 'OS_KEYSTONE_CONFIG_DIR',
  },
  placement: { port: 'placement', workers: 1, program: '/usr/bin/placement-api', folder: 'OS_PLACEMENT_CONFIG_DIR' },
  'nova-api': { port: 'nova', workers: 2, program: '/usr/bin/nova-api-wsgi', folder: 'OS_NOVA_CONFIG_DIR' },
} as const;

/** How many processes of each serve requests, one at a time. */
export const WORKERS: Readonly<Record<LabApi, number>> = {
  keystone: APIS.keystone.workers,
  placement: APIS.placement.workers,
  'nova-api': APIS['nova-api'].workers,
};

/** Ready when it shows its versions, which needs no account. */
export async function startApi(plan: LabPlan, processes: Processes, api: LabApi): Promise<void> {
  const { port, workers, program, folder } = APIS[api];
  await untilFree(plan.ports[port]);
  await processes.start(api, uwsgi(plan.ports[port], workers, program), {
    [folder]: join(plan.directory, 'etc', port),
  });
  await processes.ready(api, 90, () => answers(`${url(plan, port)}/`));
}

export async function startNeutronStub(plan: LabPlan, processes: Processes): Promise<void> {
  const port = plan.ports.neutron;
  await processes.start('neutron', ['/usr/bin/python3', join(PYTHON_FOLDER, 'neutron_stub.py'), `${port}`]);
  await processes.ready('neutron', 30, () => listens(port));
}

export async function startMemcached(plan: LabPlan, processes: Processes): Promise<void> {
  const port = plan.ports.memcached;
  const user = process.getuid?.() === 0 ? ['--user=root'] : [];
  await processes.start('memcached', [
    'memcached',
    ...user,
    '--listen=127.0.0.1',
    `--port=${port}`,
    '--memory-limit=64',
  ]);
  await processes.ready('memcached', 30, () => listens(port));
}

/** With an Erlang port mapper of its own: RabbitMQ would otherwise leave one running as a daemon. */
export async function startRabbitmq(plan: LabPlan, processes: Processes): Promise<void> {
  const { rabbitmq, rabbitmqDistribution, epmd } = plan.ports;
  const data = join(plan.directory, 'data/rabbitmq');
  const mapper = { ERL_EPMD_ADDRESS: '127.0.0.1', ERL_EPMD_PORT: `${epmd}` };
  await processes.start('epmd', ['epmd', '-address', '127.0.0.1', '-port', `${epmd}`], mapper);
  await processes.ready('epmd', 30, () => listens(epmd));
  await processes.start('rabbitmq', ['/usr/lib/rabbitmq/bin/rabbitmq-server'], {
    ...mapper,
    RABBITMQ_NODENAME: 'lab@localhost',
    RABBITMQ_NODE_IP_ADDRESS: '127.0.0.1',
    RABBITMQ_NODE_PORT: `${rabbitmq}`,
    RABBITMQ_DIST_PORT: `${rabbitmqDistribution}`,
    RABBITMQ_MNESIA_BASE: join(data, 'mnesia'),
    RABBITMQ_LOG_BASE: join(data, 'log'),
    RABBITMQ_LOGS: '-',
    RABBITMQ_PID_FILE: join(data, 'pid'),
    RABBITMQ_ENABLED_PLUGINS: '',
    RABBITMQ_ENABLED_PLUGINS_FILE: join(data, 'plugins'),
    RABBITMQ_CONFIG_FILE: join(data, 'none'),
    RABBITMQ_CONF_ENV_FILE: join(data, 'none-either'),
    // Idle schedulers sleep instead of spinning: the processors belong to the tests.
    RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS:
      '-kernel inet_dist_use_interface {127,0,0,1} +sbwt none +sbwtdcpu none +sbwtdio none +S 2:2',
  });
  await processes.ready('rabbitmq', 90, () => listens(rabbitmq));
  if (plan.secondCell.length > 0) await createVirtualHost(plan, processes, mapper);
}

/** Of the second cell. */
async function createVirtualHost(
  plan: LabPlan,
  processes: Processes,
  environment: Record<string, string>,
): Promise<void> {
  const vhost = SECOND_CELL.virtualHost;
  const file = join(plan.directory, 'etc/rabbitmq-definitions.json');
  const rights = { user: 'guest', vhost, configure: '.*', write: '.*', read: '.*' };
  writeFileSync(file, JSON.stringify({ vhosts: [{ name: vhost }], permissions: [rights] }));
  const command = ['/usr/lib/rabbitmq/bin/rabbitmqctl', '--node', 'lab@localhost', 'import_definitions', file];
  await processes.run('rabbitmq-definitions', command, 60, environment);
}

/** What `nova_service.py` writes when its service takes orders. */
const STARTED = 'LAB: service started';

/** Resolves when it takes orders. */
export async function startNovaService(
  plan: LabPlan,
  processes: Processes,
  which: 'conductor' | 'scheduler',
  cell: 'first' | 'second' = 'first',
): Promise<void> {
  const name = cell === 'first' ? `nova-${which}` : `nova-${which}-${SECOND_CELL.name}`;
  await processes.start(name, novaCommand(which, novaFiles(plan, { isInSecondCell: cell === 'second' })));
  await processes.ready(name, 90, async () => (processes.hasLogged(name, STARTED) ? true : undefined));
}

/**
 * Resolves when it has tidied up and takes orders; Nova calls it `up` with its next heartbeat.
 * @param options further options of its section DEFAULT, for this run only
 */
export async function startNovaCompute(
  plan: LabPlan,
  processes: Processes,
  host: string,
  options: Settings[string] = {},
): Promise<void> {
  const name = `compute-${host}`;
  const extra = join(plan.directory, 'etc/nova', `${host}-options.conf`);
  writeFileSync(extra, ini({ DEFAULT: options }));
  const files = novaFiles(plan, { host, isInSecondCell: plan.secondCell.includes(host) });
  await processes.start(name, novaCommand('compute', [...files, extra]));
  await processes.ready(name, 90, async () => (processes.hasLogged(name, STARTED) ? true : undefined));
}

function novaCommand(service: string, files: readonly string[]): string[] {
  const program = join(PYTHON_FOLDER, 'nova_service.py');
  return ['/usr/bin/python3', program, service, ...files.map((file) => `--config-file=${file}`)];
}

/** True once the address responds with less than 500. */
export async function answers(address: string): Promise<true | undefined> {
  const answer = await send('GET', address).catch(() => undefined);
  return answer !== undefined && answer.status < 500 ? true : undefined;
}

async function listens(port: number): Promise<true | undefined> {
  return await new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1', timeout: 1000 });
    const end = (result: true | undefined) => () => {
      socket.destroy();
      resolve(result);
    };
    socket.once('connect', end(true)).once('error', end(undefined)).once('timeout', end(undefined));
  });
}
