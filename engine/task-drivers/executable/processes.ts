/**
 * The processes of a run, including hidden ones: each inherits the marks in its environment.
 *
 * Invariant: a signal goes only to a process that has, at that moment, the start time of the one that was found; the number alone may
 * belong to another process by then.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';

export const STEP_KEY = 'RECOVERY_AGENT_STEP_KEY';
/** Another one for each start of a program. */
export const RUN_MARK = 'RECOVERY_AGENT_RUN';

export interface Found {
  readonly pid: number;
  /** Clock ticks since the boot (proc_pid_stat(5), starttime). */
  readonly startedAt: number;
}

interface Stat extends Found {
  readonly session: number;
  readonly isDead: boolean;
  readonly isOfKernel: boolean;
}

/** Of the flags in proc_pid_stat(5): a thread of the kernel (include/linux/sched.h). */
const PF_KTHREAD = 0x00200000;

/** A process during execve(2) seems to have no environment for a moment. */
const EXEC_READS = 10;
const EXEC_READ_MS = 5;

/** A process that is stuck in the kernel may block the reader of its memory; it is not read again. */
const READ_LIMIT_MS = 1000;
const unreadable = new Set<string>();

/** Undefined: there is no such process. */
export function statOf(pid: number): Stat | undefined {
  try {
    const line = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // The name in parentheses may hold blanks and parentheses of its own.
    const fields = line.slice(line.lastIndexOf(')') + 2).split(' ');
    const state = fields[0] ?? 'X';
    return {
      pid,
      startedAt: Number(fields[19]),
      session: Number(fields[3]),
      isOfKernel: (Number(fields[6]) & PF_KTHREAD) !== 0,
      isDead: state === 'Z' || state === 'X',
    };
  } catch {
    return undefined;
  }
}

/** Living processes without this one and the kernel's. */
function livingProcesses(): Stat[] {
  return readdirSync('/proc').flatMap((name) => {
    if (!/^\d+$/.test(name) || Number(name) === process.pid) return [];
    const stat = statOf(Number(name));
    return stat && !stat.isDead && !stat.isOfKernel ? [stat] : [];
  });
}

async function hasMark(found: Found, mark: string): Promise<boolean> {
  for (let read = 1; ; read += 1) {
    const environment = await environmentOf(found);
    if (environment !== '' || read === EXEC_READS) return environment?.split('\0').includes(mark) ?? false;
    await delay(EXEC_READ_MS);
  }
}

/** Undefined: it cannot be read, or not in time. */
async function environmentOf({ pid, startedAt }: Found): Promise<string | undefined> {
  const name = `${pid}:${startedAt}`;
  if (unreadable.has(name)) return undefined;
  const limit = new AbortController();
  const late = delay(READ_LIMIT_MS, 'late' as const, { signal: limit.signal }).catch(() => 'late' as const);
  const reading = readFile(`/proc/${pid}/environ`, 'latin1').catch(() => undefined);
  const environment = await Promise.race([reading, late]);
  limit.abort();
  if (environment !== 'late') return environment;
  unreadable.add(name);
  return undefined;
}

/** Every process that carries the step key, including those of an engine that has ended. */
export async function withStepKey(stepKey: string): Promise<Found[]> {
  const found: Found[] = [];
  for (const stat of livingProcesses()) if (await hasMark(stat, `${STEP_KEY}=${stepKey}`)) found.push(stat);
  return found;
}

/** The rest of a program that has ended: processes in its session, and those that carry its mark. */
export async function leftBy(program: Found, run: string): Promise<Found[]> {
  const found: Found[] = [];
  const successor = statOf(program.pid);
  // Its number stays taken as long as its session has members. If a new process has it, there are none.
  const isReused = successor !== undefined && successor.startedAt !== program.startedAt;
  for (const stat of livingProcesses()) {
    if (stat.startedAt < program.startedAt || stat.pid === program.pid) continue;
    if ((!isReused && stat.session === program.pid) || (await hasMark(stat, `${RUN_MARK}=${run}`))) found.push(stat);
  }
  return found;
}

function signal({ pid, startedAt }: Found, name: NodeJS.Signals): void {
  const now = statOf(pid);
  if (now?.startedAt !== startedAt || now.isDead) return;
  try {
    process.kill(pid, name);
  } catch {
    // It ended in between, or belongs to another user: the next check shows which.
  }
}

/** After SIGKILL; only a process that is stuck in the kernel takes longer. */
const KILLED_WITHIN_MS = 5000;
const READ_AGAIN_MS = 50;

export interface Ending {
  /** Number of processes that were sent a signal. */
  readonly signalled: number;
  /** Processes that are still alive. */
  readonly left: readonly Found[];
}

/**
 * Ends all that `find` finds, until it finds nothing: SIGTERM, and SIGKILL after `graceMs`. Takes at most `graceMs` and 5 s, and the time
 * of one search.
 */
export async function endAll(find: () => Promise<readonly Found[]>, graceMs: number): Promise<Ending> {
  const begin = performance.now();
  const requested = new Set<string>();
  let isClear = false;
  for (;;) {
    const found = await find();
    const elapsed = performance.now() - begin;
    // A process may have forked and been killed while /proc was read: its child is only in the next search.
    const isOver = found.length === 0 && (isClear || requested.size === 0);
    if (isOver || elapsed > graceMs + KILLED_WITHIN_MS) return { signalled: requested.size, left: found };
    isClear = found.length === 0;
    if (isClear) continue;
    for (const one of found) {
      const name = `${one.pid}:${one.startedAt}`;
      if (elapsed >= graceMs) signal(one, 'SIGKILL');
      else if (!requested.has(name)) signal(one, 'SIGTERM');
      requested.add(name);
    }
    await delay(READ_AGAIN_MS);
  }
}
