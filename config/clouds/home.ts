/** The home directory of the user of this process; undefined where HOME is not set and no account has one. */
import { homedir } from 'node:os';

export function homeDirectory(): string | undefined {
  try {
    return process.env.HOME || homedir();
  } catch {
    // A user whom /etc/passwd does not have.
    return undefined;
  }
}
