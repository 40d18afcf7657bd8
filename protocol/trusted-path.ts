/**
 * Whether a file may decide what runs: nobody but root and one user can change it, or put another in its place.
 *
 * Invariant: every directory and every symbolic link on the way to the file is looked at, not only the file. In a directory like
 * /tmp (sticky) others can add names but not replace those of root and of this user, so it may stand on the way.
 */
import { lstatSync, readlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';

export interface Entry {
  readonly kind: 'file' | 'directory' | 'link' | 'other';
  readonly uid: number;
  /** Permission bits. */
  readonly mode: number;
  /** Of a link. */
  readonly target: string;
}

/** Undefined: there is nothing. Throws what keeps it from being seen. */
export type LookAt = (path: string) => Entry | undefined;

export interface Trust {
  /** Who may change it besides root. */
  readonly uid: number;
  /** `way`: all that leads to it; `file`: it alone, for whoever is not root and cannot help what lies around it. */
  readonly judge: 'way' | 'file';
}

/** As the kernel does (ELOOP, path_resolution(7)). */
const MAX_LINKS = 40;
const GROUP_OR_OTHERS = 0o022;
const STICKY = 0o1000;

export function lookAt(path: string): Entry | undefined {
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

/** By whom this process may be told what to run: by root and by itself. */
function ownTrust(): Trust {
  return { uid: process.geteuid?.() ?? 0, judge: 'way' };
}

/** What is wrong with it, as a sentence without an end; undefined when it can be trusted. */
export function faultOfFile(path: string, trust: Trust = ownTrust(), look: LookAt = lookAt): string | undefined {
  const found = resolveTrusted(path, trust, look);
  return 'fault' in found ? found.fault : undefined;
}

export type Resolved = { readonly fault: string } | { readonly path: string; readonly entry: Entry };

/** Follows the path to the regular file it leads to, or to what keeps that from being trusted. */
export function resolveTrusted(path: string, trust: Trust, look: LookAt = lookAt): Resolved {
  try {
    return walk(path, trust, look);
  } catch (error) {
    return { fault: `${path} cannot be looked at: ${error instanceof Error ? error.message : String(error)}` };
  }
}

function walk(path: string, trust: Trust, look: LookAt): Resolved {
  const ahead = path.split('/').filter((name) => name !== '' && name !== '.');
  let directory = '/';
  let links = 0;
  const root = look(directory);
  const fault = root && trust.judge === 'way' ? faultOf(directory, root, trust) : undefined;
  if (fault) return { fault };
  for (let name = ahead.shift(); name !== undefined; name = ahead.shift()) {
    if (name === '..') {
      directory = dirname(directory);
      continue;
    }
    const here = join(directory, name);
    const entry = look(here);
    if (!entry) return { fault: `${here} does not exist` };
    const isWay = entry.kind === 'directory' || entry.kind === 'link';
    const found = isWay && trust.judge === 'file' ? undefined : faultOf(here, entry, trust);
    if (found) return { fault: found };
    if (entry.kind === 'link') {
      links += 1;
      if (links > MAX_LINKS) return { fault: `${path} leads through more than ${MAX_LINKS} symbolic links` };
      if (entry.target.startsWith('/')) directory = '/';
      ahead.unshift(...entry.target.split('/').filter((part) => part !== '' && part !== '.'));
    } else if (entry.kind === 'directory') {
      directory = here;
    } else if (ahead.length > 0) {
      return { fault: `${here} is no directory` };
    } else {
      return entry.kind === 'file' ? { path: here, entry } : { fault: `${here} is no regular file` };
    }
  }
  return { fault: `${path} is a directory` };
}

function faultOf(here: string, { kind, uid, mode }: Entry, trust: Trust): string | undefined {
  if (uid !== 0 && uid !== trust.uid) {
    return `${here} belongs to user ${uid}, who could change what runs; chown root ${here}`;
  }
  // The mode of a link means nothing.
  if (kind === 'link' || (mode & GROUP_OR_OTHERS) === 0) return undefined;
  if (kind === 'directory' && (mode & STICKY) !== 0) return undefined;
  const bits = mode.toString(8).padStart(4, '0');
  return `others than the owner can write to ${here} (mode ${bits}), and it decides what runs; chmod go-w ${here}`;
}
