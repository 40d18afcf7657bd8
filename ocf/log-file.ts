/** The engine's log file in the cluster. It may be of any size: only its end is read. */
import { closeSync, constants, fstatSync, mkdirSync, openSync, readSync } from 'node:fs';
import { dirname } from 'node:path';

const TAIL_BYTES = 8_192;

export interface LogFile {
  readonly descriptor: number;
  /** Size when it was opened: the engine wrote everything after it. */
  readonly begin: number;
}

/** Creates missing files and folders. Does not wait for a reader of a pipe. Throws the system's error. */
export function openLog(path: string): LogFile {
  mkdirSync(dirname(path), { recursive: true, mode: 0o750 });
  const { O_WRONLY, O_APPEND, O_CREAT, O_NONBLOCK } = constants;
  const descriptor = openSync(path, O_WRONLY | O_APPEND | O_CREAT | O_NONBLOCK, 0o640);
  return { descriptor, begin: fstatSync(descriptor).size };
}

/** The last lines after `begin`, in one line; empty if there are none. */
export function lastLines(path: string, begin: number): string {
  let handle: number | undefined;
  try {
    handle = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const status = fstatSync(handle);
    if (!status.isFile()) return '';
    const from = Math.max(begin, status.size - TAIL_BYTES);
    const buffer = Buffer.alloc(Math.max(0, Math.min(TAIL_BYTES, status.size - from)));
    const text = buffer.toString('utf8', 0, readSync(handle, buffer, 0, buffer.length, from));
    return text.trim().split('\n').slice(-3).join('; ');
  } catch {
    return '';
  } finally {
    if (handle !== undefined) closeSync(handle);
  }
}
