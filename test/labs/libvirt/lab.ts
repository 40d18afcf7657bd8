/** A private libvirtd with QEMU guests. The libvirtd of this machine, if it has one, is never touched. */
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { waitUntil } from '../waiting.ts';
import { type DomainOptions, domainName, domainXml } from './domain.ts';
import { World } from './world.ts';

/** libvirt and QEMU as root, with nothing that a namespace has not. */
const QEMU_CONF = `stdio_handler = "file"
user = "root"
group = "root"
dynamic_ownership = 0
remember_owner = 0
security_driver = "none"
namespaces = []
`;

export class LibvirtLab {
  readonly directory: string;
  readonly #world: World;
  readonly #image: string;
  readonly #defined = new Set<number>();

  static async start(): Promise<LibvirtLab> {
    // Short: the path of a socket has at most 107 bytes.
    const directory = mkdtempSync(join(tmpdir(), 'lv-'));
    writeFileSync(join(directory, 'qemu.conf'), QEMU_CONF);
    const log = `log_outputs="3:file:${directory}/libvirtd.log"`;
    writeFileSync(join(directory, 'libvirtd.conf'), `unix_sock_dir = "${directory}"\n${log}\n`);
    const image = assemble(directory);
    const lab = new LibvirtLab(directory, await World.start(directory), image);
    try {
      await lab.startLibvirtd();
      return lab;
    } catch (error) {
      await lab.stop();
      throw error;
    }
  }

  private constructor(directory: string, world: World, image: string) {
    this.directory = directory;
    this.#world = world;
    this.#image = image;
  }

  /** For the option of the monitor. */
  get socket(): string {
    return join(this.directory, 'libvirt-sock-ro');
  }

  get qemuLogDirectory(): string {
    return join(this.directory, 'log', 'qemu');
  }

  /** A file on a file system of 1 MiB, which the guest fills. */
  get smallDisk(): string {
    return join(this.directory, 'small', 'disk.raw');
  }

  async stop(): Promise<void> {
    await this.#world.stop();
    rmSync(this.directory, { recursive: true, force: true });
  }

