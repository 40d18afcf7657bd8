/**
 * Decides which folder may be an outbox: one that this program created, or an empty one, that no other user can change.
 *
 * Invariant: in any other folder nothing is moved, deleted, or given another mode. A user who can write into an outbox reports for this host.
 */
import { closeSync, lstatSync, mkdirSync, openSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { RANDOM_PART } from '#protocol/replaced-file.ts';
import { faultOfDirectory } from '#protocol/trusted-path.ts';
import { isTurnName } from './delivery-lock.ts';
import { ASIDE } from './set-aside.ts';

/** Marks a folder that was created for reports. */
export const MARKER = '.recovery-agent-outbox';
/** A number of 16 digits and the process that wrote it: two processes may take one number. */
export const REPORT = /^(\d{16})-\d+\.report$/;
/** Process, its start time, number and a random part. */
export const UNFINISHED = new RegExp(`^(\\d+)-(\\d+)-\\d+-${RANDOM_PART}\\.new$`);

/** Entries that are not reports and may be in an outbox. */
export function isKnownEntry(name: string): boolean {
  return [MARKER, ASIDE, 'lost+found'].includes(name) || isTurnName(name) || name.startsWith('.nfs');
}

function isOurs(name: string): boolean {
  return isKnownEntry(name) || REPORT.test(name) || UNFINISHED.test(name);
}

/** The reason why the folder is no outbox, without a full stop; undefined if it is one, or does not exist yet. Throws read errors. */
export function faultOfOutbox(folder: string): string | undefined {
  const found = lstatSync(folder, { throwIfNoEntry: false });
  if (found === undefined) return undefined;
  if (found.isSymbolicLink()) return `${folder} is a symbolic link; name the folder itself`;
  const fault = faultOfDirectory(folder);
  if (fault !== undefined) return fault;
  const names = readdirSync(folder);
  const foreign = names.includes(MARKER) ? undefined : names.find((name) => !isOurs(name));
  return foreign === undefined
    ? undefined
    : `${folder} is in use for something else (it contains "${foreign}"); name a folder that does not exist yet, or an empty one`;
}

/** Creates the folder if it is missing, and marks it. If it is no outbox, throws an error with the reason. */
export function claimOutbox(folder: string): void {
  const fault = faultOfOutbox(folder);
  if (fault !== undefined) throw new Error(fault);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  closeSync(openSync(join(folder, MARKER), 'a', 0o600));
}
