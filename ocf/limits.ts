/**
 * Limits of the caller (ulimit) that an engine must not inherit: it would die of a file size, or run out of descriptors, on one node
 * and not on another, or leave its keys and passwords in a core dump. Node cannot change them; prlimit(1) of util-linux can.
 */
import { readFileSync } from 'node:fs';

/** Names as in /proc/PID/limits, the required minimum, and the option of prlimit(1). */
const WANTED: readonly (readonly [name: string, atLeast: number, option: string])[] = [
  ['Max cpu time', Number.POSITIVE_INFINITY, '--cpu=unlimited'],
  ['Max file size', Number.POSITIVE_INFINITY, '--fsize=unlimited'],
  ['Max data size', Number.POSITIVE_INFINITY, '--data=unlimited'],
  ['Max address space', Number.POSITIVE_INFINITY, '--as=unlimited'],
  ['Max open files', 1024, '--nofile=1024:4096'],
];

function softLimit(limits: string, name: string): number {
  const line = limits.split('\n').find((one) => one.startsWith(name)) ?? '';
  const [soft = 'unlimited'] = line.slice(name.length).trim().split(/\s+/);
  return soft === 'unlimited' || soft === '' ? Number.POSITIVE_INFINITY : Number(soft);
}

/** The options of prlimit(1) that raise limits below the minimum. Pure. */
export function liftingOptions(limits: string): readonly string[] {
  return WANTED.filter(([name, atLeast]) => softLimit(limits, name) < atLeast).map(([, , option]) => option);
}

/** The option of prlimit(1) that turns core dumps off; none if they are off. Pure. */
export function coreOptions(limits: string): readonly string[] {
  return /^Max core file size +0 +0 /m.test(limits) ? [] : ['--core=0:0'];
}

/**
 * Corrects the limits of this process and of its children, as far as permitted; else the engine runs with those of the caller. Core dumps
 * are handled separately: every user may turn them off, not every user may raise a limit. If they stay on, the engine excludes its memory.
 */
export function setLimits(log: (message: string) => void): void {
  const limits = readFileSync('/proc/self/limits', 'utf8');
  prlimit(coreOptions(limits), () => {});
  prlimit(liftingOptions(limits), log);
}

function prlimit(options: readonly string[], log: (message: string) => void): void {
  if (options.length === 0) return;
  const { spawnSync } = process.getBuiltinModule('node:child_process');
  const { status, stderr } = spawnSync('prlimit', ['--pid', String(process.pid), ...options], {
    encoding: 'utf8',
    timeout: 5_000,
    env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin' },
  });
  if (status !== 0)
    log(`limits of the caller stay (${options.join(' ')}): ${stderr?.trim() || 'prlimit cannot be run'}`);
}
