/** What the caller of an action may set: environment, limits, umask, working directory, descriptors. */
import { type Fault, group } from '../fault.ts';

/** Runs the rest of its arguments after the script's line. */
const after = (line: string): readonly string[] => ['sh', '-c', `${line}; exec "$@"`, 'caller'];

function variables(name: string, environment: Readonly<Record<string, string>>): Omit<Fault, 'group'> {
  return { name, environment: () => environment, stopped: {}, running: {} };
}

function caller(name: string, argv: readonly string[]): Omit<Fault, 'group'> {
  return { name, caller: () => argv, stopped: {}, running: {} };
}

export const CALLER_FAULTS: readonly Fault[] = group('caller', [
  { name: 'HOME is not set', without: ['HOME'], stopped: {}, running: {} },
  variables('HOME does not exist', { HOME: '/nonexistent' }),
  variables('the locale does not exist', { LC_ALL: 'xx_XX.KOI8', LANG: 'xx', LANGUAGE: 'xx' }),
  variables('TMPDIR does not exist', { TMPDIR: '/nonexistent' }),
  variables('NODE_OPTIONS is nonsense', { NODE_OPTIONS: '--no-such-option', NODE_PATH: '/nonexistent' }),
  variables('PATH is empty', { PATH: '' }),
  variables('the timeout is no number', { OCF_RESKEY_CRM_meta_timeout: 'soon' }),
  { name: 'the timeout is not set', without: ['OCF_RESKEY_CRM_meta_timeout'], stopped: {}, running: {} },
  { name: 'the node is not named', without: ['OCF_RESKEY_CRM_meta_on_node'], stopped: {}, running: {} },
  variables('an alert of the cluster is in the environment', { CRM_alert_kind: 'fencing', CRM_alert_node: 'n1' }),
  caller('umask 777', after('umask 777')),
  caller('umask 0', after('umask 0')),
  caller('at most 40 open files', ['prlimit', '--nofile=40:4096']),
  caller('files of at most 0 bytes', ['prlimit', '--fsize=0:unlimited']),
  caller('no core files, 256 KiB of stack', ['prlimit', '--core=0', '--stack=262144:unlimited']),
  caller('input and outputs are closed', after('exec <&- >&-')),
  caller('the working directory was removed', after('d=$(mktemp -d); cd "$d"; rmdir "$d"')),
  caller('SIGTERM, SIGHUP and SIGPIPE are ignored', after('trap "" TERM HUP PIPE')),
]);
