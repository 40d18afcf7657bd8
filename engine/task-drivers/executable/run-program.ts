/**
 * Runs one program to its end.
 *
 * Invariants:
 * - when it resolves, nothing that the program started is left, neither in its process group nor outside of it;
 * - the program gets nothing of this process but three streams: no environment, no other descriptor, no directory; and no right that
 *   it does not need (confinement.ts);
 * - a program whose engine exits for any reason but SIGKILL ends with it.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import type { Duplex } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import type { Account } from './account.ts';
import { confined, type Rights, whyNotExecuted } from './confinement.ts';
import { GATE_DESCRIPTOR, GO, inScope, processesIn, scopeNameOf } from './control-group.ts';
import { endAll, type Found, leftBy, RUN_MARK, statOf } from './processes.ts';
import { inheritable, streamsOf } from './streams.ts';

const ENVIRONMENT = { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', LANG: 'C.UTF-8' };
const UMASK = 0o077;
/** Time between SIGTERM and SIGKILL. */
export const KILL_AFTER_MS = 5000;
/** Time from SIGKILL until a program counts as stuck in the kernel. */
const GIVE_UP_AFTER_MS = 5000;
/** Processes that a program leaves behind get this time to end in good order. */
const LEFT_BEHIND_GRACE_MS = 2000;
/** For the content of the pipes after all writers have ended. */
const DRAIN_MS = 1000;
/** Time for systemd to make a scope; after it the program is started without one. */
const SCOPE_MS = 5000;
/** Of the program's standard error, if it could not be started. */
const MAX_START_ERRORS = 8192;

export interface ProgramStart {
  readonly argv: readonly string[];
  readonly account: Account;
  readonly rights: Rights;
  /** Beside PATH, LANG and HOME. */
  readonly variables: Readonly<Record<string, string>>;
  readonly stdin: string;
  /** Returns why the program must end: it violated its contract. */
  readonly onStdout: (chunk: Buffer) => string | undefined;
  readonly onStderr: (chunk: Buffer) => void;
  /** Called with the reason if the program runs in the control group of this process. */
  readonly onNoScope: (reason: string) => void;
  /** Aborted: the program is ended. */
  readonly signal: AbortSignal;
}

export interface ProgramEnd {
  readonly end:
    | { readonly by: 'exit'; readonly code: number }
    | { readonly by: 'signal'; readonly name: string }
    /** It did not end even by SIGKILL. */
    | { readonly by: 'nothing'; readonly pid: number };
  /** Why it was ended; `aborted`: by the signal of its start. Undefined: it ended by itself. */
  readonly ended: 'aborted' | { readonly fault: string } | undefined;
  /** Number of processes that it left behind; they were ended. */
  readonly leftBehind: number;
  /** Those that could not be ended. */
  readonly stillRunning: readonly Found[];
}

const START_ERRORS: Readonly<Record<string, string>> = {
  E2BIG: 'its arguments are too long (E2BIG)',
  EACCES: 'the user it runs as may not execute it (EACCES)',
  ENOENT: 'it or the interpreter in its first line does not exist (ENOENT)',
};

/** The same in the words of strerror(3), as setpriv writes them. */
const STRERROR: Readonly<Record<string, string | undefined>> = {
  'Argument list too long': START_ERRORS.E2BIG,
  'Permission denied': START_ERRORS.EACCES,
  'No such file or directory': START_ERRORS.ENOENT,
};

/** Nothing was started. */
export class CannotStart extends Error {
  override readonly name = 'CannotStart';
}

/** Leaders of process groups that are not reaped yet: their numbers are not reused. */
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
  const { child, pid, begin } = (await startedInScope(start, run)) ?? (await started(start, run, commandOf(start)));
  const program: Found = { pid, startedAt: statOf(pid)?.startedAt ?? 0 };
  const closed = once(child, 'close').then(
    () => {},
    () => {},
  );
  let errors = '';
  child.stderr?.on('data', (chunk: Buffer) => {
    if (errors.length <= MAX_START_ERRORS) errors += chunk.toString('utf8');
  });
  try {
    const ending = theEndOf(child, pid, start);
    if (!start.signal.aborted) begin();
    const { end, ended } = await ending;
    const isForced = end.by === 'nothing' || (end.by === 'signal' && end.name === 'SIGKILL');
    const rest = await endAll(() => leftOf(program, run), isForced ? 0 : LEFT_BEHIND_GRACE_MS);
    const drained = new AbortController();
    await Promise.race([closed, delay(DRAIN_MS, undefined, { signal: drained.signal }).catch(() => {})]);
    drained.abort();
    const why = end.by === 'exit' ? whyNotExecuted(start.argv[0] ?? '', end.code, errors) : undefined;
    if (why !== undefined) throw new CannotStart(STRERROR[why] ?? why);
    return { end, ended, leftBehind: rest.signalled, stillRunning: rest.left };
  } finally {
    for (const stream of child.stdio) stream?.destroy();
    child.unref();
  }
}

