/**
 * Starts programs of tasks with fewer rights than the engine has, by prlimit(1) and setpriv(1) of util-linux. Each replaces itself by the
 * next one, so the process, its number and its streams stay those of the program.
 *
 * Invariants: only options precede the program's own words: no secret becomes an argument here. The last of the tools runs as the user of
 * the program, without capabilities, so the kernel refuses a program that this user may not execute.
 */
import { readFileSync } from 'node:fs';
import { ownTrust } from '#protocol/trusted-path.ts';
import type { Account } from './account.ts';
import { faultOfProgram } from './program-file.ts';

export interface Rights {
  /** Supplementary groups: none, or those that the account has. */
  readonly groups: 'none' | 'account';
  /** `none`: no set-user-ID program, file capability or sudo raises the rights of the program (PR_SET_NO_NEW_PRIVS). */
  readonly newPrivileges: 'none' | 'possible';
}

export const FEWEST_RIGHTS: Rights = { groups: 'none', newPrivileges: 'none' };

const PRLIMIT = '/usr/bin/prlimit';
const SETPRIV = '/usr/bin/setpriv';

const GIB = 1024 ** 3;
/** Limits for a program that runs out of control. Memory is limited by the control group: interpreters reserve far more than they use. */
const BOUNDS: readonly (readonly [option: string, name: string, most: number])[] = [
  // The inputs of the program may be secret.
  ['core', 'Max core file size', 0],
  ['nofile', 'Max open files', 4096],
  ['nproc', 'Max processes', 4096],
  ['fsize', 'Max file size', 16 * GIB],
  ['memlock', 'Max locked memory', 8 * 1024 ** 2],
];

/** Tools that are missing or not trusted on this host; none: programs are confined. */
export function missingTools(): readonly string[] {
  return [PRLIMIT, SETPRIV].filter((path) => faultOfProgram(path, ownTrust()) !== undefined);
}

/** The hard limit of this process, which only root could raise. */
function hardLimit(limits: string, name: string): number {
  const line = limits.split('\n').find((one) => one.startsWith(name)) ?? '';
  const [, hard = 'unlimited'] = line.slice(name.length).trim().split(/\s+/);
  return hard === 'unlimited' ? Number.POSITIVE_INFINITY : Number(hard);
}

/** Options of prlimit(1). Pure. @param limits content of /proc/self/limits */
export function boundOptions(limits: string): readonly string[] {
  return BOUNDS.map(([option, name, most]) => {
    const bound = Math.min(most, hardLimit(limits, name));
    return `--${option}=${bound}:${bound}`;
  });
}

/** Options of setpriv(1) that change user and groups. Pure. @param euid of this process */
export function identityOptions({ uid, gid, change }: Account, { groups }: Rights, euid: number): readonly string[] {
  // Only root changes users and groups.
  if (euid !== 0) return [];
  if (change === 'none') return groups === 'none' ? ['--clear-groups'] : [];
  return [`--reuid=${uid}`, `--regid=${gid}`, groups === 'none' ? '--clear-groups' : '--init-groups'];
}

/** The command that starts `argv` with these rights; undefined if the tools are missing. */
export function confined(argv: readonly string[], account: Account, rights: Rights): readonly string[] | undefined {
  if (missingTools().length > 0) return undefined;
  const bounds = boundOptions(readFileSync('/proc/self/limits', 'utf8'));
  const identity = identityOptions(account, rights, process.geteuid?.() ?? 0);
  return [
    // If the command changes the user itself: setpriv keeps its capabilities until it becomes the next program.
    ...(identity.length === 0 ? [] : [SETPRIV, ...identity, '--']),
    ...[PRLIMIT, ...bounds, '--'],
    ...(rights.newPrivileges === 'none' ? [SETPRIV, '--no-new-privs', '--'] : []),
    ...argv,
  ];
}

/** Exit codes of both tools when they cannot become the program. */
const NOT_EXECUTED = [126, 127];

/**
 * Why the tools could not start the program; undefined if they did.
 *
 * @param errors everything on standard error: a program that was started would have to write exactly this, and nothing else
 */
export function whyNotExecuted(program: string, code: number, errors: string): string | undefined {
  const head = ['setpriv', 'prlimit']
    .map((tool) => `${tool}: failed to execute ${program}: `)
    .find((text) => errors.startsWith(text));
  if (!NOT_EXECUTED.includes(code) || head === undefined) return undefined;
  const [reason = '', ...more] = errors.slice(head.length).split('\n');
  return more.join('') === '' ? reason : undefined;
}
