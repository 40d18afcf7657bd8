import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { within } from '../waiting.ts';
import { PATH } from './execute.ts';

/** Bound of making and of destroying; each takes about 0.1 s. */
const SECONDS = 15;

/**
 * The namespaces (processes, network, mounts) in which a whole lab lives.
 *
 * Invariant: nothing of the lab is anywhere else, so the kernel itself cleans up: the first process of the world ends when
 * its standard input closes, thus with the program that started the lab, however that ends; every process in the world ends
 * with it, and with them go the network and the mounts. This machine never has an interface, a mount or a name of ours.
 */
export class World {
  /** The world's first process, as this machine numbers it. */
  readonly pid: number;
  readonly #child: ChildProcess;
  readonly #ended: Promise<unknown>;

  private constructor(child: ChildProcess, pid: number, ended: Promise<unknown>) {
    this.#child = child;
    this.pid = pid;
    this.#ended = ended;
  }

  /** `sharedSizeBytes`: a shared storage of that size, in memory; without, it is the plain folder. */
  static async create(directory: string, sharedSizeBytes: number | undefined): Promise<World> {
    for (const folder of ['machines', 'shared', 'log', 'power'])
      mkdirSync(join(directory, folder), { recursive: true });
    const log = join(directory, 'log', 'world.log');
    const errors = openSync(log, 'w');
    const namespaces = ['--mount', '--propagation', 'private', '--net', '--pid', '--fork', '--kill-child=KILL'];
    const script = join(import.meta.dirname, 'node', 'world.sh');
    const child = spawn(
      'unshare',
      [...namespaces, 'sh', script, directory, `${sharedSizeBytes ?? ''}`, OUTSIDE_ADDRESS],
      { detached: true, stdio: ['pipe', 'pipe', errors], env: { PATH } },
    );
    closeSync(errors);
    const ended = new Promise((resolve) => child.once('close', resolve).once('error', resolve));
    const reported = Promise.race([once(child.stdout as Readable, 'data').then(String), ended.then(() => '')]);
    const pid = Number(await within(SECONDS, "the lab's namespaces", reported));
    if (!(pid > 1)) {
      throw new Error(
        `The lab cannot make namespaces here (a container must be privileged):\n${readFileSync(log, 'utf8')}`,
      );
    }
    // The lab alone keeps no program running.
    child.unref();
    for (const stream of [child.stdin, child.stdout]) (stream as (Readable | Writable) & { unref?(): void }).unref?.();
    return new World(child, pid, ended);
  }

  /** The words that let a program run in namespaces of the world, and in those that `words` add. */
  enter(...words: readonly string[]): string[] {
    return ['nsenter', `--target=${this.pid}`, ...words];
  }

  /** How a path of the world's mounts is called outside of it. */
  pathFromOutside(path: string): string {
    return join(`/proc/${this.pid}/root`, path);
  }

  isThere(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** Ends every process of the world; resolves when they are gone. */
  async destroy(): Promise<void> {
    if (this.isThere()) process.kill(this.pid, 'SIGKILL');
    this.#child.ref();
    await within(SECONDS, 'every process of the lab to end', this.#ended);
  }
}

/** What the nodes see of everything outside the cluster: the address of the bridge they are plugged into. */
export const OUTSIDE_ADDRESS = '10.99.0.254';
