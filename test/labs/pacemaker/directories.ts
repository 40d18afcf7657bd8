import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

/**
 * The folders of labs. The kernel clears processes, mounts and networks of a killed run away; its folder is left, and
 * goes when the next lab starts.
 *
 * Invariant: a folder goes only when it bears the mark of a program that runs no more. A stopped lab's bears none: its logs
 * stay for the developer who reads them.
 */

const PREFIX = 'pacemaker-lab-';
const OWNER_FILE = 'owner';

/** An empty folder for one lab, owned by this process. */
export function claimDirectory(directory?: string): string {
  removeKilledRuns();
  const claimed = resolve(directory ?? mkdtempSync(join(tmpdir(), PREFIX)));
  mkdirSync(claimed, { recursive: true });
  if (isInUse(claimed)) throw new Error(`Another lab lives in ${claimed}: stop it, or give this one another folder.`);
  for (const entry of ['machines', 'shared', 'log', 'node', 'power']) {
    rmSync(join(claimed, entry), { recursive: true, force: true });
  }
  writeFileSync(join(claimed, OWNER_FILE), identity(process.pid) ?? '');
  return claimed;
}

/** All but the logs goes. */
export function releaseDirectory(directory: string): void {
  for (const entry of ['machines', 'shared', 'node', 'power', OWNER_FILE]) {
    rmSync(join(directory, entry), { recursive: true, force: true });
  }
}

function removeKilledRuns(): void {
  for (const name of readdirSync(tmpdir())) {
    const directory = join(tmpdir(), name);
    if (!name.startsWith(PREFIX) || ownerOf(directory) === undefined || isInUse(directory)) continue;
    rmSync(directory, { recursive: true, force: true });
  }
}

function isInUse(directory: string): boolean {
  const owner = ownerOf(directory);
  return owner !== undefined && owner !== '' && identity(Number(owner.split(' ')[0])) === owner;
}

function ownerOf(directory: string): string | undefined {
  try {
    return readFileSync(join(directory, OWNER_FILE), 'utf8');
  } catch {
    return undefined;
  }
}

/** The pid and the start of the process (field 22, in ticks since boot): a pid alone may have been reused. */
function identity(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // `pid (name) state …`; the name may hold anything, so read from its closing bracket on.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    // Dead, and only not buried yet.
    if (fields[0] === 'Z' || fields[0] === 'X') return undefined;
    return `${pid} ${fields[19]}`;
  } catch {
    return undefined;
  }
}
