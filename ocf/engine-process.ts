/**
 * The engines that run on this node according to /proc, which cannot be deleted by accident.
 *
 * Invariant: only a process of this very program with the command `engine`, of our user (or root), our pid namespace and our root directory, is an engine.
 * Nothing here reads the memory of a process whose executable is another one, so that no stuck process delays the reader.
 */
import { readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs';
import { basename, resolve } from 'node:path';
import { type ProcessName, processNamed, statOf } from '#protocol/process-file.ts';

export interface EngineProcess {
  readonly name: ProcessName;
  /** Its command line; an option that is not there is undefined. Paths are absolute. */
  readonly resource: string | undefined;
  readonly journal: string | undefined;
  readonly socket: string | undefined;
  readonly pidfile: string | undefined;
  readonly config: string | undefined;
}

function nameOfExecutable(link: string): string {
  // Replaced by an upgrade, the executable of a running process is "deleted".
  return basename(link.replace(/ \(deleted\)$/, ''));
}

const OWN = nameOfExecutable(process.execPath);
/** The executables that can be this program; node is that of a checkout. */
const EXECUTABLES = new Set(['recovery-agent', 'node', OWN]);
/** What the word before `engine` ends in: the executable, the first file of a checkout. */
const PROGRAMS = new Set(['recovery-agent', 'main.ts', ...(OWN === 'node' ? [] : [OWN])]);

function attempt<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}

/** The executable of a process, `hidden` if another user's cannot be read, undefined if there is none. */
function executableOf(place: string): string | undefined {
  try {
    return nameOfExecutable(readlinkSync(`${place}/exe`));
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EACCES' ? 'hidden' : undefined;
  }
}

/**
 * The place where the process can be read: below `task` if its first thread has ended while another is still in the kernel.
 * Undefined if it has ended, and for threads of the kernel.
 */
function readablePlace(pid: number): string | undefined {
  const place = `/proc/${pid}`;
  if (executableOf(place) !== undefined) return place;
  if (statOf(pid)?.state !== 'Z') return undefined;
  const threads = attempt(() => readdirSync(`${place}/task`)) ?? [];
  return threads.map((thread) => `${place}/task/${thread}`).find((thread) => executableOf(thread) !== undefined);
}

/** True if two paths are one file: a container or chroot has paths of the same names in another root. */
function isSame(one: string, other: string): boolean {
  const [a, b] = [statSync(one), statSync(other)];
  return a.dev === b.dev && a.ino === b.ino;
}

/** True if the process can be an engine of ours. Of root's processes, a caller that is not root can read only the command line. */
function isCandidate(pid: number, place: string): boolean {
  const executable = executableOf(place);
  const { uid } = statSync(`/proc/${pid}`);
  if (executable === 'hidden') return uid === 0;
  if (executable === undefined || !EXECUTABLES.has(executable) || uid !== process.geteuid?.()) return false;
  return readlinkSync(`${place}/ns/pid`) === readlinkSync('/proc/self/ns/pid') && isSame(`${place}/root/`, '/');
}

/** The arguments after `engine`; undefined if this is no engine's command line. */
function engineArguments(argv: readonly string[]): readonly string[] | undefined {
  const at = argv.indexOf('engine');
  const [program = '', ...before] = argv.slice(0, Math.max(at, 0)).toReversed();
  if (!PROGRAMS.has(basename(program))) return undefined;
  // Of a checkout: node, its options, the file.
  return before.slice(0, -1).every((word) => word.startsWith('--')) ? argv.slice(at + 1) : undefined;
}

function option(argv: readonly string[], name: string): string | undefined {
  const at = argv.indexOf(`--${name}`);
  if (at >= 0) return argv[at + 1];
  const joined = argv.find((word) => word.startsWith(`--${name}=`));
  return joined?.slice(name.length + 3);
}

/** Undefined if the process with this pid is no engine. */
export function engineOf(pid: number): EngineProcess | undefined {
  const place = readablePlace(pid);
  if (place === undefined) return undefined;
  return attempt(() => {
    if (!isCandidate(pid, place)) return undefined;
    const name = processNamed(pid);
    const argv = engineArguments(readFileSync(`${place}/cmdline`, 'utf8').split('\0'));
    if (!argv || !name) return undefined;
    const path = (given: string | undefined): string | undefined =>
      given === undefined ? undefined : resolve(attempt(() => readlinkSync(`${place}/cwd`)) ?? '/', given);
    return {
      name,
      resource: option(argv, 'resource'),
      journal: path(option(argv, 'journal')),
      socket: path(option(argv, 'socket')),
      pidfile: path(option(argv, 'pid-file')),
      config: path(option(argv, 'config')),
    };
  });
}

/** Every engine on this node, of any resource. */
export function livingEngines(): readonly EngineProcess[] {
  const pids = (attempt(() => readdirSync('/proc')) ?? []).filter(
    (entry) => /^\d+$/.test(entry) && Number(entry) !== process.pid,
  );
  return pids.flatMap((pid) => engineOf(Number(pid)) ?? []);
}
