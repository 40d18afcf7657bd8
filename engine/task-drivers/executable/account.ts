/** The user that a program runs as, from any user database of this host (nsswitch.conf). */
import { execFile, spawnSync } from 'node:child_process';
import { userInfo } from 'node:os';
import { promisify } from 'node:util';

export interface Account {
  readonly uid: number;
  readonly gid: number;
  readonly home: string;
  /** Whether the program must be started as another user than that of this process. */
  readonly change: 'none' | 'needed';
}

/** Completes a sentence about the task; it states what the operator can do. */
export type AccountFault = { readonly fault: string };

/** Time limit for a directory of users that does not respond: for a task, and for a command that is blocked meanwhile. */
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

/** The same for a command that may be blocked meanwhile. */
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
  return { fault: `is to run as user "${name}", which does not exist on this host; create it or name another one` };
}
