/**
 * Decides whose processes count: a user of this host who starts a process with the name of a watched one must not hide its death.
 *
 * By default processes of root, of system users (ids below 1000), of the monitor's own user, and of ids without an account on this host
 * count; services in containers use such ids. Ids from 65536 on, which users get for their own containers (subuid(5)), do not count.
 */
import { spawnSync } from 'node:child_process';

const FIRST_PERSON = 1000;
const FIRST_SUBORDINATE = 65_536;
const TIMEOUT_MS = 5_000;
/** Exit code of getent(1) for a missing entry. */
const NOT_FOUND = 2;
/** A host with more users than this reads them from a directory, and has few of them at a time. */
const MAX_REMEMBERED = 10_000;

/** Whether ids have an account; ids that could not be looked up are missing. */
const accounts = new Map<number, boolean>();

/** @param users ids that the list allows for the entry; undefined: the default */
export function countsUser(uid: number, users: readonly number[] | undefined): boolean {
  if (users !== undefined) return users.includes(uid);
  if (uid < 0) return false;
  if (uid < FIRST_PERSON || uid === process.geteuid?.()) return true;
  return uid < FIRST_SUBORDINATE && hasAccount(uid) !== true;
}

/** Undefined if it cannot be looked up: such an id counts. Each new id costs one run of getent. */
function hasAccount(uid: number): boolean | undefined {
  const known = accounts.get(uid);
  if (known !== undefined) return known;
  const { status } = spawnSync('getent', ['passwd', String(uid)], { timeout: TIMEOUT_MS, stdio: 'ignore' });
  if (status !== 0 && status !== NOT_FOUND) return undefined;
  if (accounts.size >= MAX_REMEMBERED) accounts.clear();
  accounts.set(uid, status === 0);
  return status === 0;
}
