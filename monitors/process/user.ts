/** The ids of a user, from the user databases of this host (nsswitch.conf). */
import { execFile, execFileSync } from 'node:child_process';
import { promisify } from 'node:util';
import { ConfigurationError, errorAt } from '#config/document/problem.ts';

/** The users that can run the commands: the user of this process, and that of `[process] user`. */
export interface Identity {
  readonly uid: number;
  readonly user?: { readonly uid: number; readonly gid: number } | undefined;
}

const TIMEOUT_MS = 10_000;

/** The id of a user by name or number; undefined if this host has no such name. */
export function uidOf(user: string): number | undefined {
  if (user === 'root') return 0;
  if (/^\d{1,10}$/.test(user)) return Number(user);
  try {
    const stdio: ['ignore', 'pipe', 'ignore'] = ['ignore', 'pipe', 'ignore'];
    const line = execFileSync('getent', ['passwd', '--', user], { timeout: TIMEOUT_MS, encoding: 'utf8', stdio });
    const [, , uid = ''] = line.split(':');
    return /^\d+$/.test(uid) ? Number(uid) : undefined;
  } catch {
    return undefined;
  }
}

/** @param name of `[process] user`; empty: there is none. Throws `ConfigurationError` if there is no such user. */
export async function identityFor(name: string): Promise<Identity> {
  const uid = process.geteuid?.() ?? 0;
  if (name === '') return { uid };
  try {
    const { stdout } = await promisify(execFile)('getent', ['passwd', '--', name], { timeout: TIMEOUT_MS });
    const [, , user, group] = stdout.split(':');
    if (!/^\d+$/.test(user ?? '') || !/^\d+$/.test(group ?? '')) throw new Error('getent passwd gave no ids');
    return { uid, user: { uid: Number(user), gid: Number(group) } };
  } catch (error) {
    const at = { file: '[process] user', line: 1, column: 1 };
    const problem = errorAt(at, `this host knows no user "${name}"; create it or name another one`);
    throw Object.assign(new ConfigurationError([problem]), { cause: error });
  }
}
