/** The home directory of the program's user, which a user without an entry in passwd(5) and without HOME does not have. */
import { homedir } from 'node:os';

/** Falls back on "/": what would be searched below a home is searched where nothing is. */
export function homeDirectory(environment: Readonly<Record<string, string | undefined>>): string {
  if (environment.HOME) return environment.HOME;
  try {
    return homedir() || '/';
  } catch {
    return '/';
  }
}
