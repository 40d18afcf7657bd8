/**
 * The file of the list: what stands in it is run as root, so whoever can write it is root.
 *
 * Invariant: content is taken only from the very file whose owner and mode were judged.
 */
import { closeSync, constants, fstatSync, openSync, readSync, type Stats, statSync } from 'node:fs';
import { MAX_FILE_BYTES, systemPath } from '#config/files.ts';
import { ConfigurationError, errorAt } from '#config/problem.ts';

/** Throws `ConfigurationError`. */
export function readListFile(path: string, uid: number, gid: number): string {
  let descriptor: number | undefined;
  try {
    descriptor = openSync(systemPath(path), constants.O_RDONLY | constants.O_NONBLOCK);
    const stats = fstatSync(descriptor);
    const fault = faultOf(path, stats, uid, gid);
    if (fault !== undefined) throw refusal(path, fault);
    const buffer = Buffer.alloc(stats.size + 1);
    const length = readSync(descriptor, buffer, 0, buffer.length, 0);
    return new TextDecoder('utf-8', { fatal: true }).decode(buffer.subarray(0, length));
  } catch (error) {
    if (error instanceof ConfigurationError) throw error;
    const code = error instanceof Error && 'code' in error ? String(error.code) : '';
    if (code === 'ENOENT') {
      throw refusal(path, 'the list of processes does not exist; write it or set [process] process_list_path');
    }
    if (error instanceof TypeError) throw refusal(path, 'the list of processes is not UTF-8');
    throw refusal(path, `the list of processes cannot be read (${code || String(error)})`);
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}

function refusal(path: string, message: string): ConfigurationError {
  return new ConfigurationError([errorAt({ file: path, line: 1, column: 1 }, message)]);
}

function faultOf(path: string, stats: Stats, uid: number, gid: number): string | undefined {
  const why = 'its commands are run with the rights of this monitor';
  if (!stats.isFile()) return 'this is no regular file';
  if (stats.size > MAX_FILE_BYTES) return `this is larger than ${MAX_FILE_BYTES} bytes`;
  if (stats.uid !== 0 && stats.uid !== uid) {
    return `this belongs to user ${stats.uid}, and ${why}; chown root ${path}`;
  }
  if ((stats.mode & 0o002) !== 0) return `everybody can write this, and ${why}; chmod o-w ${path}`;
  if ((stats.mode & 0o020) !== 0 && stats.gid !== 0 && stats.gid !== gid) {
    return `group ${stats.gid} can write this, and ${why}; chmod g-w ${path}`;
  }
  return undefined;
}

export const NO_FILE = 'none';

/** Differs whenever the file may have changed; `NO_FILE` while there is none. */
export function stampOf(path: string): string {
  try {
    const { dev, ino, size, mode, uid, gid, mtimeNs, ctimeNs } = statSync(systemPath(path), { bigint: true });
    return [dev, ino, size, mode, uid, gid, mtimeNs, ctimeNs].join(' ');
  } catch {
    return NO_FILE;
  }
}
