/**
 * The namespaces in which the lab's libvirtd and its guests live.
 *
 * Invariants: libvirt's folders of this machine are covered, never written; when the program that started the world ends, however it
 * ends, the first process of the world is killed, and the kernel ends all others with it.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { within } from '../waiting.ts';

const execute = promisify(execFile);

/** Arguments: the folder of the lab. Everything that libvirt keeps in fixed places gets a place of its own. */
const SET_UP = `set -e
mount --make-rprivate /
for place in /run/libvirt /var/lib/libvirt /var/cache/libvirt /etc/libvirt; do
  mkdir -p "$place"
  mount -t tmpfs -o mode=755 tmpfs "$place"
done
mkdir -p /var/log/libvirt /etc/libvirt/qemu
mount --bind "$1/log" /var/log/libvirt
mount -t tmpfs -o size=1m tmpfs "$1/small"
cp "$1/qemu.conf" /etc/libvirt/qemu.conf
echo ready
exec sleep infinity
`;

export class World {
  readonly #first: ChildProcess;
  /** Of the first process of the world, seen from outside. */
  readonly #pid: number;

  static async start(directory: string): Promise<World> {
    for (const name of ['log', 'small']) mkdirSync(join(directory, name), { recursive: true });
    const words = ['--mount', '--pid', '--fork', '--kill-child', '--mount-proc'];
    const first = spawn(
      'setpriv',
      ['--pdeathsig', 'KILL', 'unshare', ...words, 'tini', '--', 'sh', '-c', SET_UP, 'world', directory],
      { stdio: ['ignore', 'pipe', 'pipe'] },
    );
    let complaints = '';
    first.stderr.setEncoding('utf8').on('data', (text: string) => {
      complaints = (complaints + text).slice(-4000);
    });
    try {
      const ready = once(first.stdout, 'data');
      const ended = once(first, 'exit').then(() => {
        throw new Error(`The namespaces of the lab could not be made: ${complaints}`);
      });
      await within(20, 'the namespaces of the lab', Promise.race([ready, ended]));
      const children = readFileSync(`/proc/${first.pid}/task/${first.pid}/children`, 'utf8').trim().split(' ');
      return new World(first, Number(children[0]));
    } catch (error) {
      first.kill('SIGKILL');
      throw error;
    }
  }

  private constructor(first: ChildProcess, pid: number) {
    this.#first = first;
    this.#pid = pid;
    // Each waiter gets the error itself.
    first.on('exit', () => {});
  }

  /** The words that run a program inside. */
  #inside(words: readonly string[]): string[] {
    return ['--target', String(this.#pid), '--mount', '--pid', '--', ...words];
  }

  /** Runs a program inside and gives what it printed. Throws when it fails. */
  async run(...words: string[]): Promise<string> {
    const { stdout } = await execute('nsenter', this.#inside(words), { timeout: 60_000, maxBuffer: 2 ** 24 });
    return stdout;
  }

  async stop(): Promise<void> {
    if (this.#first.exitCode !== null || this.#first.signalCode !== null) return;
    const gone = once(this.#first, 'exit');
    // The namespace ends with its first process, and unshare ends with that.
    process.kill(this.#pid, 'SIGKILL');
    await within(20, 'the world of the lab to end', gone);
  }
}
