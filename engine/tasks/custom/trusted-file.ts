/**
 * Whether a file may decide what runs as this user: nobody but root and this user can change it, or put another in its place.
 *
 * Invariant: every directory and every symbolic link on the way to the file is looked at, not only the file. In a directory like
 * /tmp (sticky) others can add names but not replace those of root and of this user, so it may stand on the way.
 */
import { lstatSync, readlinkSync, type Stats } from 'node:fs';
import { dirname, join } from 'node:path';

/** As the kernel does (ELOOP, path_resolution(7)). */
const MAX_LINKS = 40;
const OTHERS_CAN_WRITE = 0o022;
const STICKY = 0o1000;

/** What is wrong with it, as a sentence without an end; undefined when it can be trusted. */
export function faultOfFile(path: string): string | undefined {
  try {
    return walk(path);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code === 'ENOENT' || code === 'ENOTDIR') return `${path} does not exist`;
    return `${path} cannot be looked at: ${error instanceof Error ? error.message : String(error)}`;
  }
}

function walk(path: string): string | undefined {
  const rest = path.split('/').filter((name) => name !== '' && name !== '.');
  let directory = '/';
  let links = 0;
  const root = faultOf(directory, lstatSync(directory));
  if (root) return root;
  for (let name = rest.shift(); name !== undefined; name = rest.shift()) {
    if (name === '..') {
      directory = dirname(directory);
      continue;
    }
    const here = join(directory, name);
    const stats = lstatSync(here);
    const fault = faultOf(here, stats);
    if (fault) return fault;
    if (stats.isSymbolicLink()) {
      links += 1;
      if (links > MAX_LINKS) return `${path} goes through more than ${MAX_LINKS} symbolic links`;
      const target = readlinkSync(here);
      if (target.startsWith('/')) directory = '/';
      rest.unshift(...target.split('/').filter((part) => part !== '' && part !== '.'));
    } else if (stats.isDirectory()) {
      directory = here;
    } else if (rest.length > 0) {
      return `${path} does not exist`;
    } else {
      return stats.isFile() ? undefined : `${here} is no regular file`;
    }
  }
  return `${path} is a directory`;
}

function faultOf(here: string, stats: Stats): string | undefined {
  const ours = process.geteuid?.() ?? 0;
  if (stats.uid !== 0 && stats.uid !== ours) {
    return `${here} belongs to user ${stats.uid}, who could change what runs; chown root ${here}`;
  }
  // The mode of a link means nothing.
  if (stats.isSymbolicLink() || (stats.mode & OTHERS_CAN_WRITE) === 0) return undefined;
  if (stats.isDirectory() && (stats.mode & STICKY) !== 0) return undefined;
  const mode = (stats.mode & 0o7777).toString(8).padStart(4, '0');
  return `others than the owner can write to ${here} (mode ${mode}), and it decides what runs; chmod go-w ${here}`;
}
