import { appendFileSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { waitUntil } from '../waiting.ts';

/**
 * Which process groups belong to a lab, and how they end.
 *
 * Invariant: a process is killed only when its group stands in the lab's list and its environment names the lab: a pid
 * may have been given to somebody else in the meantime, and a name proves nothing.
 */

/** Every process of a lab carries this variable. */
export const LAB_VARIABLE = 'RECOVERY_AGENT_LAB';

/** Its value: the directory, and a word that tells one lab of this directory from the next; all of them without a word. */
export const labMark = (directory: string, word = ''): string => `${directory}:${word}`;

const listOf = (directory: string): string => join(directory, 'process-groups');

export function recordGroup(directory: string, group: number): void {
  appendFileSync(listOf(directory), `${group}\n`);
}

export function forgetGroups(directory: string): void {
  rmSync(listOf(directory), { force: true });
}

/** Kills what runs of the labs of this directory whose mark begins so, and waits until it is gone. */
export async function endGroups(directory: string, mark: string): Promise<void> {
  const groups = recordedGroups(directory);
  await waitUntil({ what: `the processes of ${directory} to end`, seconds: 10, everyMs: 20 }, () => {
    const living = livingGroups(mark, groups);
    for (const group of living) signalGroup(group, 'SIGKILL');
    return living.size === 0 ? true : undefined;
  });
}

/** Kills one group of the lab, and waits until it is gone. */
export async function endGroup(mark: string, group: number): Promise<void> {
  await waitUntil({ what: `process group ${group} to end`, seconds: 10, everyMs: 20 }, () => {
    if (livingGroups(mark, new Set([group])).size === 0) return true;
    signalGroup(group, 'SIGKILL');
    return undefined;
  });
}

function recordedGroups(directory: string): Set<number> {
  try {
    return new Set(readFileSync(listOf(directory), 'utf8').split('\n').filter(Boolean).map(Number));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return new Set();
    throw error;
  }
}

/** Those of the groups that have a living process with this mark. */
function livingGroups(mark: string, groups: ReadonlySet<number>): Set<number> {
  const living = new Set<number>();
  for (const name of readdirSync('/proc').filter((entry) => /^\d+$/.test(entry))) {
    try {
      // `pid (name) state parent group …`; the name may hold anything, so read from its closing bracket on.
      const stat = readFileSync(`/proc/${name}/stat`, 'latin1');
      const [state, , group] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      if (state === 'Z' || state === 'X' || !groups.has(Number(group))) continue;
      const environment = readFileSync(`/proc/${name}/environ`, 'utf8').split('\0');
      if (environment.some((entry) => entry.startsWith(`${LAB_VARIABLE}=${mark}`))) living.add(Number(group));
    } catch {
      // it ended while we looked, or belongs to another user
    }
  }
  return living;
}

function signalGroup(group: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-group, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
