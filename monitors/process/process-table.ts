/**
 * Which processes there are, and with which command line: what `ps -ef` would print in its last column.
 *
 * Invariant: a table that does not show everybody's processes is never given out, for in it a living process looks dead.
 */
import { readdirSync, readFileSync } from 'node:fs';

export interface Running {
  readonly pid: number;
  readonly processGroup: number;
  /** The arguments with blanks between them; the name in brackets if there are none, as for threads of the kernel. */
  readonly commandLine: string;
}

/** The processes cannot be seen. */
export class NoProcessTable extends Error {
  override readonly name = 'NoProcessTable';
}

export type ReadTable = () => Promise<readonly Running[]>;

/** From /proc, else from systeminformation's list. Throws `NoProcessTable`. */
export async function readProcessTable(procFs = '/proc'): Promise<readonly Running[]> {
  const table = readProcFs(procFs) ?? (await listOfSystemInformation());
  // The first process is always there; with hidepid (proc(5)) and without the rights for it, it is not to be seen.
  if (table.some(({ pid }) => pid === 1)) return table;
  const advice = 'run the monitor as root, or give it the group of the mount option gid= (proc(5), hidepid)';
  throw new NoProcessTable(`neither ${procFs} nor ps shows the processes of other users; ${advice}`);
}

/** Undefined when /proc hides processes or is not there. */
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

/** Undefined when it is gone or is a zombie. */
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

/** Fields of /proc/PID/stat (proc(5)); the name in parentheses may hold blanks and parentheses of its own. */
export function parseStat(stat: string): ProcessStat | undefined {
  const end = stat.lastIndexOf(')');
  const [state, , group] = stat.slice(end + 2).split(' ', 3);
  if (end < 0 || !state) return undefined;
  return { name: stat.slice(stat.indexOf('(') + 1, end), state, processGroup: Number(group) };
}

/** A zombie writes nothing any more, unless only its first thread is over. */
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
  return list
    .filter(({ state }) => state !== 'zombie')
    .map(({ pid, path, command, params }) => {
      const program = path === '' || path === undefined ? command : `${path}/${command}`;
      return { pid, processGroup: 0, commandLine: params === '' ? program : `${program} ${params}` };
    });
}

/**
 * Masakari's rule: a process is up while its name stands somewhere in a command line. Not counted are this process and
 * the commands that it is running, which often name what they restart.
 */
export function matching(
  table: readonly Running[],
  processName: string,
  ownGroups: ReadonlySet<number>,
): readonly Running[] {
  return table.filter(
    ({ pid, processGroup, commandLine }) =>
      pid !== process.pid && !ownGroups.has(processGroup) && !ownGroups.has(pid) && commandLine.includes(processName),
  );
}
