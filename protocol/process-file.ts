/**
 * The file with the process of an engine. A pid alone is no name: it is given to other processes later. Together with the
 * start time and the boot id it identifies one process permanently, so no other process is ever signalled in its place.
 */
import {
  closeSync,
  constants,
  fstatSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  rmSync,
  statSync,
} from 'node:fs';
import { replaceFile } from './replaced-file.ts';

export interface ProcessName {
  readonly pid: number;
  /** Field 22 of /proc/PID/stat: clock ticks after boot. */
  readonly startTime: string;
  readonly bootId: string;
}

/** Three short values; a longer file is no process file, not even a damaged one. */
const MAX_FILE_BYTES = 256;

function bootId(): string {
  return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
}

/** Start time and state letter of a process; undefined if there is none. */
export function statOf(pid: number): { readonly startTime: string; readonly state: string } | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // The name in parentheses may contain blanks and parentheses.
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

/** The name of the process that has this pid now; undefined if there is none. */
export function processNamed(pid: number): ProcessName | undefined {
  const stat = statOf(pid);
  return stat && { pid, startTime: stat.startTime, bootId: bootId() };
}

/**
 * Replaces the file as a whole, but no file that is larger than a process file: a path to another file by mistake must not destroy
 * that file. If it fails it throws the system's error and leaves nothing behind.
 */
export function writeProcessFile(path: string): void {
  const found = statSync(path, { throwIfNoEntry: false });
  if (found && (!found.isFile() || found.size > MAX_FILE_BYTES)) {
    const kind = found.isDirectory() ? 'a directory' : 'another file';
    throw Object.assign(new Error(`${kind} is in its place`), { code: 'EEXIST' });
  }
  replaceFile({ path, text: `${JSON.stringify(thisProcess())}\n`, mode: 0o644, durable: 'no' });
}

/** Removes the file if it still has this process. */
export function removeProcessFile(path: string): void {
  if (readProcessFile(path)?.pid === process.pid) rmSync(path, { force: true });
}

/** Undefined for anything else than a process file at the path: neither a pipe nor a large file delays the reader. */
export function readProcessFile(path: string): ProcessName | undefined {
  try {
    const { pid, startTime, bootId: boot }: Partial<ProcessName> = JSON.parse(readShort(path));
    if (!Number.isInteger(pid) || !pid || pid < 2 || typeof startTime !== 'string' || typeof boot !== 'string')
      return undefined;
    return { pid, startTime, bootId: boot };
  } catch {
    return undefined;
  }
}

function readShort(path: string): string {
  const handle = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    if (!fstatSync(handle).isFile()) return '';
    const buffer = Buffer.alloc(MAX_FILE_BYTES);
    return buffer.toString('utf8', 0, readSync(handle, buffer, 0, MAX_FILE_BYTES, 0));
  } finally {
    closeSync(handle);
  }
}

/** Whether exactly that process is alive; one that has died and waits for its parent does not count. */
export function isAlive(name: ProcessName): boolean {
  if (name.bootId !== bootId()) return false;
  const stat = statOf(name.pid);
  if (stat === undefined || stat.startTime !== name.startTime) return false;
  return stat.state === 'Z' || stat.state === 'X' ? hasThreads(name.pid) : true;
}

/** The first thread of a process may have ended while others still write and use its sockets. */
function hasThreads(pid: number): boolean {
  try {
    return readdirSync(`/proc/${pid}/task`).length > 1;
  } catch {
    return false;
  }
}

/** Signals exactly that process; between the check and the signal a pid is not reused in practice. */
export function signalProcess(name: ProcessName, signal: NodeJS.Signals): void {
  if (!isAlive(name)) return;
  try {
    process.kill(name.pid, signal);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ESRCH') return;
    throw error;
  }
}
