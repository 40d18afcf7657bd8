/**
 * The file in which an engine says which process it is. A pid alone is no name: it is given to other processes later. With the
 * start time and the boot id it names one process for ever, so nothing else is ever signalled in its place.
 */
import { readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';

export interface ProcessName {
  readonly pid: number;
  /** Field 22 of /proc/PID/stat: clock ticks after boot. */
  readonly startTime: string;
  readonly bootId: string;
}

function bootId(): string {
  return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
}

/** Start time and state letter of a process; undefined when there is none. */
function statOf(pid: number): { readonly startTime: string; readonly state: string } | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // The name in parentheses may hold blanks and parentheses of its own.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return { state: fields[0] ?? '', startTime: fields[19] ?? '' };
  } catch {
    return undefined;
  }
}

/** The name of this process. */
export function thisProcess(): ProcessName {
  return { pid: process.pid, startTime: statOf(process.pid)?.startTime ?? '', bootId: bootId() };
}

export function writeProcessFile(path: string): void {
  const name = thisProcess();
  const temporary = `${path}.${process.pid}`;
  writeFileSync(temporary, `${JSON.stringify(name)}\n`, { mode: 0o644 });
  renameSync(temporary, path);
}

/** Removes the file if it still names this process. */
export function removeProcessFile(path: string): void {
  if (readProcessFile(path)?.pid === process.pid) rmSync(path, { force: true });
}

export function readProcessFile(path: string): ProcessName | undefined {
  try {
    const { pid, startTime, bootId: boot }: Partial<ProcessName> = JSON.parse(readFileSync(path, 'utf8'));
    if (!Number.isInteger(pid) || !pid || pid < 2 || typeof startTime !== 'string' || typeof boot !== 'string')
      return undefined;
    return { pid, startTime, bootId: boot };
  } catch {
    return undefined;
  }
}

/** Whether that very process lives; one that has died and waits for its parent to notice does not. */
export function isAlive(name: ProcessName): boolean {
  if (name.bootId !== bootId()) return false;
  const stat = statOf(name.pid);
  if (stat === undefined || stat.startTime !== name.startTime) return false;
  return stat.state === 'Z' || stat.state === 'X' ? hasThreads(name.pid) : true;
}

/** The first thread of a process can be over while others still write and hold its sockets. */
function hasThreads(pid: number): boolean {
  try {
    return readdirSync(`/proc/${pid}/task`).length > 1;
  } catch {
    return false;
  }
}

/** Signals that very process and no other; between the look and the signal a pid is not given away again in practice. */
export function signalProcess(name: ProcessName, signal: NodeJS.Signals): void {
  if (!isAlive(name)) return;
  try {
    process.kill(name.pid, signal);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ESRCH') return;
    throw error;
  }
}
