/**
 * Runs one command of the list.
 *
 * Invariant: a command has an end: it exits, or its whole process group is killed. A process that it starts in a session of
 * its own is a daemon and survives. The command never gets the environment of this process, which may contain passwords.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import type { Command } from '#config/pipelines/command-line.ts';
import type { RunAs } from './entry.ts';

export type CommandEnd = 'ended well' | { readonly failed: string };

export interface CommandLimits {
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/** Between SIGTERM and SIGKILL. */
const KILL_AFTER_MS = 5000;
const ENVIRONMENT = { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', LANG: 'C.UTF-8' };

/**
 * Never throws. The output goes to this process's log: a pipe without a reader would end the daemons that a command has
 * started.
 *
 * @param groups contains the process group of the command while it runs
 */
export async function runCommand(
  command: Command,
  runAs: RunAs,
  limits: CommandLimits,
  groups: Set<number>,
): Promise<CommandEnd> {
  if (limits.signal.aborted) return { failed: 'the monitor ends' };
  const [program, ...rest] = command.argv;
  const child = spawn(program, rest, {
    detached: true,
    cwd: '/',
    env: ENVIRONMENT,
    stdio: ['ignore', 'inherit', 'inherit'],
    ...(runAs === 'self' ? {} : { uid: runAs.uid, gid: runAs.gid }),
  });
  const { pid } = child;
  if (pid !== undefined) groups.add(pid);
  try {
    return await ended(child, limits);
  } finally {
    if (pid !== undefined) groups.delete(pid);
  }
}

function ended(child: ChildProcess, { timeoutMs, signal }: CommandLimits): Promise<CommandEnd> {
  return new Promise((resolve) => {
    let reason: string | undefined;
    let lastResort: NodeJS.Timeout | undefined;
    const end = (why: string) => {
      if (reason !== undefined) return;
      reason = why;
      signalGroup(child, 'SIGTERM');
      lastResort = setTimeout(() => signalGroup(child, 'SIGKILL'), KILL_AFTER_MS);
    };
    const timer = setTimeout(() => end(`it took longer than ${timeoutMs / 1000} s and was ended`), timeoutMs);
    const onAbort = () => end('the monitor ends');
    signal.addEventListener('abort', onAbort);
    const settle = (outcome: CommandEnd) => {
      clearTimeout(timer);
      clearTimeout(lastResort);
      signal.removeEventListener('abort', onAbort);
      // The rest of its group would keep running although the command counts as failed.
      if (reason !== undefined) signalGroup(child, 'SIGKILL');
      resolve(outcome);
    };
    child.once('error', (error) => settle({ failed: `it cannot be run: ${error.message}` }));
    child.once('exit', (code, killedBy) => {
      if (reason !== undefined) settle({ failed: reason });
      else if (code === 0) settle('ended well');
      else settle({ failed: code === null ? `it was ended by ${killedBy}` : `it ended with ${code}` });
    });
  });
}

function signalGroup({ pid }: ChildProcess, name: NodeJS.Signals): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, name);
  } catch {
    // The group is gone.
  }
}
