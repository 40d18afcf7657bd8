/** The user that a program runs as, from wherever this host knows its users (nsswitch.conf). */
import { execFile, spawnSync } from 'node:child_process';
import { userInfo } from 'node:os';
import { promisify } from 'node:util';

export interface Account {
  readonly uid: number;
  readonly gid: number;
  readonly home: string;
  /** Whether the program must be started as somebody else than this process is. */
  readonly change: 'none' | 'needed';
}

/** Completes a sentence about the task; it says what the operator can do. */
export type AccountFault = { readonly fault: string };

/** Bounds a directory of users that does not answer: for a task, and for a command that stands still meanwhile. */
const TIMEOUT_MS = 10_000;
const STANDSTILL_MS = 2000;
const OPTIONS = { timeout: TIMEOUT_MS, maxBuffer: 65_536, env: { PATH: '/usr/bin:/bin' }, encoding: 'utf8' } as const;

/** @param name empty: that of this process */
export async function accountFor(name: string): Promise<Account | AccountFault> {
  if (name === '') return ownAccount();
  try {
    const { stdout } = await promisify(execFile)('getent', ['passwd', '--', name], OPTIONS);
    return accountIn(name, stdout);
  } catch {
    return unknownUser(name);
  }
}

/** The same for a command that may stand still meanwhile. */
export function accountForNow(name: string): Account | AccountFault {
  if (name === '') return ownAccount();
  const { status, stdout } = spawnSync('getent', ['passwd', '--', name], { ...OPTIONS, timeout: STANDSTILL_MS });
  return status === 0 ? accountIn(name, stdout) : unknownUser(name);
}

function ownIds(): { readonly uid: number; readonly gid: number } {
  return { uid: process.geteuid?.() ?? 0, gid: process.getegid?.() ?? 0 };
}

function ownAccount(): Account {
  let home = '/';
  try {
    home = userInfo().homedir;
  } catch {
    // A user without an entry, as in some containers.
  }
  return { ...ownIds(), home, change: 'none' };
}

function accountIn(name: string, line: string): Account | AccountFault {
  const [, , uid = '', gid = '', , home = ''] = line.trim().split(':');
  if (!/^\d+$/.test(uid) || !/^\d+$/.test(gid)) return unknownUser(name);
  const account = { uid: Number(uid), gid: Number(gid), home: home.startsWith('/') ? home : '/' };
  const own = ownIds().uid;
  if (own === 0) return { ...account, change: 'needed' };
  if (own === account.uid) return { ...account, change: 'none' };
  return {
    fault: `is to run as user "${name}", which only root can start; run the engine as root or leave out "user"`,
  };
}

function unknownUser(name: string): AccountFault {
  return { fault: `is to run as user "${name}", whom this host does not know; create it or name another one` };
}
