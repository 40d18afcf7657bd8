/** The user who runs this command line, as the audit records it. */
import { userInfo } from 'node:os';
import type { LocalUser } from '#protocol/origin.ts';

const USER_ID = /^\d{1,10}$/;

/** A user ID need not have a name, e.g. in a container. */
function nameOfUser(): string | null {
  try {
    return userInfo().username;
  } catch {
    return null;
  }
}

/** @param environment with `SUDO_UID` and `SUDO_USER` as sudo(8) sets them */
export function localUser(environment: Readonly<Record<string, string | undefined>> = process.env): LocalUser {
  const { SUDO_UID: sudoUid = '', SUDO_USER: sudoUser } = environment;
  return {
    uid: process.getuid?.() ?? -1,
    user: nameOfUser(),
    sudo_uid: USER_ID.test(sudoUid) ? Number(sudoUid) : null,
    sudo_user: sudoUser || null,
  };
}
