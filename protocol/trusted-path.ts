/**
 * Decides whether a file or directory may control what runs, whom we trust, or where secrets are sent: only root and one user can change it,
 * or put another in its place. The one rule of the program for this question.
 *
 * Invariant: every directory and every symbolic link on the path to the file is checked, not only the file. In a directory like
 * /tmp (sticky) other users can add names but not replace those of root and of this user, so it may be on the path.
 */

import { lstatSync, readlinkSync } from 'node:fs';
import { dirname, isAbsolute, join } from 'node:path';
import { errorMessage } from './error-message.ts';

export interface Entry {
  readonly kind: 'file' | 'directory' | 'link' | 'other';
  readonly uid: number;
  /** Permission bits. */
  readonly mode: number;
  /** Of a link. */
  readonly target: string;
}

/** Undefined: there is no such entry. Throws if it cannot be read. */
export type Inspect = (path: string) => Entry | undefined;

export interface Trust {
  /** The user who may change it besides root. */
  readonly uid: number;
  /** `way`: the whole path; `file`: only the file, for a user who is not root and cannot change its surroundings. */
  readonly scope: 'way' | 'file';
}

/** As the kernel does (ELOOP, path_resolution(7)). */
const MAX_LINKS = 40;
const GROUP_OR_OTHERS = 0o022;
const STICKY = 0o1000;
const NOUNS = { file: 'regular file', directory: 'directory' } as const;

export function inspect(path: string): Entry | undefined {
  let found: ReturnType<typeof lstatSync>;
  try {
    found = lstatSync(path);
  } catch (error) {
    if (error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR')) {
      return undefined;
    }
    throw error;
  }
  const isLink = found.isSymbolicLink();
  return {
    kind: isLink ? 'link' : found.isFile() ? 'file' : found.isDirectory() ? 'directory' : 'other',
    uid: Number(found.uid),
    mode: Number(found.mode) & 0o7777,
    target: isLink ? readlinkSync(path) : '',
  };
}

/** Files of root and of the user that this process runs as. */
export function ownTrust(): Trust {
  return { uid: process.geteuid?.() ?? 0, scope: 'way' };
}

/** The fault of a file, as a sentence without a full stop; undefined if it can be trusted. */
export function faultOfFile(path: string, trust: Trust = ownTrust(), read: Inspect = inspect): string | undefined {
  const found = resolveTrusted(path, trust, read);
  return 'fault' in found ? found.fault : undefined;
}

/** The same for a directory. */
export function faultOfDirectory(path: string, trust: Trust = ownTrust(), read: Inspect = inspect): string | undefined {
  const found = resolveTrusted(path, trust, read, 'directory');
  return 'fault' in found ? found.fault : undefined;
}

export type Resolved = { readonly fault: string } | { readonly path: string; readonly entry: Entry };

/** Follows the path to its regular file (or directory), or to the reason why that is not trusted. */
export function resolveTrusted(
  path: string,
  trust: Trust,
  read: Inspect = inspect,
  wanted: 'file' | 'directory' = 'file',
): Resolved {
  try {
    return walk(isAbsolute(path) ? path : `${process.cwd()}/${path}`, trust, read, wanted);
  } catch (error) {
    return { fault: `${path} cannot be checked: ${errorMessage(error)}` };
  }
}

function walk(path: string, trust: Trust, read: Inspect, wanted: 'file' | 'directory'): Resolved {
  const ahead = path.split('/').filter((name) => name !== '' && name !== '.');
  let directory = '/';
  let links = 0;
  const root = read(directory);
  const fault = root && trust.scope === 'way' ? faultOf(directory, root, trust) : undefined;
  if (fault) return { fault };
  for (let name = ahead.shift(); name !== undefined; name = ahead.shift()) {
    if (name === '..') {
      directory = dirname(directory);
      continue;
    }
    const here = join(directory, name);
    const entry = read(here);
    if (!entry) return { fault: `${here} does not exist` };
    const isWay = entry.kind === 'directory' || entry.kind === 'link';
    const found = isWay && trust.scope === 'file' ? undefined : faultOf(here, entry, trust);
    if (found) return { fault: found };
    if (entry.kind === 'link') {
      links += 1;
      if (links > MAX_LINKS) return { fault: `${path} leads through more than ${MAX_LINKS} symbolic links` };
      if (entry.target.startsWith('/')) directory = '/';
      ahead.unshift(...entry.target.split('/').filter((part) => part !== '' && part !== '.'));
    } else if (entry.kind === 'directory') {
      if (wanted === 'directory' && ahead.length === 0) return { path: here, entry };
      directory = here;
    } else if (ahead.length > 0) {
      return { fault: `${here} is no directory` };
    } else {
      const isWanted = wanted === 'file' && entry.kind === 'file';
      return isWanted ? { path: here, entry } : { fault: `${here} is no ${NOUNS[wanted]}` };
    }
  }
  return { fault: `${path} is a directory` };
}

/** The fault of one entry on the path, or at its end. */
export function faultOf(here: string, { kind, uid, mode }: Omit<Entry, 'target'>, trust: Trust): string | undefined {
  const bits = mode.toString(8).padStart(4, '0');
  if (uid !== 0 && uid !== trust.uid) {
    return `${here} belongs to user ${uid} (mode ${bits}), who can change it; chown root ${here}`;
  }
  // The mode of a link has no effect.
  if (kind === 'link' || (mode & GROUP_OR_OTHERS) === 0) return undefined;
  if (kind === 'directory' && (mode & STICKY) !== 0) return undefined;
  return `others than the owner can write to ${here} (user ${uid}, mode ${bits}); chmod go-w ${here}`;
}
