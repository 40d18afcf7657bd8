/** The guest monitor sends pings to the agents in the instances, and detects a QEMU that hangs. */

import { setTimeout as delay } from 'node:timers/promises';
import type { EngineOptions } from '#config/options/options.ts';
import { errorMessage } from '#protocol/error-message.ts';
import type { NotificationBody } from '#protocol/notification.ts';
import { socketsFor } from '../libvirt/sockets.ts';
import type { CreateMonitor, Monitor, MonitorContext, Observation, Recheck } from '../service/monitor.ts';
import type { GuestReading, Guests } from './guests.ts';
import { LibvirtGuests, type LibvirtSettings } from './libvirt-guests.ts';
import { readSelection } from './selection.ts';
import { stillFailed } from './still-failed-decision.ts';
import { GuestWatch, NOTHING, type WatchPolicy } from './watch.ts';

/** Timeout of the check of one instance before an old report is sent: its agent may take some seconds. */
const RECHECK_MS = 30_000;

interface Settings {
  readonly intervalMs: number;
  readonly policy: WatchPolicy;
  readonly libvirt: LibvirtSettings;
}

export const create: CreateMonitor = async (options) => new GuestMonitor(readSettings(options));

/** Throws if an option is invalid. */
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

  /** Six rounds: one round may be slow if many agents are silent. */
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

  async poll(signal: AbortSignal): Promise<readonly Observation[]> {
    const { libvirt, policy } = this.#settings;
    const guests = new LibvirtGuests(withoutProbes(libvirt));
    try {
      return (await guests.poll(signal)).map((observation) => observationOf(observation, policy));
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
      const observation = await guests.readAt(uuid, AbortSignal.timeout(RECHECK_MS));
      // A monitor that does not run has no state, and still reads whether the agent responds.
      return stillFailed(observation, this.#watch?.memoryOf(uuid) ?? NOTHING, policy);
    } catch {
      return 'unknown';
    } finally {
      guests.close();
    }
  }

  async reload(options: EngineOptions): Promise<void> {
    this.#settings = readSettings(options);
  }

  /** Runs rounds until the signal, or until the settings change. */
  async #runWith(settings: Settings, guests: Guests, watch: GuestWatch, context: MonitorContext): Promise<void> {
    const { signal } = context;
    while (!signal.aborted && this.#settings === settings) {
      const started = performance.now();
      await oneRound(settings, guests, watch, context);
      const left = Math.max(0, started + settings.intervalMs - performance.now());
      await delay(left, undefined, { signal }).catch(() => {});
    }
  }
}

/** Never throws: an error is logged, and the next round polls again. */
async function oneRound(settings: Settings, guests: Guests, watch: GuestWatch, context: MonitorContext): Promise<void> {
  let observations: readonly GuestReading[];
  try {
    observations = await guests.poll(context.signal);
  } catch (error) {
    if (!context.signal.aborted) context.blind(errorMessage(error));
    return;
  }
  context.seen();
  try {
    await watch.take(observations, settings.policy);
  } catch (error) {
    context.log('error', 'a report of a guest could not be stored; it is retried', { reason: errorMessage(error) });
  }
}

/** Requests to QEMU are counted on the connection of the rounds. Other pollers read only the control info. */
function withoutProbes(settings: LibvirtSettings): LibvirtSettings {
  return settings.qemu === 'probe' ? { ...settings, qemu: 'read' } : settings;
}

function observationOf({ uuid, name, answer, control, detail }: GuestReading, policy: WatchPolicy): Observation {
  if (control?.state === 'occupied' && control.forMs > policy.hungQemuAfterMs) {
    const seconds = Math.round(control.forMs / 1000);
    return { subject: uuid, state: 'hung', detail: `${name}: QEMU has not responded to libvirt for ${seconds} s` };
  }
  return { subject: uuid, state: answer, detail: detail === '' ? name : `${name}: ${detail}` };
}
