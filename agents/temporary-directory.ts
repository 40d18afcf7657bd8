/** A directory for what a demonstration or a simulation leaves, also where TMPDIR names none that can be used. */
import { accessSync, constants, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CommandFailure, EXIT } from './exit-codes.ts';

const MEMORY = '/dev/shm';
const USUAL = ['/tmp', '/var/tmp'];

/**
 * Makes a new directory, of mode 0700: in TMPDIR, else where temporary files usually are.
 *
 * @param lasts `short`: it need not survive a power cut, and without TMPDIR is kept in memory, which saves the journal's syncs
 * @throws CommandFailure that names what was tried
 */
export function makeTemporaryDirectory(prefix: string, lasts: 'short' | 'long' = 'long'): string {
  const memory = lasts === 'short' && !process.env.TMPDIR ? [MEMORY] : [];
  const places = [...new Set([...memory, tmpdir(), ...USUAL])];
  const place = places.find(isWritable);
  if (place !== undefined) return mkdtempSync(join(place, prefix));
  const reason = `no directory for temporary files can be written to: ${places.join(', ')}`;
  throw new CommandFailure(EXIT.failed, `${reason}; set TMPDIR to one`);
}

function isWritable(place: string): boolean {
  try {
    accessSync(place, constants.W_OK | constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
