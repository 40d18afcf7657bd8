/** What both sides watch: processes that do nothing, and a private libvirtd whose guests do nothing. */
import { type ChildProcess, spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { domainName } from '../../labs/libvirt/domain.ts';
import { LibvirtLab } from '../../labs/libvirt/lab.ts';
import { buildLinuxGuest } from '../../labs/libvirt/linux_guest.ts';
import { waitUntil } from '../../labs/waiting.ts';

export const PROCESSES = 20;
/** Instances whose guest has a responding agent, and instances without one. */
export const WITH_AGENT = 4;
export const WITHOUT_AGENT = 4;

export class WatchedHost {
  readonly lab: LibvirtLab;
  readonly processList: string;
  readonly #processes: readonly ChildProcess[];
  readonly #names: readonly string[];

  static async start(folder: string): Promise<WatchedHost> {
    const lab = await LibvirtLab.start();
    try {
      const linux = await buildLinuxGuest(folder);
      const withAgent = Array.from({ length: WITH_AGENT }, (_, n) => n + 1);
      for (const number of withAgent) await lab.boot(number, { linux });
      for (let n = 1; n <= WITHOUT_AGENT; n += 1) await lab.boot(WITH_AGENT + n);
      const ping = JSON.stringify({ execute: 'guest-ping' });
      await waitUntil({ what: 'the agents in the guests to answer', seconds: 300, everyMs: 500 }, async () => {
        const requested = withAgent.map((n) => lab.virsh('qemu-agent-command', domainName(n), ping));
        return (await Promise.allSettled(requested)).every(({ status }) => status === 'fulfilled') ? true : undefined;
      });
      return new WatchedHost(folder, lab);
    } catch (error) {
      await lab.stop();
      throw error;
    }
  }

  private constructor(folder: string, lab: LibvirtLab) {
    this.lab = lab;
    this.#names = Array.from(
      { length: PROCESSES },
      (_, n) => `bench-service-${String(n).padStart(2, '0')}-of-${process.pid}`,
    );
    // They end with this process: their standard input closes.
    this.#processes = this.#names.map((name) =>
      spawn('sh', ['-c', 'read line', name], { stdio: ['pipe', 'ignore', 'ignore'] }),
    );
    this.processList = join(folder, 'process_list.yaml');
    // JSON is YAML. All the entries are there because masakari-monitors fails without them; run_as_root as in the list it ships.
    const entry = { start_command: 'true', pre_start_command: '', post_start_command: '' };
    const again = { restart_command: 'true', pre_restart_command: '', post_restart_command: '', run_as_root: true };
    const list = this.#names.map((name) => ({ process_name: name, ...entry, ...again }));
    writeFileSync(this.processList, JSON.stringify(list, undefined, 1), { mode: 0o600 });
  }

  /** Ends one process and one instance; returns their names as they are in logs. */
  async fail(): Promise<{ readonly process: string; readonly instance: number }> {
    this.#processes[0]?.kill('SIGKILL');
    const instance = WITH_AGENT + 1;
    await this.lab.signal('KILL', instance);
    return { process: this.#names[0] ?? '', instance };
  }

  async stop(): Promise<void> {
    for (const child of this.#processes) child.kill('SIGKILL');
    await this.lab.stop();
  }
}
