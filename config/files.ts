/** Reading a configuration file as it is, without being kept by it: no pipes, no devices, nothing of any size. */

import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { join } from 'node:path';

/** A configuration file larger than this is a mistake. */
export const MAX_FILE_BYTES = 1_048_576;

/** Where the system's own files are searched, in place of "/": for trials and tests, which must not depend on the machine. */
const ROOT_VARIABLE = 'RECOVERY_AGENT_ROOT';
/** Folders of the system in which files are searched that no option names. */
const SYSTEM_FOLDERS = ['/etc/', '/usr/lib/recovery-agent/', '/usr/lib/systemd/', '/lib/systemd/', '/sys/'];

/** The path at which a file is read: below the root that the environment names, if it is one of the system's. */
export function systemPath(path: string): string {
  const root = process.env[ROOT_VARIABLE];
  const isOfSystem = SYSTEM_FOLDERS.some((folder) => path.startsWith(folder));
  return root && isOfSystem ? join(root, path) : path;
}

export interface FileContent {
  readonly bytes: Uint8Array;
  /** As in `stat`: who may read it. */
  readonly mode: number;
  /** User id; undefined where nobody knows. */
  readonly owner?: number;
}

/** The content of a regular file, cut one byte above the largest size; undefined when there is none. */
export function readConfigurationFile(path: string): FileContent | undefined {
  let descriptor: number;
  try {
    descriptor = openSync(systemPath(path), constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    if (error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR')) {
      return undefined;
    }
    throw error;
  }
  try {
    const status = fstatSync(descriptor);
    if (!status.isFile()) throw new Error(`${path} is no regular file`);
    const buffer = Buffer.alloc(Math.min(status.size, MAX_FILE_BYTES) + 1);
    let length = 0;
    while (length < buffer.length) {
      const read = readSync(descriptor, buffer, length, buffer.length - length, null);
      if (read === 0) break;
      length += read;
    }
    return { bytes: buffer.subarray(0, length), mode: status.mode, owner: status.uid };
  } finally {
    closeSync(descriptor);
  }
}
