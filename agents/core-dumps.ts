/**
 * Core dumps without memory: this program holds keys, passwords and tokens.
 *
 * Why not RLIMIT_CORE alone: Node cannot change it, and the kernel ignores 0 where core_pattern is a pipe (systemd-coredump, apport). The filter of
 * /proc/PID/coredump_filter holds for both, and programs that this one starts inherit it (core(5)). The dump keeps the registers of
 * each thread.
 */
import { writeFileSync } from 'node:fs';

const FILTER = '/proc/self/coredump_filter';

/** Returns whether it could be set. */
export function leaveMemoryOutOfCoreDumps(file = FILTER): boolean {
  try {
    writeFileSync(file, '0');
    return true;
  } catch {
    // A kernel without core dumps, or no /proc: there is nothing to leave out, and nothing else to be done.
    return false;
  }
}
