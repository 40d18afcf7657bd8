/** Mistakes in the cluster's own configuration: the only ones that are the same on every node. */
import { writeFileSync } from 'node:fs';
import { type Fault, group } from '../fault.ts';
import { environmentOf } from '../measurement.ts';
import { CONFIGURATION, type Environment, type Place } from '../place.ts';

const REFUSED = { start: 6, 'validate-all': 6 };

function parameter(name: string, value: string): Pick<Fault, 'environment'> {
  return { environment: () => ({ [`OCF_RESKEY_${name}`]: value }) };
}

function wrong(name: string, what: string, value: string): Omit<Fault, 'group'> {
  // A running engine keeps what it was started with; `start` is refused all the same.
  return { name: `${name} is ${what}`, ...parameter(name, value), stopped: REFUSED, running: REFUSED };
}

const PATHS = ['config', 'journal', 'socket', 'pidfile', 'logfile'];

const PARAMETERS = group('parameter', [
  ...PATHS.map((name) => wrong(name, 'a relative path', `${name}.file`)),
  ...PATHS.map((name) => wrong(name, 'two lines', `/run/${name}\n/more`)),
  wrong('log_level', 'no level', 'verbose'),
  wrong('socket', 'longer than a socket address', `/run/${'s'.repeat(120)}`),
  {
    name: 'journal is not given, and the configuration names it',
    environment: () => ({ OCF_RESKEY_journal: '' }),
    arrange: ({ paths }) => writeFileSync(paths.config, `${CONFIGURATION}[journal]\npath = ${paths.journal}\n`),
    stopped: {},
    running: {},
  },
  { name: 'log_level is empty', ...parameter('log_level', ''), stopped: {}, running: {} },
]);

const FORMS: Readonly<Record<string, Environment>> = {
  clone: { clone: '0', clone_max: '3', clone_node_max: '1', globally_unique: 'false' },
  'promotable clone': { clone: '0', clone_max: '3', promotable: 'true', promoted_max: '1', promoted_node_max: '1' },
  'master/slave set': { clone: '0', clone_max: '3', master_max: '1', master_node_max: '1' },
};

function meta(options: Environment): Environment {
  return Object.fromEntries(Object.entries(options).map(([name, value]) => [`OCF_RESKEY_CRM_meta_${name}`, value]));
}

/** Starts the engine of a resource `other` that shares some paths with this one. */
async function startOther(place: Place, ...shared: readonly string[]): Promise<void> {
  const own = Object.fromEntries(
    ['journal', 'socket', 'pidfile', 'logfile']
      .filter((name) => !shared.includes(name))
      .map((name) => [`OCF_RESKEY_${name}`, place.path('run', `other.${name}`)]),
  );
  const environment = { ...environmentOf('start', place, 'other'), ...own };
  const { status, stderr } = await place.run([place.agent, 'start'], environment);
  if (status !== 0) throw new Error(`the other resource does not start: ${status}\n${stderr}`);
}

const RESOURCES = group('resource', [
  ...Object.entries(FORMS).map(([name, options]) => ({
    name: `the resource is a ${name}`,
    environment: () => meta(options),
    stopped: REFUSED,
    running: REFUSED,
  })),
  {
    name: 'another resource has the journal, and its engine runs here',
    arrange: (place) => startOther(place, 'journal'),
    stopped: REFUSED,
  },
  {
    name: 'another resource has the socket, and its engine runs here',
    arrange: (place) => startOther(place, 'socket'),
    stopped: REFUSED,
  },
  {
    name: 'another resource has the process file, and its engine runs here',
    arrange: (place) => startOther(place, 'pidfile'),
    stopped: REFUSED,
  },
  {
    name: 'another resource has paths of its own, and its engine runs here',
    arrange: (place) => startOther(place),
    stopped: {},
    running: {},
  },
]);

export const CLUSTER_FAULTS: readonly Fault[] = [...PARAMETERS, ...RESOURCES];
