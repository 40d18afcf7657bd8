/** The ids of a user, from wherever this host knows its users (nsswitch.conf). */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { ConfigurationError, errorAt } from '#config/problem.ts';
import type { Identity } from './process-list.ts';

const TIMEOUT_MS = 10_000;

/** @param name of `[process] user`; empty: there is none. Throws `ConfigurationError` when there is no such user. */
export async function identityFor(name: string): Promise<Identity> {
  const uid = process.geteuid?.() ?? 0;
  if (name === '') return { uid };
  try {
    const { stdout } = await promisify(execFile)('getent', ['passwd', name], { timeout: TIMEOUT_MS });
    const [, , user, group] = stdout.split(':');
    if (!/^\d+$/.test(user ?? '') || !/^\d+$/.test(group ?? '')) throw new Error('getent passwd gave no ids');
    return { uid, user: { uid: Number(user), gid: Number(group) } };
  } catch (error) {
    const at = { file: '[process] user', line: 1, column: 1 };
    const problem = errorAt(at, `this host knows no user "${name}"; create it or name another one`);
    throw Object.assign(new ConfigurationError([problem]), { cause: error });
  }
}
