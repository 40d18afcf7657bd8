/**
 * One program of the bench, in a mount namespace of its own in which /usr/local/sbin contains stand-ins of Pacemaker's tools.
 *
 * Invariant: it ends with the program that started it, however that ends.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { within } from '../../labs/waiting.ts';

/** First in the path of both sides; the host monitor of ours has a fixed one. */
const COVERED = '/usr/local/sbin';
const IN_PLACE = 'mount --bind "$1" "$2" && shift 2 && exec "$@"';

export interface Program {
  readonly name: string;
  readonly argv: readonly [string, ...string[]];
  /** Folder with the stand-ins that it sees. */
  readonly tools: string;
  /** Where its log goes. */
  readonly folder: string;
  readonly environment?: Readonly<Record<string, string>>;
}

export class Started {
  readonly name: string;
  readonly #child: ChildProcess;
  readonly #log: string;

  constructor({ name, argv, tools, folder, environment }: Program) {
    this.name = name;
    this.#log = join(folder, `${name}.log`);
    const log = openSync(this.#log, 'a', 0o600);
    // Each of these programs becomes the next one: the process id is that of the last.
    const words = ['--pdeathsig', 'KILL', 'unshare', '--mount', '--propagation', 'private'];
    this.#child = spawn('setpriv', [...words, 'sh', '-c', IN_PLACE, 'sh', tools, COVERED, ...argv], {
      env: { PATH: `${COVERED}:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin`, LC_ALL: 'C.UTF-8', ...environment },
      stdio: ['ignore', log, log],
    });
    closeSync(log);
    this.#child.on('error', () => {});
  }

  get pid(): number {
    const { pid, exitCode, signalCode } = this.#child;
    if (pid === undefined || exitCode !== null || signalCode !== null) {
      throw new Error(`${this.name} has ended (${exitCode ?? signalCode}); its last words:\n${this.log.slice(-2000)}`);
    }
    return pid;
  }

  get log(): string {
    return readFileSync(this.#log, 'utf8');
  }

  async stop(): Promise<void> {
    const { pid, exitCode, signalCode } = this.#child;
    if (pid === undefined || exitCode !== null || signalCode !== null) return;
    const ended = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await within(30, `${this.name} to end`, ended);
  }
}
