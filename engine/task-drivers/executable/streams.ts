/**
 * The descriptors that a program gets: three streams and nothing else.
 *
 * Node opens all that it opens so that no program inherits it. What this process has inherited itself, from whoever started
 * it, may lack that (libuv looks at the first of them only); in a program `/dev/null` stands in its place.
 */
import { readdirSync, readFileSync } from 'node:fs';

/** Of `flags` in /proc/PID/fdinfo (proc_pid_fdinfo(5)), octal. */
const O_CLOEXEC = 0o2000000;
/** Numbers beyond it cost an entry each. */
const HIGHEST = 4096;

/** Descriptors of this process, beside the streams, that every program it starts would inherit. */
export function inheritable(): number[] {
  return readdirSync('/proc/self/fdinfo')
    .map(Number)
    .filter((descriptor) => descriptor > 2 && descriptor <= HIGHEST && !isClosedOnExec(descriptor));
}

function isClosedOnExec(descriptor: number): boolean {
  try {
    const flags = /^flags:\s*([0-7]+)$/m.exec(readFileSync(`/proc/self/fdinfo/${descriptor}`, 'latin1'))?.[1] ?? '0';
    return (Number.parseInt(flags, 8) & O_CLOEXEC) !== 0;
  } catch {
    // It was the one that the directory was read with.
    return true;
  }
}

/** As `spawn` takes it. */
export function streamsOf(strangers: readonly number[], devNull: number): ('pipe' | 'ignore' | number)[] {
  const streams = Array.from({ length: Math.max(2, ...strangers) + 1 }, (_, descriptor): 'pipe' | 'ignore' =>
    descriptor <= 2 ? 'pipe' : 'ignore',
  );
  return streams.map((stream, descriptor) => (strangers.includes(descriptor) ? devNull : stream));
}
