import { copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type Ended, must, run } from './run.ts';

/**
 * The smallest system on which the packages can be installed: a folder with the libraries that they depend on, a shell and what
 * their scripts call.
 *
 * Invariant: of libraries that a program of ours could load it has those of LIBRARIES and no others, so what runs in it runs
 * wherever the dependencies are met.
 */

/** What the Debian package depends on. */
const LIBRARIES = ['libc6', 'libstdc++6', 'libgcc-s1'];
const TOOLS = [
  '/bin/sh',
  '/bin/rm',
  '/bin/rmdir',
  '/bin/readlink',
  '/bin/tr',
  '/bin/grep',
  '/bin/sed',
  '/bin/cat',
  '/bin/ls',
  '/bin/mkdir',
  '/bin/stat',
  '/bin/systemd-tmpfiles',
  '/bin/systemd-notify',
  '/usr/sbin/logrotate',
  '/bin/gzip',
];
const FOLDERS = ['usr/bin', 'usr/sbin', 'usr/lib', 'usr/lib64', 'etc', 'proc', 'run', 'tmp', 'dev/shm'];
const DPKG_FOLDERS = ['var/lib/dpkg/info', 'var/lib/dpkg/updates', 'var/lib/dpkg/triggers', 'var/log'];

/** Run in a mount namespace of its own, so that nothing mounted is left; $0 is the root. */
const WITH_PROC = `set -e
mount -t proc proc "$0/proc"
mount --bind /dev/null "$0/dev/null"
exec "$@"`;
const WITH_NOEXEC = `set -e
for place in var tmp dev; do
  mount --bind "$0/$place" "$0/$place"
  mount -o remount,bind,noexec "$0/$place"
done
${WITH_PROC}`;

export class Root {
  readonly directory: string;

  private constructor(directory: string) {
    this.directory = directory;
  }

  /** @param more programs of this machine that the root has besides. */
  static async create(more: readonly string[] = []): Promise<Root> {
    const root = new Root(mkdtempSync(join(tmpdir(), 'recovery-agent-root-')));
    for (const folder of [...FOLDERS, ...DPKG_FOLDERS]) mkdirSync(root.path(folder), { recursive: true });
    for (const name of ['bin', 'sbin', 'lib', 'lib64']) symlinkSync(`usr/${name}`, root.path(name));
    writeFileSync(root.path('etc/passwd'), 'root:x:0:0:root:/root:/bin/sh\n');
    writeFileSync(root.path('etc/group'), 'root:x:0:\n');
    writeFileSync(root.path('dev/null'), '');
    await root.#copyPrograms([...TOOLS, ...more]);
    // That they are installed, in the words of the system that they were taken from.
    writeFileSync(root.path('var/lib/dpkg/status'), await must(['dpkg-query', '--status', ...LIBRARIES]));
    for (const name of LIBRARIES) writeFileSync(root.path(`var/lib/dpkg/info/${name}:amd64.list`), '/.\n');
    return root;
  }

  async #copyPrograms(tools: readonly string[]): Promise<void> {
    const listed = await must(['dpkg-query', '--listfiles', ...LIBRARIES]);
    const libraries = listed
      .split('\n')
      .filter((path) => /\/lib(64)?\/(x86_64-linux-gnu\/)?[^/]+\.so[.\d]*$/.test(path));
    const linked = await must(['ldd', ...tools]);
    const ofTools = Array.from(linked.matchAll(/(?<= => )\/\S+/g), ([path]) => path);
    for (const path of new Set([...libraries, ...ofTools, ...tools])) {
      const target = this.path(path);
      mkdirSync(dirname(target), { recursive: true });
      copyFileSync(path, target);
    }
  }

  path(name: string): string {
    return join(this.directory, name);
  }

  /** Runs a program inside; nothing of our environment gets in. */
  enter(argv: readonly string[], environment?: Readonly<Record<string, string>>): Promise<Ended> {
    return run(this.#mounted(WITH_PROC, 'chroot', this.directory, ...argv), environment);
  }

  /** The same where nothing in /var, /tmp and /dev may be executed. */
  enterNoexec(argv: readonly string[], environment?: Readonly<Record<string, string>>): Promise<Ended> {
    return run(this.#mounted(WITH_NOEXEC, 'chroot', this.directory, ...argv), environment);
  }

  /** What this machine's own dpkg.cfg leaves out (containers: manuals and documents) is installed here. */
  dpkg(...words: readonly string[]): Promise<string> {
    const log = `--log=${this.path('var/log/dpkg.log')}`;
    const own = [`--root=${this.directory}`, log, '--path-include=/*', '--force-unsafe-io', '--force-confold'];
    return must(this.#mounted(WITH_PROC, 'dpkg', ...own, ...words), { DEBIAN_FRONTEND: 'noninteractive' });
  }

  rpm(...words: readonly string[]): Promise<string> {
    return must(this.#rpm(words));
  }

  /** The same where the test examines how it ends. */
  tryRpm(...words: readonly string[]): Promise<Ended> {
    return run(this.#rpm(words));
  }

  #rpm(words: readonly string[]): string[] {
    return this.#mounted(WITH_PROC, 'rpm', '--root', this.directory, '--dbpath', '/var/lib/rpm', ...words);
  }

  #mounted(script: string, ...argv: readonly string[]): string[] {
    return ['unshare', '--mount', '--propagation', 'private', 'sh', '-c', script, this.directory, ...argv];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    rmSync(this.directory, { recursive: true, force: true });
  }
}
