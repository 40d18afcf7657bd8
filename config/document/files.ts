/** Reads a configuration file as it is, without blocking on it: no pipes, no devices, nothing of unlimited size. */

import { closeSync, constants, fstatSync, openSync, readdirSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { faultOfFile } from '#protocol/trusted-path.ts';

/** A configuration file larger than this is a mistake. */
export const MAX_FILE_BYTES = 1_048_576;

/** Folder that replaces "/" for the system's own files: for trials and tests, which must not depend on the machine. */
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
  /** As in `stat`: the users who may read it. */
  readonly mode: number;
  /** Why the file is not trusted, by the rule of protocol/trusted-path.ts; undefined if it is. */
  readonly distrust?: string | undefined;
}

/** A file that others could have written. */
export class Distrusted extends Error {
  override readonly name = 'Distrusted';
}

/** Why a file cannot be used, for a message: the code of the system, or the reason of a refusal. */
export function whyUnusable(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return 'code' in error ? String(error.code) : error.message;
}

/**
 * The content of a file that decides what runs, whom we trust or where secrets go; undefined when there is none.
 *
 * @throws Distrusted, and what keeps it from being read (see `whyUnusable`)
 */
export function readTrustedFile(path: string, maxBytes: number = MAX_FILE_BYTES): FileContent | undefined {
  const content = readConfigurationFile(path, maxBytes);
  if (content?.distrust !== undefined) throw new Distrusted(content.distrust);
  return content;
}

/** Names of the entries of a folder; none when there is no such folder. */
export function listConfigurationFolder(path: string): readonly string[] {
  try {
    return readdirSync(systemPath(path));
  } catch (error) {
    if (error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR')) return [];
    throw error;
  }
}

/**
 * The content of a regular file, cut one byte above the largest size; undefined when there is none. For callers that report `distrust`
 * together with other problems; all others use `readTrustedFile`.
 */
export function readConfigurationFile(path: string, maxBytes: number = MAX_FILE_BYTES): FileContent | undefined {
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
    const buffer = Buffer.alloc(Math.min(status.size, maxBytes) + 1);
    let length = 0;
    while (length < buffer.length) {
      const read = readSync(descriptor, buffer, length, buffer.length - length, null);
      if (read === 0) break;
      length += read;
    }
    return { bytes: buffer.subarray(0, length), mode: status.mode, distrust: faultOfFile(systemPath(path)) };
  } finally {
    closeSync(descriptor);
  }
}

/** How the configuration is read from the disk. */
export const CONFIGURATION_FILES = { readFile: readConfigurationFile, listFolder: listConfigurationFolder };
