/**
 * Runs one program to its end.
 *
 * Invariants:
 * - when it resolves, nothing that the program started is left: not in its process group, and not what has left it;
 * - the program gets nothing of this process but three streams: no environment, no other descriptor, no directory;
 * - a program whose engine exits, for whatever reason but SIGKILL, ends with it.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import type { Account } from './account.ts';
import { endAll, type Found, leftBy, RUN_MARK, statOf } from './processes.ts';
import { inheritable, streamsOf } from './streams.ts';

const ENVIRONMENT = { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', LANG: 'C.UTF-8' };
const UMASK = 0o077;
/** From the polite signal to the other one. */
export const KILL_AFTER_MS = 5000;
/** From the other signal until a program counts as caught in the kernel. */
const GIVE_UP_AFTER_MS = 5000;
/** What a program leaves behind gets this long to end in good order. */
const LEFT_BEHIND_GRACE_MS = 2000;
/** For what stands in the pipes when nobody is left to write. */
const DRAIN_MS = 1000;

export interface ProgramStart {
  readonly argv: readonly string[];
  readonly account: Account;
  /** Beside PATH, LANG and HOME. */
  readonly variables: Readonly<Record<string, string>>;
  readonly stdin: string;
  /** Returns why the program must end: it broke its contract. */
  readonly onStdout: (chunk: Buffer) => string | undefined;
  readonly onStderr: (chunk: Buffer) => void;
  /** Aborted: the program is ended. */
  readonly signal: AbortSignal;
}

export interface ProgramEnd {
  readonly end:
    | { readonly by: 'exit'; readonly code: number }
    | { readonly by: 'signal'; readonly name: string }
    /** It did not end even by SIGKILL. */
    | { readonly by: 'nothing'; readonly pid: number };
  /** Why it was ended; `aborted`: by the signal of its start. Undefined: it ended of itself. */
  readonly ended: 'aborted' | { readonly fault: string } | undefined;
  /** How many processes it left behind; they were ended. */
  readonly leftBehind: number;
  /** Those that could not be ended. */
  readonly stillRunning: readonly Found[];
}

/** Nothing was started. */
export class CannotStart extends Error {
  override readonly name = 'CannotStart';
}

/** Leaders of process groups that are not reaped yet: their numbers are nobody else's. */
const leaders = new Set<number>();

process.on('exit', () => {
  for (const pid of leaders) signalGroup(pid, 'SIGKILL');
});

function signalGroup(pid: number, name: NodeJS.Signals): void {
  if (!leaders.has(pid)) return;
  try {
    process.kill(-pid, name);
  } catch {
    // It is ending just now.
  }
}

/** @throws CannotStart */
export async function runProgram(start: ProgramStart): Promise<ProgramEnd> {
  const run = randomUUID();
  const child = await started(start, run);
  const { pid } = child;
  if (pid === undefined) throw new CannotStart('it has no process');
  const program: Found = { pid, startedAt: statOf(pid)?.startedAt ?? 0 };
  leaders.add(pid);
  const closed = once(child, 'close').then(
    () => {},
    () => {},
  );
  try {
    const { end, ended } = await theEndOf(child, pid, start);
    const isForced = end.by === 'nothing' || (end.by === 'signal' && end.name === 'SIGKILL');
    const rest = await endAll(() => leftBy(program, run), isForced ? 0 : LEFT_BEHIND_GRACE_MS);
    const drained = new AbortController();
    await Promise.race([closed, delay(DRAIN_MS, undefined, { signal: drained.signal }).catch(() => {})]);
    drained.abort();
    return { end, ended, leftBehind: rest.asked, stillRunning: rest.left };
  } finally {
    for (const stream of [child.stdin, child.stdout, child.stderr]) stream?.destroy();
    child.unref();
  }
}

async function started({ argv, account, variables }: ProgramStart, run: string): Promise<ChildProcess> {
  const [program = '', ...rest] = argv;
  if (argv.some((word) => word.includes('\0'))) throw new CannotStart('an argument holds a NUL character');
  let child: ChildProcess;
  const devNull = openSync('/dev/null', 'r+');
  const mask = process.umask(UMASK);
  try {
    child = spawn(program, rest, {
      detached: true,
      cwd: '/',
      env: { ...ENVIRONMENT, HOME: account.home, ...variables, [RUN_MARK]: run },
      stdio: streamsOf(inheritable(), devNull),
      // With a user the further groups of this process are dropped too (libuv, uv_spawn).
      ...(account.change === 'needed' ? { uid: account.uid, gid: account.gid } : {}),
    });
  } catch (error) {
    throw new CannotStart(reasonOf(error), { cause: error });
  } finally {
    process.umask(mask);
    closeSync(devNull);
  }
  if (child.pid !== undefined) return child;
  const [error] = await once(child, 'error', { signal: AbortSignal.timeout(DRAIN_MS) }).catch((late) => [late]);
  throw new CannotStart(reasonOf(error), { cause: error });
}

/** The words of the system; Node's own may repeat whole arguments. */
function reasonOf(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : 'no reason known';
  const known: Readonly<Record<string, string>> = {
    E2BIG: 'its arguments are too long (E2BIG)',
    EACCES: 'the user it runs as may not execute it (EACCES)',
    ENOENT: 'it or the interpreter in its first line does not exist (ENOENT)',
  };
  return known[code] ?? code;
}

function theEndOf(child: ChildProcess, pid: number, start: ProgramStart): Promise<Pick<ProgramEnd, 'end' | 'ended'>> {
  return new Promise((resolve) => {
    let ended: ProgramEnd['ended'];
    let lastResort: NodeJS.Timeout | undefined;
    const settle = (end: ProgramEnd['end']): void => {
      clearTimeout(lastResort);
      start.signal.removeEventListener('abort', abort);
      resolve({ end, ended });
    };
    const cut = (why: NonNullable<typeof ended>): void => {
      if (ended !== undefined || !leaders.has(pid)) return;
      ended = why;
      signalGroup(pid, 'SIGTERM');
      lastResort = setTimeout(() => {
        signalGroup(pid, 'SIGKILL');
        lastResort = setTimeout(() => settle({ by: 'nothing', pid }), GIVE_UP_AFTER_MS);
      }, KILL_AFTER_MS);
    };
    const abort = (): void => cut('aborted');
    child.once('exit', (code, name) => {
      leaders.delete(pid);
      settle(code === null ? { by: 'signal', name: name ?? 'a signal' } : { by: 'exit', code });
    });
    // A fault of `kill` or of a pipe; the end of the program tells what became of it.
    child.on('error', () => {});
    // It need not read what it is told.
    child.stdin?.on('error', () => {});
    child.stdin?.end(start.stdin);
    let isBroken = false;
    child.stdout?.on('data', (chunk: Buffer) => {
      if (isBroken) return;
      const fault = start.onStdout(chunk);
      if (fault === undefined) return;
      isBroken = true;
      cut({ fault });
    });
    child.stderr?.on('data', start.onStderr);
    if (start.signal.aborted) abort();
    else start.signal.addEventListener('abort', abort, { once: true });
  });
}
