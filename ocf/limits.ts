/**
 * Limits of the caller (ulimit) that an engine must not inherit: it would die of a file size, or run out of descriptors, on one node
 * and not on another. Node cannot change them; prlimit(1) of util-linux can.
 */
import { readFileSync } from 'node:fs';

/** Names as in /proc/PID/limits, what is wanted at least, and the option of prlimit(1). */
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

/** The options of prlimit(1) that lift what is too low. Pure. */
export function liftingOptions(limits: string): readonly string[] {
  return WANTED.filter(([name, atLeast]) => softLimit(limits, name) < atLeast).map(([, , option]) => option);
}

/** Lifts the limits of this process and of what it starts, as far as it may; else the engine runs with those of the caller. */
export function liftLimits(log: (message: string) => void): void {
  const options = liftingOptions(readFileSync('/proc/self/limits', 'utf8'));
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
