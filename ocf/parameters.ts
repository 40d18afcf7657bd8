/** The parameters of the resource: one table, from which the metadata and the reading follow. */
export interface ParameterSpec {
  readonly name: string;
  readonly type: 'string' | 'select';
  readonly fallback: string;
  readonly short: string;
  readonly long: string;
  readonly values?: readonly string[];
  /** Whether two resources must not have the same value. */
  readonly unique: '0' | '1';
  readonly path: 'absolute' | 'no';
}

/** The one configuration file that may be missing. */
export const DEFAULT_CONFIG = '/etc/recovery-agent/recovery-agent.conf';

const PATH = { type: 'string', path: 'absolute' } as const;

export const PARAMETERS: readonly ParameterSpec[] = [
  {
    ...PATH,
    name: 'config',
    fallback: DEFAULT_CONFIG,
    short: 'Configuration file',
    long: 'Configuration file of the engine. It may be missing as long as this is the default; then the defaults apply.',
    unique: '0',
  },
  {
    ...PATH,
    name: 'journal',
    fallback: '',
    short: 'Journal',
    long: 'The journal, on storage of every node that may run the engine. Without it, option path of section journal in the configuration applies.',
    unique: '1',
  },
  {
    ...PATH,
    name: 'socket',
    fallback: '/run/recovery-agent/engine.sock',
    short: 'Unix socket',
    long: 'Unix socket on which the engine listens on its node.',
    unique: '1',
  },
  {
    ...PATH,
    name: 'pidfile',
    fallback: '/run/recovery-agent/engine.pid',
    short: 'Process file',
    long: 'File with the process ID and start time of the engine, so that no other process is ever taken for it.',
    unique: '1',
  },
  {
    ...PATH,
    name: 'logfile',
    fallback: '/var/log/recovery-agent/engine.log',
    short: 'Log file',
    long: 'File to which the engine logs when the cluster runs it.',
    unique: '0',
  },
  {
    name: 'log_level',
    type: 'select',
    path: 'no',
    fallback: 'info',
    values: ['debug', 'info', 'warning', 'error'],
    short: 'Log level',
    long: 'Minimum log level.',
    unique: '0',
  },
];

export type Parameters = {
  readonly config: string;
  readonly journal: string;
  readonly socket: string;
  readonly pidfile: string;
  readonly logfile: string;
  readonly log_level: string;
};

/** Linux's sun_path holds 108 bytes with the terminating zero. */
const MAX_SOCKET_PATH = 107;

export interface ReadParameters {
  /** An invalid value is omitted: an empty path is no path. */
  readonly parameters: Parameters;
  /** The fault of each invalid value; it is the same on every node. */
  readonly faults: readonly string[];
}

function faultOf({ name, path, values }: ParameterSpec, value: string): string | undefined {
  const shown = value.length > 60 ? `${value.slice(0, 60)}…` : value;
  if (path === 'absolute' && value !== '' && !/^\/[^\0\n]*$/.test(value))
    return `parameter ${name} must be an absolute path, not "${shown}"`;
  if (values && !values.includes(value)) return `parameter ${name} must be one of ${values.join(', ')}, not "${shown}"`;
  if (name === 'socket' && Buffer.byteLength(value) > MAX_SOCKET_PATH)
    return `parameter socket is longer than ${MAX_SOCKET_PATH} bytes`;
  return undefined;
}

/** Reads `OCF_RESKEY_…`. Never fails: an action must not fail because of parameters that it does not need. */
export function readParameters(environment: Readonly<Record<string, string | undefined>>): ReadParameters {
  const faults: string[] = [];
  const values: Record<string, string> = {};
  for (const spec of PARAMETERS) {
    const value = environment[`OCF_RESKEY_${spec.name}`] || spec.fallback;
    const fault = faultOf(spec, value);
    if (fault !== undefined) faults.push(fault);
    values[spec.name] = fault === undefined ? value : spec.path === 'absolute' ? '' : spec.fallback;
  }
  return { parameters: values as Parameters, faults };
}
