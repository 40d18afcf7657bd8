/**
 * Whether a program may be run: nobody but root and the user it runs as can change what it does.
 *
 * Invariant: every directory on the way to the file is judged, those of symbolic links too, for whoever can write to one of
 * them can put another file in its place. In a directory with the sticky bit only the owner of an entry can do that.
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

const GROUP_OR_OTHERS = 0o022;
const STICKY = 0o1000;
const ANY_EXECUTE = 0o111;
/** As the kernel's limit (path_resolution(7)). */
const MAX_LINKS = 40;

export function lookAt(path: string): Entry | undefined {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (!found) return undefined;
  const isLink = found.isSymbolicLink();
  return {
    kind: isLink ? 'link' : found.isFile() ? 'file' : found.isDirectory() ? 'directory' : 'other',
    uid: found.uid,
    mode: found.mode & 0o7777,
    target: isLink ? readlinkSync(path) : '',
  };
}

interface Trust {
  /** Of the user that the program runs as; root is trusted always. */
  readonly uid: number;
  /** `directories`: for an engine that runs as root. */
  readonly judge: 'file' | 'directories';
}

/** Why the program may not be run; completes a sentence about its task. Undefined: it may. */
export function faultOfProgram(path: string, trust: Trust, look: LookAt = lookAt): string | undefined {
  try {
    return walk(path, trust, look);
  } catch (error) {
    return `cannot be run: ${path} cannot be looked at: ${error instanceof Error ? error.message : String(error)}`;
  }
}

function walk(path: string, trust: Trust, look: LookAt): string | undefined {
  let at = '/';
  let links = 0;
  const ahead = path.split('/').filter((name) => name !== '' && name !== '.');
  for (;;) {
    const name = ahead.shift();
    if (name === undefined) return `cannot be run: ${path} is a directory`;
    if (name === '..') {
      at = dirname(at);
      continue;
    }
    const next = join(at, name);
    const entry = look(next);
    if (!entry) return `cannot be run: ${next} does not exist`;
    const open = trust.judge === 'directories' ? faultOfDirectory(at, entry, trust, look) : undefined;
    if (open) return `may not be run: whoever can write to ${at} can exchange ${path}: ${open}`;
    if (entry.kind === 'link') {
      links += 1;
      if (links > MAX_LINKS) return `cannot be run: ${path} leads through more than ${MAX_LINKS} symbolic links`;
      ahead.unshift(...entry.target.split('/').filter((part) => part !== '' && part !== '.'));
      if (entry.target.startsWith('/')) at = '/';
    } else if (entry.kind === 'directory') at = next;
    else if (ahead.length > 0) return `cannot be run: ${next} is no directory`;
    else return faultOfFile(next, entry, trust);
  }
}

function isTrusted(owner: number, { uid }: Trust): boolean {
  return owner === 0 || owner === uid;
}

function faultOfDirectory(path: string, entry: Entry, trust: Trust, look: LookAt): string | undefined {
  const directory = look(path);
  if (!directory) return `${path} does not exist`;
  if (!isTrusted(directory.uid, trust)) return `it belongs to user ${directory.uid}; chown root ${path}`;
  if ((directory.mode & GROUP_OR_OTHERS) === 0) return undefined;
  if ((directory.mode & STICKY) !== 0 && isTrusted(entry.uid, trust)) return undefined;
  return `its mode is ${octal(directory.mode)}; chmod go-w ${path}`;
}

function faultOfFile(path: string, { kind, uid, mode }: Entry, trust: Trust): string | undefined {
  if (kind !== 'file') return `cannot be run: ${path} is no regular file`;
  if (!isTrusted(uid, trust))
    return `may not be run: ${path} belongs to user ${uid}, who can change it; chown root ${path}`;
  if ((mode & GROUP_OR_OTHERS) !== 0)
    return `may not be run: others than its owner can change ${path} (mode ${octal(mode)}); chmod go-w ${path}`;
  if ((mode & ANY_EXECUTE) === 0) return `cannot be run: ${path} is not executable; chmod +x ${path}`;
  return undefined;
}

function octal(mode: number): string {
  return mode.toString(8).padStart(4, '0');
}
