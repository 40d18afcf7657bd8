/**
 * The descriptors of a program: three streams and nothing else.
 *
 * Node opens its descriptors so that no program inherits them. Descriptors that this process itself inherited from its parent may lack that
 * (libuv handles only the first of them); in a program `/dev/null` replaces them.
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
    // The descriptor by which the directory was read.
    return true;
  }
}

/** As `spawn` takes it. @param gate descriptor of one more pipe, beside the three streams */
export function streamsOf(
  strangers: readonly number[],
  devNull: number,
  gate?: number,
): ('pipe' | 'ignore' | number)[] {
  const streams = Array.from(
    { length: Math.max(2, gate ?? 2, ...strangers) + 1 },
    (_, descriptor): 'pipe' | 'ignore' => (descriptor <= 2 || descriptor === gate ? 'pipe' : 'ignore'),
  );
  return streams.map((stream, descriptor) =>
    strangers.includes(descriptor) && descriptor !== gate ? devNull : stream,
  );
}
