import { appendFileSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { waitUntil } from '../waiting.ts';

/**
 * Which process groups belong to a lab, and how they end.
 *
 * Invariant: a process is killed only if the lab's list contains its group and its environment names the lab: a pid
 * may have been reused in the meantime, and a name proves nothing.
 */

/** Every process of a lab carries this variable. */
export const LAB_VARIABLE = 'RECOVERY_AGENT_LAB';

/** Its value: the directory, and a word that distinguishes one lab of this directory from the next; all of them without a word. */
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
    return endNow(mark, groups);
  });
}

/** Kills one group of the lab, and waits until it is gone. */
export async function endGroup(mark: string, group: number): Promise<void> {
  await waitUntil({ what: `process group ${group} to end`, seconds: 10, everyMs: 20 }, () => {
    return endNow(mark, new Set([group]));
  });
}

/** True when none of them runs any more. */
function endNow(mark: string, groups: ReadonlySet<number>): true | undefined {
  const { marked, ending } = livingGroups(mark, groups);
  for (const group of marked) signalGroup(group, 'SIGKILL');
  return marked.size + ending.size === 0 ? true : undefined;
}

function recordedGroups(directory: string): Set<number> {
  try {
    return new Set(readFileSync(listOf(directory), 'utf8').split('\n').filter(Boolean).map(Number));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return new Set();
    throw error;
  }
}

/** Those of the groups that have a living process with this mark, and those that have one that is still ending. */
function livingGroups(mark: string, groups: ReadonlySet<number>): { marked: Set<number>; ending: Set<number> } {
  const marked = new Set<number>();
  const ending = new Set<number>();
  for (const name of readdirSync('/proc').filter((entry) => /^\d+$/.test(entry))) {
    try {
      // `pid (name) state parent group …`; the name may hold anything, so read from its closing bracket on.
      const stat = readFileSync(`/proc/${name}/stat`, 'latin1');
      const [state = '', , group] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      if (!groups.has(Number(group)) || hasEnded(name, state)) continue;
      const environment = readFileSync(`/proc/${name}/environ`, 'utf8');
      if (environment === '') ending.add(Number(group));
      if (environment.split('\0').some((entry) => isMark(entry, mark))) marked.add(Number(group));
    } catch {
      // it ended during the read, or belongs to another user
    }
  }
  return { marked, ending };
}

const isMark = (entry: string, mark: string): boolean => entry.startsWith(`${LAB_VARIABLE}=${mark}`);

/**
 * A process that was killed loses its memory, and with it its environment, before its sockets are closed; they are closed once it is a
 * zombie that has no other thread left.
 */
function hasEnded(pid: string, state: string): boolean {
  return (state === 'Z' || state === 'X') && readdirSync(`/proc/${pid}/task`).length <= 1;
}

function signalGroup(group: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-group, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
