/** Whether a program may be run: it can be executed, and only root and the user it runs as can change it. */
import { type Inspect, inspect, resolveTrusted, type Trust } from '#protocol/trusted-path.ts';

const ANY_EXECUTE = 0o111;

/** Why the program may not be run; completes a sentence about its task. Undefined: it may. */
export function faultOfProgram(path: string, trust: Trust, read: Inspect = inspect): string | undefined {
  const found = resolveTrusted(path, trust, read);
  if ('fault' in found) return `cannot be run: ${found.fault}`;
  return (found.entry.mode & ANY_EXECUTE) === 0
    ? `cannot be run: ${found.path} is not executable; chmod +x ${found.path}`
    : undefined;
}