  async startLibvirtd(): Promise<void> {
    const words = ['-f', join(this.directory, 'libvirtd.conf'), '-p', join(this.directory, 'libvirtd.pid')];
    // As a daemon it belongs to the world only, and has reported that it is ready when this returns.
    await this.#world.run('/usr/sbin/libvirtd', '--daemon', ...words).catch((error: unknown) => {
      throw new Error(`libvirtd did not start; see ${this.directory}/libvirtd.log`, { cause: error });
    });
    await waitUntil({ what: 'libvirtd to respond', seconds: 60 }, () =>
      this.virsh('list').then(
        () => true,
        () => undefined,
      ),
    );
  }

  async signalLibvirtd(signal: 'TERM' | 'KILL' | 'STOP' | 'CONT'): Promise<void> {
    const pid = await this.#pidOf(join(this.directory, 'libvirtd.pid'));
    await this.#world.run('kill', `-${signal}`, pid);
    if (signal === 'STOP' || signal === 'CONT') return;
    await waitUntil({ what: 'libvirtd to end', seconds: 30 }, () => this.#isGone(pid));
  }

  async virsh(...words: string[]): Promise<string> {
    const uri = `qemu+unix:///system?socket=${this.directory}/libvirt-sock`;
    return (await this.#world.run('virsh', '--quiet', '--connect', uri, ...words)).trim();
  }

  async define(number: number, options: DomainOptions = {}): Promise<void> {
    await this.virsh('define', this.#describe(number, options));
    this.#defined.add(number);
  }

  async start(...numbers: number[]): Promise<void> {
    for (const number of numbers) await this.virsh('start', domainName(number));
  }

  /** Defined and running. */
  async boot(number: number, options: DomainOptions = {}): Promise<void> {
    await this.define(number, options);
    await this.start(number);
  }

  /** A domain that is gone when it ends. */
  async bootTransient(number: number, options: DomainOptions = {}): Promise<void> {
    await this.virsh('create', this.#describe(number, options));
  }

  /** The output of `virsh domstate --reason`. */
  async state(number: number): Promise<string> {
    return this.virsh('domstate', '--reason', domainName(number));
  }

  async waitForState(number: number, state: string): Promise<void> {
    await waitUntil({ what: `${domainName(number)} to be ${state}`, seconds: 60 }, async () =>
      (await this.state(number)) === state ? true : undefined,
    );
  }

  /** Signals the processes of guests, all by one call of kill. */
  async signal(signal: 'KILL' | 'TERM' | 'STOP' | 'CONT', ...numbers: number[]): Promise<void> {
    const pids = await Promise.all(numbers.map((number) => this.#pidOf(this.#pidFile(number))));
    await this.#world.run('kill', `-${signal}`, ...pids);
  }

  /** Signals, and waits until the processes are gone: for when libvirtd is not there to see it. */
  async killUndetected(number: number): Promise<void> {
    const pid = await this.#pidOf(this.#pidFile(number));
    await this.#world.run('kill', '-KILL', pid);
    await waitUntil({ what: `process ${pid} to end`, seconds: 30 }, () => this.#isGone(pid));
  }

  /** Gives the guest a letter once it listens, and waits for its echo. */
  async typeToGuest(number: number, letter: string): Promise<void> {
    const socket = connect({ path: this.#serial(number) });
    let received = '';
    socket.on('data', (data: Buffer) => {
      received += data.toString('latin1');
    });
    socket.on('error', () => socket.destroy());
    try {
      await once(socket, 'connect', { signal: AbortSignal.timeout(10_000) });
      // Until the guest has booted there is no echo.
      await waitUntil({ what: `${domainName(number)} to boot`, seconds: 120, everyMs: 200 }, () => {
        if (received.includes('n')) return true;
        socket.write('n');
        return undefined;
      });
      socket.write(letter);
      await waitUntil({ what: `the echo of ${letter}`, seconds: 30, everyMs: 10 }, () =>
        received.includes(letter) ? true : undefined,
      );
    } finally {
      socket.destroy();
    }
  }

  /** Ends and forgets every domain. */
  async clear(): Promise<void> {
    for (const name of (await this.virsh('list', '--name')).split('\n').filter(Boolean)) {
      await this.virsh('destroy', name).catch(() => {});
    }
    for (const number of this.#defined) await this.virsh('undefine', domainName(number)).catch(() => {});
    this.#defined.clear();
    await this.#world.run('rm', '-f', this.smallDisk);
  }

  dropLogs(...numbers: number[]): void {
    for (const number of numbers) rmSync(join(this.qemuLogDirectory, `${domainName(number)}.log`));
  }

  /** A sparse file on the small file system, seen inside alone. */
  async makeSmallDisk(): Promise<void> {
    await this.#world.run('truncate', '--size=64M', this.smallDisk);
  }

  #describe(number: number, options: DomainOptions): string {
    const path = join(this.directory, `${domainName(number)}.xml`);
    writeFileSync(path, domainXml(number, this.#image, this.#serial(number), options));
    return path;
  }

  #serial(number: number): string {
    return join(this.directory, `${number}.sock`);
  }

  #pidFile(number: number): string {
    return `/run/libvirt/qemu/${domainName(number)}.pid`;
  }

  async #pidOf(file: string): Promise<string> {
    return (await this.#world.run('cat', file)).trim();
  }

  async #isGone(pid: string): Promise<true | undefined> {
    return this.#world.run('test', '!', '-e', `/proc/${pid}`).then(
      () => true,
      () => undefined,
    );
  }
}

/** Boot sector, padded to 1 MiB: a disk of less is none to the BIOS. */
function assemble(directory: string): string {
  const source = fileURLToPath(new URL('guest/guest.S', import.meta.url));
  const [object, image] = [join(directory, 'guest.o'), join(directory, 'guest.img')];
  execFileSync('as', ['--32', '-o', object, source]);
  execFileSync('ld', ['-m', 'elf_i386', '-Ttext', '0x7c00', '--oformat', 'binary', '-o', image, object]);
  execFileSync('truncate', ['--size=1M', image]);
  return image;
}
