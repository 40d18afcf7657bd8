/**
 * Replaces a file as a whole: status and state files, process files, reports.
 *
 * Invariants: a reader sees the old or the new content, never a part. The new content is written to a file that this process creates
 * itself (O_EXCL, O_NOFOLLOW) under a name that other users cannot predict, so they cannot put a link or a file of theirs in its place.
 */
import { randomBytes } from 'node:crypto';
import { closeSync, constants, fsyncSync, openSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

export interface Replacement {
  readonly path: string;
  readonly text: string;
  /** Permission bits of the file, before the umask. */
  readonly mode: number;
  /** The data on the disk at the return: none for certain, the content, or the content and its name. */
  readonly durable: 'no' | 'content' | 'content and name';
}

const CREATE = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
const RANDOM_BYTES = 16;
/** Of `unpredictable`. */
export const RANDOM_PART = `[0-9a-f]{${RANDOM_BYTES * 2}}`;
const END = new RegExp(`^\\.${RANDOM_PART}\\.new$`);

/** A part of a name that no other user can create in advance. */
export function unpredictable(): string {
  return randomBytes(RANDOM_BYTES).toString('hex');
}

/** Creates a file that did not exist. Throws EEXIST if anything has the name, a link included. */
export function createFile(path: string, mode: number): Promise<FileHandle> {
  return open(path, CREATE, mode);
}

/** Creates a file with its content on the disk, and nothing if that fails. Throws EEXIST if anything has the name. */
export async function createWholeFile(path: string, text: string, mode: number): Promise<void> {
  const file = await createFile(path, mode);
  try {
    await file.writeFile(text);
    await file.sync();
  } catch (error) {
    await rm(path, { force: true });
    throw error;
  } finally {
    await file.close();
  }
}

function unfinishedName(path: string): string {
  return join(dirname(path), `.${basename(path)}.${unpredictable()}.new`);
}

/** If it fails it throws the system's error, and leaves only the old file. */
export function replaceFile({ path, text, mode, durable }: Replacement): void {
  const unfinished = unfinishedName(path);
  try {
    const descriptor = openSync(unfinished, CREATE, mode);
    try {
      writeFileSync(descriptor, text);
      if (durable !== 'no') fsyncSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
    renameSync(unfinished, path);
  } catch (error) {
    rmSync(unfinished, { force: true });
    throw error;
  }
  if (durable === 'content and name') syncFolder(dirname(path));
}

/** A new name is durable when its folder is (rename(2), fsync(2)). */
function syncFolder(folder: string): void {
  const descriptor = openSync(folder, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

/** The same for slow storage. `beforeRename` is called when the content is complete. */
export async function replaceFileSlowly(
  { path, text, mode, durable }: Replacement,
  beforeRename: () => void = () => {},
): Promise<void> {
  const unfinished = unfinishedName(path);
  try {
    {
      await using file = await createFile(unfinished, mode);
      await file.writeFile(text);
      if (durable !== 'no') await file.datasync();
    }
    beforeRename();
    await rename(unfinished, path);
  } catch (error) {
    await rm(unfinished, { force: true });
    throw error;
  }
  if (durable !== 'content and name') return;
  await using folder = await open(dirname(path), constants.O_RDONLY | constants.O_DIRECTORY);
  await folder.sync();
}

/**
 * Removes the files that killed processes left of replacements of this file. For the one process that replaces it, before its first
 * replacement. Never throws: a file that stays costs some bytes.
 */
export function removeUnfinished(path: string): void {
  const prefix = `.${basename(path)}`;
  try {
    for (const name of readdirSync(dirname(path))) {
      if (name.startsWith(prefix) && END.test(name.slice(prefix.length))) rmSync(join(dirname(path), name));
    }
  } catch {
    // The folder does not exist yet, or its storage does not respond.
  }
}
