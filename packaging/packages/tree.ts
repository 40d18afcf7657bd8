/**
 * The tree of a package as a folder.
 *
 * Invariant: it depends on the description alone, not on the umask, the owner or the time of the build.
 */
import { chmodSync, copyFileSync, lutimesSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import type { Entry } from './description.ts';

/** Writes the entries below `root`, which is made; every time in it becomes `date` (seconds since 1970). */
export function writeTree(root: string, entries: readonly Entry[], date: number): void {
  const made = new Set<string>();
  const makeFolder = (folder: string, mode: number): void => {
    const target = join(root, folder);
    if (!made.has(target)) {
      if (relative(root, target) !== '') makeFolder(dirname(folder), 0o755);
      mkdirSync(target, { recursive: true });
      made.add(target);
      chmodSync(target, mode);
    } else if (mode !== 0o755) {
      chmodSync(target, mode);
    }
  };
  makeFolder('/', 0o755);
  const written: string[] = [];
  for (const entry of entries) {
    const target = join(root, entry.path);
    if (entry.is === 'directory') {
      makeFolder(entry.path, entry.mode);
      continue;
    }
    makeFolder(dirname(entry.path), 0o755);
    written.push(target);
    if (entry.is === 'link') {
      symlinkSync(entry.target, target);
      continue;
    }
    if (typeof entry.content === 'string' || Buffer.isBuffer(entry.content)) writeFileSync(target, entry.content);
    else copyFileSync(entry.content.copyOf, target);
    chmodSync(target, entry.mode);
  }
  // Folders last: writing into one changes its time.
  for (const path of [...written, ...made]) lutimesSync(path, date, date);
}
