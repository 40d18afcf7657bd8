/** The guest monitor: asks the agents inside the instances whether their guests live, and notices a QEMU that hangs. */
import { setTimeout as delay } from 'node:timers/promises';
import type { EngineOptions } from '#config/options.ts';
import type { NotificationBody } from '#protocol/notification.ts';
import { socketsFor } from '../libvirt/sockets.ts';
import type { CreateMonitor, Monitor, MonitorContext, Recheck, Sight } from '../monitor.ts';
import type { GuestSight, Guests } from './guests.ts';
import { LibvirtGuests, type LibvirtSettings } from './libvirt-guests.ts';
import { readSelection } from './selection.ts';
import { stillFailed } from './still.ts';
import { GuestWatch, NOTHING, type WatchPolicy } from './watch.ts';

/** Before an old report is sent one instance is looked at: its agent may take some seconds. */
const RECHECK_MS = 30_000;

interface Settings {
  readonly intervalMs: number;
  readonly policy: WatchPolicy;
  readonly libvirt: LibvirtSettings;
}

export const create: CreateMonitor = async (options) => new GuestMonitor(readSettings(options));

/** Throws when an option cannot be right. */
function readSettings({ guestMonitor, instanceMonitor }: EngineOptions): Settings {
  return {
    intervalMs: guestMonitor.guestMonitoringIntervalMs,
    policy: {
      threshold: guestMonitor.guestMonitoringFailureThreshold,
      disconnected: guestMonitor.disconnectedAgent,
      hungQemu: guestMonitor.hungQemu,
      hungQemuAfterMs: guestMonitor.hungQemuAfterMs,
    },
    libvirt: {
      sockets: socketsFor(guestMonitor.libvirtSocket, 'read-write'),
      uri: instanceMonitor.connectionUri,
      pingTimeoutMs: guestMonitor.guestMonitoringTimeoutMs,
      selects: readSelection(guestMonitor.guests),
      qemu: guestMonitor.hungQemu === 'ignore' ? 'ignore' : 'probe',
    },
  };
}

class GuestMonitor implements Monitor {
  readonly name = 'guest';
  #settings: Settings;
  #watch: GuestWatch | undefined;

  constructor(settings: Settings) {
    this.#settings = settings;
  }

  /** Six rounds: one alone may be slow when many agents are silent. */
  get blindAfterMs(): number {
    return Math.max(60_000, 6 * this.#settings.intervalMs);
  }

  async run(context: MonitorContext): Promise<void> {
    const watch = new GuestWatch(context);
    this.#watch = watch;
    while (!context.signal.aborted) {
      const settings = this.#settings;
      const guests = new LibvirtGuests(settings.libvirt);
      try {
        await this.#runWith(settings, guests, watch, context);
      } finally {
        guests.close();
      }
    }
  }

  async look(signal: AbortSignal): Promise<readonly Sight[]> {
    const { libvirt, policy } = this.#settings;
    const guests = new LibvirtGuests(withoutProbes(libvirt));
    try {
      return (await guests.look(signal)).map((sight) => sightOf(sight, policy));
    } finally {
      guests.close();
    }
  }

  async recheck({ notification }: NotificationBody): Promise<Recheck> {
    if (notification.type !== 'VM') return 'unknown';
    const uuid = notification.payload.instance_uuid;
    const { libvirt, policy } = this.#settings;
    const guests = new LibvirtGuests(withoutProbes(libvirt));
    try {
      const sight = await guests.lookAt(uuid, AbortSignal.timeout(RECHECK_MS));
      // One that does not run here remembers nothing, and still sees who answers.
      return stillFailed(sight, this.#watch?.memoryOf(uuid) ?? NOTHING, policy);
    } catch {
      return 'unknown';
    } finally {
      guests.close();
    }
  }

  async reload(options: EngineOptions): Promise<void> {
    this.#settings = readSettings(options);
  }

  /** Rounds until the signal, or until there are other settings. */
  async #runWith(settings: Settings, guests: Guests, watch: GuestWatch, context: MonitorContext): Promise<void> {
    const { signal } = context;
    while (!signal.aborted && this.#settings === settings) {
      const begun = performance.now();
      await oneRound(settings, guests, watch, context);
      const left = Math.max(0, begun + settings.intervalMs - performance.now());
      await delay(left, undefined, { signal }).catch(() => {});
    }
  }
}

/** Never throws: what goes wrong is said, and the next round sees anew. */
async function oneRound(settings: Settings, guests: Guests, watch: GuestWatch, context: MonitorContext): Promise<void> {
  let sights: readonly GuestSight[];
  try {
    sights = await guests.look(context.signal);
  } catch (error) {
    if (!context.signal.aborted) context.blind(wordsOf(error));
    return;
  }
  context.seen();
  try {
    await watch.take(sights, settings.policy);
  } catch (error) {
    context.log('error', 'a report of a guest could not be kept; it is tried again', { reason: wordsOf(error) });
  }
}

/** Probes are counted on the connection of the rounds; whoever looks besides reads what came of them. */
function withoutProbes(settings: LibvirtSettings): LibvirtSettings {
  return settings.qemu === 'probe' ? { ...settings, qemu: 'read' } : settings;
}

function sightOf({ uuid, name, answer, control, detail }: GuestSight, policy: WatchPolicy): Sight {
  if (control?.state === 'occupied' && control.forMs > policy.hungQemuAfterMs) {
    const seconds = Math.round(control.forMs / 1000);
    return { subject: uuid, state: 'hung', detail: `${name}: QEMU has not answered libvirt for ${seconds} s` };
  }
  return { subject: uuid, state: answer, detail: detail === '' ? name : `${name}: ${detail}` };
}

function wordsOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
