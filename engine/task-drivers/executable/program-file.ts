/** Whether a program may be run: it can be executed, and only root and the user it runs as can change it. */
import { type LookAt, lookAt, resolveTrusted, type Trust } from '#protocol/trusted-path.ts';

const ANY_EXECUTE = 0o111;

/** Why the program may not be run; completes a sentence about its task. Undefined: it may. */
export function faultOfProgram(path: string, trust: Trust, look: LookAt = lookAt): string | undefined {
  const found = resolveTrusted(path, trust, look);
  if ('fault' in found) return `cannot be run: ${found.fault}`;
  return (found.entry.mode & ANY_EXECUTE) === 0
    ? `cannot be run: ${found.path} is not executable; chmod +x ${found.path}`
    : undefined;
}
