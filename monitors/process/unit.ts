/**
 * The state of units, read with systemctl.
 *
 * Invariant: a unit that systemd is still working on never counts as down; systemd may be restarting it.
 */
import { execFile } from 'node:child_process';
import type { PollState } from './process-decision.ts';

/** Properties of org.freedesktop.systemd1(5). */
const PROPERTIES = ['Id', 'LoadState', 'ActiveState', 'SubState', 'Result', 'MainPID', 'ControlGroup'] as const;
const MAX_OUTPUT_BYTES = 1024 * 1024;

export interface UnitFacts {
  /** As in the request. */
  readonly unit: string;
  readonly poll: PollState;
  readonly isMasked: boolean;
  /** systemd's states. */
  readonly detail: string;
  readonly mainPid: number | undefined;
  /** Below the mount point of cgroup v2; undefined when it has none. */
  readonly cgroup: string | undefined;
}

/** @param text one block for each unit, in the order of the request, separated by blank lines */
export function parseUnits(units: readonly string[], text: string): readonly UnitFacts[] {
  const blocks = text.trim().split(/\n\s*\n/);
  if (blocks.length !== units.length) {
    throw new Error(`systemctl show returned ${blocks.length} units, and ${units.length} were requested`);
  }
  return units.map((unit, index) => {
    const fields = new Map(
      (blocks[index] ?? '').split('\n').map((line) => {
        const at = line.indexOf('=');
        return [line.slice(0, at), line.slice(at + 1)] as const;
      }),
    );
    const field = (name: (typeof PROPERTIES)[number]) => fields.get(name) ?? '';
    const pid = Number(field('MainPID'));
    return {
      unit,
      isMasked: field('LoadState') === 'masked',
      poll: stateOf(field('LoadState'), field('ActiveState'), field('Result')),
      detail: `${field('ActiveState')} (${field('SubState')}), load ${field('LoadState')}, result ${field('Result') || '-'}`,
      mainPid: Number.isInteger(pid) && pid > 0 ? pid : undefined,
      cgroup: field('ControlGroup') === '' || field('ControlGroup') === '/' ? undefined : field('ControlGroup'),
    };
  });
}

/** ActiveState is one of these. A unit that was stopped in order, or ended by itself without an error, is inactive with success. */
function stateOf(load: string, active: string, result: string): PollState {
  if (load === 'masked') return 'stopped';
  switch (active) {
    case 'active':
    case 'reloading':
    case 'refreshing':
      return 'up';
    case 'activating':
    case 'deactivating':
    case 'maintenance':
      return 'starting';
    case 'failed':
      return load === 'not-found' ? 'unknown' : 'down';
    case 'inactive':
      if (load !== 'loaded') return 'unknown';
      return result === 'success' || result === '' ? 'stopped' : 'down';
    default:
      return 'unknown';
  }
}

/** The command that runs `systemctl`; its first word is the program. */
export type Systemctl = readonly [program: string, ...rest: string[]];

export interface QueryLimits {
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/** One call for all units. Throws if systemd cannot be queried. */
export async function queryUnits(
  units: readonly string[],
  [program, ...rest]: Systemctl,
  limits: QueryLimits,
): Promise<readonly UnitFacts[]> {
  if (units.length === 0) return [];
  const argv = [...rest, 'show', `--property=${PROPERTIES.join(',')}`, '--', ...units];
  return parseUnits(units, await output(program, argv, limits));
}

/** True while the host shuts down: its services then end in order. Never throws. */
export async function isShuttingDown([program, ...rest]: Systemctl, limits: QueryLimits): Promise<boolean> {
  try {
    const text = await output(program, [...rest, 'show', '--property=SystemState'], limits);
    return text.trim() === 'SystemState=stopping';
  } catch {
    // Another init, or systemd is busy: there is no sign of a shutdown.
    return false;
  }
}

function output(program: string, argv: readonly string[], { timeoutMs, signal }: QueryLimits): Promise<string> {
  return new Promise((resolve, reject) => {
    const options = {
      timeout: timeoutMs,
      killSignal: 'SIGKILL' as const,
      maxBuffer: MAX_OUTPUT_BYTES,
      signal,
      encoding: 'utf8' as const,
      env: { PATH: process.env.PATH ?? '/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C' },
    };
    execFile(program, argv, options, (error, stdout, stderr) => {
      if (error === null) return resolve(stdout);
      const reported = stderr.trim().split('\n', 1)[0] ?? '';
      const what = error.killed === true ? `it took longer than ${timeoutMs / 1000} s` : reported || error.message;
      reject(new Error(`systemctl cannot read units: ${what}`, { cause: error }));
    });
  });
}
