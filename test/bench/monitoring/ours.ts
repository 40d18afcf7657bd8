/** Our monitors, all four in one process, with nothing configured but places. */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Started } from './started.ts';
import type { WatchedHost } from './watched-host.ts';

export class Ours {
  readonly process: Started;
  readonly #outbox: string;

  constructor(program: string, folder: string, tools: string, { lab, processList }: WatchedHost) {
    mkdirSync(folder);
    this.#outbox = join(folder, 'outbox');
    const config = join(folder, 'recovery-agent.conf');
    // No engine is there: an instance that the bench kills must not become known to one that runs on this machine.
    writeFileSync(
      config,
      `[monitors]
run = host, process, instance, guest
outbox = ${this.#outbox}
[transport]
engines = unix:${folder}/engine.sock
[host]
state_file = ${folder}/host.json
alert_socket = ${folder}/alert.sock
[process]
process_list_path = ${processList}
state_file = ${folder}/process.json
pause_file = ${folder}/pause
[libvirt]
socket = ${lab.socket}
state_file = ${folder}/instances.json
qemu_log_directory = ${lab.qemuLogDirectory}
[introspectiveinstancemonitor]
libvirt_socket = ${lab.directory}/libvirt-sock
`,
    );
    this.process = new Started({
      name: 'recovery-agent monitor (all four)',
      argv: [program, 'monitor', '--config', config],
      tools,
      folder,
    });
  }

  get log(): string {
    return this.process.log;
  }

  /** The content of the outbox, as text. */
  get reports(): string {
    return readdirSync(this.#outbox, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map(({ parentPath, name }) => readFileSync(join(parentPath, name), 'utf8'))
      .join('\n');
  }

  async stop(): Promise<void> {
    await this.process.stop();
  }
}
