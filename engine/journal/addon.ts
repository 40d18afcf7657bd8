/**
 * The origin of SQLite's addon. In a checkout better-sqlite3 finds its own. In the executable the addon is an asset. It is loaded from the
 * root-owned copy that the packages install, otherwise from a file without a name, so that nothing is left on a disk and no name can be
 * raced for.
 */

import { closeSync, constants, lstatSync, openSync, readFileSync, writeSync } from 'node:fs';
import { isAbsolute } from 'node:path';
import type Database from 'better-sqlite3';
import { errorMessage } from '#protocol/error-message.ts';

type Sea = typeof import('node:sea');

const ASSET = 'better_sqlite3.node';
/** The file that the packages install; the hash in its name identifies the build of the addon. */
export const ADDON_DIRECTORY = '/usr/lib/recovery-agent';
/** O_TMPFILE | O_RDWR of Linux on x86-64. */
const UNNAMED = 0o20200000 | constants.O_RDWR;

let loaded: object | undefined;

function load(path: string): object {
  const module: { exports: object } = { exports: {} };
  process.dlopen(module, path);
  return module.exports;
}

/** A file that only root can have put there. */
function isTrusted(path: string): boolean {
  try {
    const file = lstatSync(path);
    return file.isFile() && file.uid === 0 && (file.mode & 0o022) === 0;
  } catch {
    return false;
  }
}

function loadUnnamed(directory: string, addon: Uint8Array): object {
  const handle = openSync(directory, UNNAMED, 0o500);
  try {
    for (let done = 0; done < addon.length; ) done += writeSync(handle, addon, done, addon.length - done);
    return load(`/proc/self/fd/${handle}`);
  } finally {
    closeSync(handle);
  }
}

function loadAsset(sea: Sea): object {
  const addon = new Uint8Array(sea.getRawAsset(ASSET));
  const hash = sea.getAsset('addon.sha256', 'utf8');
  const shipped = `${ADDON_DIRECTORY}/better_sqlite3-${hash.slice(0, 16)}.node`;
  const problems: string[] = [];
  if (isTrusted(shipped)) {
    if (
      process.getBuiltinModule('node:crypto').createHash('sha256').update(readFileSync(shipped)).digest('hex') === hash
    )
      return load(shipped);
    problems.push(`${shipped} is damaged`);
  }
  for (const directory of [process.env.STATE_DIRECTORY, '/var/lib/recovery-agent', '/dev/shm', '/tmp']) {
    if (!directory || !isAbsolute(directory)) continue;
    try {
      return loadUnnamed(directory, addon);
    } catch (error) {
      problems.push(`${directory}: ${errorMessage(error)}`);
    }
  }
  throw new Error(
    `SQLite cannot be loaded: no file system here allows it (${problems.join('; ')}); install the package`,
  );
}

/** Options for opening a database: the addon if this process has to provide it. */
export function withAddon(options: Database.Options): Database.Options {
  const sea = process.getBuiltinModule('node:sea');
  if (!sea.isSea()) return options;
  loaded ??= loadAsset(sea);
  // better-sqlite3 accepts an addon object as well as a path (lib/binding.js); the type only has the path.
  return { ...options, nativeBinding: loaded as unknown as string };
}
