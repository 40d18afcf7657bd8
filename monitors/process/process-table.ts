/**
 * The processes of the host with their command lines: the last column of `ps -ef`.
 *
 * Invariant: a table without the processes of other users is never returned, because a living process would be missing from it.
 */
import { readdirSync, readFileSync } from 'node:fs';
import type { PlainEntry } from './entry.ts';
import { countsUser } from './process-users.ts';
import { uidOf } from './user.ts';

export interface Running {
  readonly pid: number;
  readonly processGroup: number;
  /** The real user id, if the table has it; else `matching` reads it for the few processes that have the name. */
  readonly uid?: number;
  /** The arguments, separated by blanks; the name in brackets if there are none, as for threads of the kernel. */
  readonly commandLine: string;
}

/** The processes cannot be read. */
export class NoProcessTable extends Error {
  override readonly name = 'NoProcessTable';
}

export type ReadTable = () => Promise<readonly Running[]>;

/** From /proc, else from systeminformation's list. Throws `NoProcessTable`. */
export async function readProcessTable(procFs = '/proc'): Promise<readonly Running[]> {
  const table = readProcFs(procFs) ?? (await listOfSystemInformation());
  // Process 1 always exists; with hidepid (proc(5)) and without the rights for it, it is hidden.
  if (table.some(({ pid }) => pid === 1)) return table;
  const advice = 'run the monitor as root, or give it the group of the mount option gid= (proc(5), hidepid)';
  throw new NoProcessTable(`neither ${procFs} nor ps shows the processes of other users; ${advice}`);
}

/** Undefined if /proc hides processes or does not exist. */
function readProcFs(procFs: string): readonly Running[] | undefined {
  let names: readonly string[];
  try {
    names = readdirSync(procFs);
    readFileSync(`${procFs}/1/stat`);
  } catch {
    return undefined;
  }
  return names.flatMap((name) => {
    if (!/^\d+$/.test(name)) return [];
    const running = readRunning(procFs, Number(name));
    return running === undefined ? [] : [running];
  });
}

/** Undefined if it has ended or is a zombie. */
export function readRunning(procFs: string, pid: number): Running | undefined {
  try {
    const stat = parseStat(readFileSync(`${procFs}/${pid}/stat`, 'latin1'));
    if (stat === undefined || !isLiving(stat.state, `${procFs}/${pid}`)) return undefined;
    const words = readFileSync(`${procFs}/${pid}/cmdline`, 'utf8').replace(/\0+$/, '').replaceAll('\0', ' ');
    return { pid, processGroup: stat.processGroup, commandLine: words === '' ? `[${stat.name}]` : words };
  } catch {
    return undefined;
  }
}

export interface ProcessStat {
  readonly name: string;
  readonly state: string;
  readonly processGroup: number;
}

/** Fields of /proc/PID/stat (proc(5)); the name in parentheses may contain blanks and parentheses. */
export function parseStat(stat: string): ProcessStat | undefined {
  const end = stat.lastIndexOf(')');
  const [state, , group] = stat.slice(end + 2).split(' ', 3);
  if (end < 0 || !state) return undefined;
  return { name: stat.slice(stat.indexOf('(') + 1, end), state, processGroup: Number(group) };
}

/** A zombie does not run, unless only its first thread has ended. */
export function isLiving(state: string, directory: string): boolean {
  if (state !== 'Z' && state !== 'X') return true;
  try {
    return readdirSync(`${directory}/task`).length > 1;
  } catch {
    return false;
  }
}

async function listOfSystemInformation(): Promise<readonly Running[]> {
  const { processes } = await import('systeminformation');
  const { list } = await processes();
  const uids = new Map<string, number>();
  for (const { user } of list) if (!uids.has(user)) uids.set(user, uidOf(user) ?? 0);
  return list
    .filter(({ state }) => state !== 'zombie')
    .map(({ pid, path, command, params, user }) => {
      const program = path === '' || path === undefined ? command : `${path}/${command}`;
      return {
        pid,
        processGroup: 0,
        uid: uids.get(user) ?? 0,
        commandLine: params === '' ? program : `${program} ${params}`,
      };
    });
}

const QEMU = /^(?:.*\/)?(?:qemu-system-[^/ ]+|qemu-kvm|kvm)$/;

/** The text in which names are searched. For QEMU only its program: tenants choose parts of its arguments, e.g. of a guest's kernel. */
function namedBy({ commandLine }: Running): string {
  const [program = ''] = commandLine.split(' ', 1);
  return QEMU.test(program) ? program : commandLine;
}

/**
 * Masakari's rule: a process is up while its name is a part of a command line. Not counted are this process, the commands
 * that it is running (which often contain the name), guests of QEMU, and processes of users who may not run it.
 *
 * @param users ids of users whose processes count; without it see process-users.ts
 */
export function matching(
  table: readonly Running[],
  { processName, users, runAs }: Pick<PlainEntry, 'processName'> & Partial<Pick<PlainEntry, 'users' | 'runAs'>>,
  ownGroups: ReadonlySet<number>,
): { readonly found: readonly Running[]; readonly foreign: readonly Running[] } {
  const named = table.filter(
    (one) =>
      one.pid !== process.pid &&
      !ownGroups.has(one.processGroup) &&
      !ownGroups.has(one.pid) &&
      namedBy(one).includes(processName),
  );
  // A process that it restarts runs as that user.
  const own = typeof runAs === 'object' && users === undefined ? runAs.uid : undefined;
  const started = named.map((one) => ({ ...one, uid: one.uid ?? realUid(one.pid) }));
  const counts = ({ uid }: { readonly uid: number }): boolean => uid === own || countsUser(uid, users);
  return { found: started.filter(counts), foreign: started.filter((one) => !counts(one)) };
}

/** The user who started it, also for a set-user-ID program; -1 if it has ended. */
function realUid(pid: number): number {
  try {
    return Number(/^Uid:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1] ?? -1);
  } catch {
    return -1;
  }
}

/** The reason why an entry is down, as text: also the processes that have its name and do not count. */
export function downDetail(foreign: readonly Running[]): string {
  const [first] = foreign;
  if (first === undefined) return 'in no command line';
  const more = foreign.length > 1 ? ` and ${foreign.length - 1} more` : '';
  return `in no command line of a user that counts (pid ${first.pid} of user ${first.uid}${more} does not; see users in the list)`;
}
