/** A private libvirtd with one instance that has a guest agent. Everything it started ends with it, by its process id. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { waitUntil, within } from '../waiting.ts';
import { buildLinuxGuest, type LinuxGuest } from './linux_guest.ts';

const run = promisify(execFile);
const SCRIPT = fileURLToPath(new URL('agent_libvirtd.sh', import.meta.url));
const NAME = 'instance-0000000a';
export const UUID = '22222222-0000-4000-8000-00000000000a';

export class AgentLab implements AsyncDisposable {
  readonly folder: string;
  readonly #daemon: ChildProcess;

  static async start(): Promise<AgentLab> {
    const folder = await mkdtemp(join(tmpdir(), 'guest-agent-lab-'));
    const guest = await buildLinuxGuest(folder);
    const lab = new AgentLab(folder);
    try {
      await waitUntil({ what: 'libvirtd to listen', seconds: 60 }, () => existsSync(lab.socket) || undefined);
      const file = join(folder, 'domain.xml');
      await writeFile(file, lab.#xml(guest));
      await lab.virsh('define', file);
      await lab.virsh('start', NAME);
    } catch (error) {
      await lab[Symbol.asyncDispose]();
      throw error;
    }
    return lab;
  }

  private constructor(folder: string) {
    this.folder = folder;
    const words = ['--mount', '--propagation', 'private', 'sh', SCRIPT, folder];
    this.#daemon = spawn('unshare', words, { stdio: 'ignore' });
  }

  get socket(): string {
    return join(this.folder, 'libvirt-sock');
  }

  /** @param words the domain is named by `NAME` in them, or left out where there is only one. */
  async virsh(...words: readonly string[]): Promise<string> {
    const uri = `qemu+unix:///system?socket=${this.socket}`;
    return (await run('virsh', ['--connect', uri, ...words], { timeout: 60_000 })).stdout;
  }

  async onInstance(command: string): Promise<string> {
    return this.virsh(command, NAME);
  }

  /** Writes a letter to the guest's console, and waits until the guest has done it. */
  async type(letter: string): Promise<void> {
    const done = Promise.withResolvers<void>();
    const socket = connect({ path: this.#serial });
    let received = '';
    socket.setEncoding('utf8').on('data', (text: string) => {
      received += text;
      if (received.includes(`DONE ${letter}`)) done.resolve();
    });
    socket.once('error', done.reject);
    try {
      socket.write(`${letter}\n`);
      // A guest that reboots cannot report that.
      if (letter === 'r') await new Promise((resolve) => socket.write('', resolve));
      else await within(60, `the guest to do "${letter}"`, done.promise);
    } finally {
      socket.end();
    }
  }

  async signalQemu(signal: NodeJS.Signals): Promise<void> {
    process.kill(await this.#qemu(), signal);
  }

  /** Where the agent's socket is seen from outside the mount namespace. */
  async agentSocket(): Promise<string> {
    const path = /source mode='bind' path='([^']*guest_agent[^']*)'/.exec(await this.onInstance('dumpxml'))?.[1];
    return `/proc/${this.#daemon.pid}/root${path}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const qemu = await this.#qemu().catch(() => undefined);
    if (qemu !== undefined) process.kill(qemu, 'SIGKILL');
    if (this.#daemon.exitCode === null && this.#daemon.signalCode === null) {
      const ended = new Promise<void>((resolve) => this.#daemon.once('exit', () => resolve()));
      this.#daemon.kill('SIGTERM');
      await within(60, 'libvirtd to end', ended).finally(() => this.#daemon.kill('SIGKILL'));
    }
    await rm(this.folder, { recursive: true, force: true });
  }

  get #serial(): string {
    return join(this.folder, 'serial.sock');
  }

  async #qemu(): Promise<number> {
    return Number(await readFile(`/proc/${this.#daemon.pid}/root/run/libvirt/qemu/${NAME}.pid`, 'utf8'));
  }

  #xml({ kernel, initrd }: LinuxGuest): string {
    return `<domain type='qemu'><name>${NAME}</name><uuid>${UUID}</uuid>
      <metadata><nova:instance xmlns:nova="http://openstack.org/xmlns/libvirt/nova/1.1">
        <nova:flavor name="m1.tiny"/></nova:instance></metadata>
      <memory unit='MiB'>160</memory><vcpu>1</vcpu>
      <os><type arch='x86_64' machine='pc'>hvm</type><kernel>${kernel}</kernel><initrd>${initrd}</initrd>
        <cmdline>console=ttyS0 quiet panic=-1 tsc=reliable</cmdline></os>
      <features><acpi/></features>
      <devices>
        <emulator>/usr/bin/qemu-system-x86_64</emulator>
        <controller type='usb' model='none'/><memballoon model='none'/>
        <serial type='unix'><source mode='bind' path='${this.#serial}'/></serial>
        <channel type='unix'><target type='virtio' name='org.qemu.guest_agent.0'/></channel>
      </devices><seclabel type='none'/></domain>`;
  }
}
