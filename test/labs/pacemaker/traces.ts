import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

/** What of a lab can be found on this machine, for the test that nothing is left of it. */
export interface Traces {
  /** Processes that live in the lab's mounts, namespaces or folder. */
  readonly processes: readonly number[];
  /** As `net:[4026532177]`. */
  readonly namespaces: ReadonlySet<string>;
}

const KINDS = ['mnt', 'net', 'pid', 'ipc', 'uts'] as const;

/** The processes that see mounts of the lab's folder, and the namespaces in which they live. */
export function tracesOf(directory: string): Traces {
  const here = new Set(namespacesOf('self'));
  const processes = allProcesses().filter((pid) => read(`/proc/${pid}/mountinfo`).includes(directory));
  return { processes, namespaces: new Set(processes.flatMap(namespacesOf).filter((name) => !here.has(name))) };
}

/** Processes that still live in one of the namespaces, or were started with the lab's folder in their words. */
export function remainingProcesses(directory: string, { namespaces }: Traces): string[] {
  const remaining = allProcesses().filter(
    (pid) =>
      namespacesOf(pid).some((name) => namespaces.has(name)) ||
      read(`/proc/${pid}/mountinfo`).includes(directory) ||
      read(`/proc/${pid}/cmdline`).includes(directory),
  );
  return remaining.map((pid) => `${pid} ${read(`/proc/${pid}/cmdline`).replaceAll('\0', ' ')}`);
}

const allProcesses = (): number[] => readdirSync('/proc').map(Number).filter(Number.isInteger);

function namespacesOf(pid: number | 'self'): string[] {
  return KINDS.flatMap((kind) => {
    try {
      return [readlinkSync(`/proc/${pid}/ns/${kind}`)];
    } catch {
      return [];
    }
  });
}

/** Empty when the process has ended in the meantime. */
function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
