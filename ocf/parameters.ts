/** The parameters of the resource: one table, from which the metadata and the reading follow. */
import { OCF, OcfFailure } from './codes.ts';

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

const PATH = { type: 'string', path: 'absolute' } as const;

export const PARAMETERS: readonly ParameterSpec[] = [
  {
    ...PATH,
    name: 'config',
    fallback: '/etc/recovery-agent/recovery-agent.conf',
    short: 'Configuration file',
    long: 'Configuration file of the engine. It may be missing as long as this is the default; the defaults hold then.',
    unique: '0',
  },
  {
    ...PATH,
    name: 'journal',
    fallback: '',
    short: 'Journal',
    long: 'The journal, on storage that every node which may run the engine can have. Without it, option path of section journal in the configuration counts.',
    unique: '1',
  },
  {
    ...PATH,
    name: 'socket',
    fallback: '/run/recovery-agent/engine.sock',
    short: 'Unix socket',
    long: 'Unix socket on which the engine answers on its node.',
    unique: '1',
  },
  {
    ...PATH,
    name: 'pidfile',
    fallback: '/run/recovery-agent/engine.pid',
    short: 'Process file',
    long: 'File in which the engine says which process it is, with its start time, so that no other process is ever taken for it.',
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
    long: 'The least that is logged. It can be changed while the engine runs.',
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

/** Reads `OCF_RESKEY_…`. Throws `OcfFailure` (configured) for a value that can be right on no node. */
export function readParameters(environment: Readonly<Record<string, string | undefined>>): Parameters {
  const values: Record<string, string> = {};
  for (const { name, fallback, path, values: allowed } of PARAMETERS) {
    const value = environment[`OCF_RESKEY_${name}`] || fallback;
    if (path === 'absolute' && value !== '' && !/^\/[^\0\n]*$/.test(value)) {
      throw new OcfFailure(OCF.ERR_CONFIGURED, `parameter ${name} must be an absolute path, not "${value}"`);
    }
    if (allowed && !allowed.includes(value)) {
      throw new OcfFailure(
        OCF.ERR_CONFIGURED,
        `parameter ${name} must be one of ${allowed.join(', ')}, not "${value}"`,
      );
    }
    values[name] = value;
  }
  if (Buffer.byteLength(values.socket ?? '') > MAX_SOCKET_PATH) {
    throw new OcfFailure(OCF.ERR_CONFIGURED, `parameter socket is longer than ${MAX_SOCKET_PATH} bytes`);
  }
  return values as Parameters;
}
