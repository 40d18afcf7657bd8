/** The monitors of masakari-monitors, from Debian 12, as its documentation configures them; nothing of the system is changed. */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { waitUntil } from '../../labs/waiting.ts';
import { Started } from './started.ts';

/** The programs and no services: those are packages named after each monitor. */
export const PACKAGES = ['python3-masakari-monitors'] as const;

const MONITORS = ['hostmonitor', 'processmonitor', 'instancemonitor', 'introspectiveinstancemonitor'] as const;

export interface Watched {
  readonly processList: string;
  readonly libvirtUri: string;
}

export class Masakari {
  readonly #folder: string;
  readonly #started: readonly Started[];

  constructor(folder: string, tools: string, { processList, libvirtUri }: Watched) {
    this.#folder = folder;
    this.#started = MONITORS.map((monitor) => {
      const own = join(folder, monitor);
      mkdirSync(own, { recursive: true });
      // Intervals are left at their defaults. One file each: the path of the file shows to which monitor a privsep daemon belongs.
      writeFileSync(
        this.#configuration(monitor),
        `[DEFAULT]
tempdir = ${own}
[host]
corosync_multicast_interfaces = lo
corosync_multicast_ports = 5405
[process]
process_list_path = ${processList}
[libvirt]
connection_uri = ${libvirtUri}
[masakarimonitors_privileged]
helper_command = privsep-helper --config-file ${this.#configuration(monitor)}
`,
      );
      return new Started({
        name: `masakari-${monitor}`,
        argv: [`/usr/bin/masakari-${monitor}`, '--config-file', this.#configuration(monitor)],
        tools,
        folder,
        // The introspective monitor connects to the default.
        environment: { LIBVIRT_DEFAULT_URI: libvirtUri, TMPDIR: own },
      });
    });
  }

  /** The monitors, and the daemons by which they run commands as root; those live as long as they do. */
  get processes(): readonly { readonly name: string; readonly pid: number }[] {
    return this.#started.flatMap((monitor, index) => [
      { name: monitor.name, pid: monitor.pid },
      ...this.#daemonsOf(MONITORS[index] ?? '').map((pid) => ({ name: '  its privsep daemon', pid })),
    ]);
  }

  /** Waits until all of its daemons run: each is started by another process that ends. */
  async untilReady(signal: AbortSignal): Promise<void> {
    await waitUntil({ what: "masakari's monitors to be ready", seconds: 120, signal }, () => {
      const isReady =
        this.logOf('hostmonitor').includes('Recognized') &&
        this.logOf('processmonitor').includes('Spawned new privsep daemon');
      return isReady && this.processes.length > MONITORS.length ? true : undefined;
    });
  }

  logOf(monitor: (typeof MONITORS)[number]): string {
    return this.#started[MONITORS.indexOf(monitor)]?.log ?? '';
  }

  async stop(): Promise<void> {
    const daemons = MONITORS.flatMap((monitor) => this.#daemonsOf(monitor));
    await Promise.all(this.#started.map((monitor) => monitor.stop()));
    // Each ends when its monitor is gone.
    await waitUntil({ what: `the privsep daemons ${daemons} to end`, seconds: 30 }, () =>
      MONITORS.every((monitor) => this.#daemonsOf(monitor).length === 0) ? true : undefined,
    );
  }

  #configuration(monitor: string): string {
    return join(this.#folder, monitor, 'masakarimonitors.conf');
  }

  /** It has left its monitor's process group and parent: it is known by its command line. */
  #daemonsOf(monitor: string): number[] {
    return readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .map(Number)
      .filter((pid) => {
        const words = commandLine(pid);
        return words.some((word) => word.endsWith('privsep-helper')) && words.includes(this.#configuration(monitor));
      });
  }
}

function commandLine(pid: number): string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
  } catch {
    return [];
  }
}
