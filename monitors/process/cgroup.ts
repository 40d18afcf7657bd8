/**
 * Watches control groups. When a control group becomes empty its file cgroup.events changes, which inotify reports
 * (Documentation/admin-guide/cgroup-v2.rst, "populated"). Under systemd each service has a group of its own, so the
 * death of a service is detected within milliseconds.
 *
 * Invariant: a change is a reason to poll and proves nothing. Without changes (no cgroup v2, a group shared with other
 * processes) a poll detects the death.
 */
import { type FSWatcher, readFileSync, watch } from 'node:fs';
import { join } from 'node:path';

/** The mount point of cgroup v2: /sys/fs/cgroup, or a folder of it beside v1. */
export function cgroupMount(mountInfo = readOrNothing('/proc/self/mountinfo')): string | undefined {
  for (const line of mountInfo.split('\n')) {
    const [fields = '', type = ''] = line.split(' - ');
    if (type.startsWith('cgroup2 ')) return fields.split(' ')[4];
  }
  return undefined;
}

/** The folder of the control group of a process; undefined in the topmost group, which has no events. */
export function cgroupOf(pid: number, mount: string): string | undefined {
  const path = /^0::(\/.+)$/m.exec(readOrNothing(`/proc/${pid}/cgroup`))?.[1];
  return path === undefined || path.includes('/../') || path.endsWith(' (deleted)') ? undefined : join(mount, path);
}

function readOrNothing(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

/** Watches the given groups, with one inotify watch for each. */
export class CgroupEvents {
  readonly #report: () => void;
  readonly #watches = new Map<string, FSWatcher>();

  constructor(report: () => void) {
    this.#report = report;
  }

  get groups(): readonly string[] {
    return [...this.#watches.keys()];
  }

  /** Watches exactly these groups from now on. */
  receive(groups: ReadonlySet<string>): void {
    for (const group of this.#watches.keys()) if (!groups.has(group)) this.#drop(group);
    for (const group of groups) if (!this.#watches.has(group)) this.#add(group);
  }

  #add(group: string): void {
    try {
      const watcher = watch(join(group, 'cgroup.events'), { persistent: false });
      this.#watches.set(group, watcher);
      watcher.on('error', () => this.#drop(group));
      watcher.on('change', (event) => {
        // The group was removed; the next one of that name is a different group.
        if (event === 'rename') this.#drop(group);
        this.#report();
      });
    } catch {
      // Without the watch a poll detects the death of the processes.
    }
  }

  #drop(group: string): void {
    this.#watches.get(group)?.close();
    this.#watches.delete(group);
  }

  close(): void {
    this.receive(new Set());
  }
}
