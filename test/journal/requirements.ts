/**
 * What some suites need of the machine. Missing in CI it is an error; elsewhere the suite is skipped, with its reason on a
 * line of its own.
 */
import { spawnSync } from 'node:child_process';

export interface Requirement {
  readonly isMissing: boolean;
  /** For the name of the suite. */
  readonly note: string;
}

const MET: Requirement = { isMissing: false, note: '' };
const isCi = process.env.CI === 'true' || process.env.CI === '1';
const isRoot = process.getuid?.() === 0;

function missing(suite: string, reason: string): Requirement {
  if (isCi) throw new Error(`${suite}: ${reason}; in CI this suite must run`);
  console.warn(`SKIPPED ${suite}: ${reason}`);
  return { isMissing: true, note: ` (skipped: ${reason})` };
}

/** How to become the master of a mount namespace of one's own. */
export const UNSHARE: readonly string[] = isRoot
  ? ['unshare', '--mount']
  : ['unshare', '--user', '--map-root-user', '--mount'];

export function ownMounts(suite: string): Requirement {
  const [command = '', ...flags] = UNSHARE;
  const { status } = spawnSync(command, [...flags, 'mount', '-t', 'tmpfs', 'none', '/mnt'], { stdio: 'ignore' });
  return status === 0 ? MET : missing(suite, 'mounting a small disk needs root (or unprivileged user namespaces)');
}

export function strace(suite: string): Requirement {
  if (spawnSync('strace', ['-o', '/dev/null', 'true'], { stdio: 'ignore' }).status === 0) return MET;
  return missing(suite, 'it needs strace (Debian package strace) and the right to trace');
}