/** Its remains in its session, in its control group, and with its mark. */
async function leftOf(program: Found, run: string): Promise<Found[]> {
  const left = await leftBy(program, run);
  const known = new Set(left.map(({ pid }) => pid));
  const others = processesIn(scopeNameOf(run)).filter(({ pid }) => !known.has(pid) && pid !== program.pid);
  return [...left, ...others];
}

interface Command {
  readonly argv: readonly string[];
  /** Whether the command changes the user by itself. */
  readonly user: 'by itself' | 'of the start';
  /** A descriptor on which it waits before it starts. */
  readonly gate?: number;
}

function commandOf({ argv, account, rights }: ProgramStart): Command {
  const command = confined(argv, account, rights);
  return command === undefined ? { argv, user: 'of the start' } : { argv: command, user: 'by itself' };
}

interface Started {
  readonly child: ChildProcess;
  readonly pid: number;
  /** Lets it start, if it waits for that. */
  readonly begin: () => void;
}

/** Undefined: it was not started, and can be started without a scope. */
async function startedInScope(start: ProgramStart, run: string): Promise<Started | undefined> {
  const command = commandOf(start);
  // Without the tools the user would be changed before systemd is reached.
  const argv = command.user === 'by itself' ? inScope(command.argv, scopeNameOf(run)) : undefined;
  if (argv === undefined) return undefined;
  const { child, pid } = await started(start, run, { argv, user: 'by itself', gate: GATE_DESCRIPTOR });
  const gate = child.stdio[GATE_DESCRIPTOR] as Duplex;
  gate.on('error', () => {});
  let words = '';
  child.stderr?.on('data', (chunk: Buffer) => {
    words = (words + chunk.toString('utf8')).slice(0, MAX_START_ERRORS);
  });
  const { promise, resolve } = Promise.withResolvers<'ready' | 'ended'>();
  gate.once('data', () => resolve('ready'));
  child.once('close', () => resolve('ended'));
  const limit = setTimeout(() => signalGroup(pid, 'SIGKILL'), SCOPE_MS);
  const outcome = await promise;
  clearTimeout(limit);
  child.stderr?.removeAllListeners('data');
  if (outcome === 'ready') return { child, pid, begin: () => gate.end(GO) };
  leaders.delete(pid);
  start.onNoScope(words.trim() || 'systemd-run did not end in time');
  return undefined;
}

async function started({ account, variables }: ProgramStart, run: string, command: Command): Promise<Started> {
  const { argv, user, gate } = command;
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
      stdio: streamsOf(inheritable(), devNull, gate),
      // With a user the further groups of this process are dropped too (libuv, uv_spawn).
      ...(user === 'of the start' && account.change === 'needed' ? { uid: account.uid, gid: account.gid } : {}),
    });
  } catch (error) {
    throw new CannotStart(reasonOf(error), { cause: error });
  } finally {
    process.umask(mask);
    closeSync(devNull);
  }
  if (child.pid !== undefined) {
    leaders.add(child.pid);
    return { child, pid: child.pid, begin: () => {} };
  }
  const [error] = await once(child, 'error', { signal: AbortSignal.timeout(DRAIN_MS) }).catch((late) => [late]);
  throw new CannotStart(reasonOf(error), { cause: error });
}

/** The system's message; Node's own may repeat whole arguments. */
function reasonOf(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : 'no reason known';
  return START_ERRORS[code] ?? code;
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
    // A fault of `kill` or of a pipe; the end of the program shows the outcome.
    child.on('error', () => {});
    // It need not read its input.
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
