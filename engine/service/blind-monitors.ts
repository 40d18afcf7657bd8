/**
 * The blind monitors, for `status`, which shows the hosts that are not watched.
 *
 * Kept in memory only: a blind monitor repeats its report, so the next engine knows it within a minute, and a report that is not repeated
 * is forgotten.
 */
import { comparableHost } from '#protocol/host-name.ts';
import type { BlindMonitorView } from '#protocol/views.ts';
import { iso } from './views.ts';

/** Three times the interval at which monitors repeat it. */
const FORGET_MS = 180_000;
/** More than a cluster can have. */
const MAX_BLIND = 10_000;
/** More monitors than a host can have: a host that reports ever new ones displaces no monitor of other hosts. */
const MAX_OF_HOST = 16;

export interface BlindMonitor {
  readonly monitor: string;
  readonly reason: string;
  /** When it last read its source successfully, ms UTC. */
  readonly since: number;
}

/** A report of a process of monitors: the state of each monitor that it runs. */
export interface MonitorHealth {
  readonly blind: readonly BlindMonitor[];
  readonly seeing: readonly string[];
}

export class BlindMonitors {
  /** By host and monitor; the oldest report is first. */
  readonly #blind = new Map<string, BlindMonitor & { readonly host: string; readonly reportedAt: number }>();

  /** Takes the report of a process of a host. Returns the monitors that became blind, and the names of those that recovered. */
  take(host: string, { blind, seeing }: MonitorHealth, now: number): MonitorHealth {
    const own = `${comparableHost(host)} `;
    const keyOf = (monitor: string): string => `${own}${monitor}`;
    const becameBlind = blind.filter(({ monitor }) => !this.#blind.has(keyOf(monitor)));
    const seeAgain = seeing.filter((monitor) => this.#blind.delete(keyOf(monitor)));
    for (const one of blind) {
      this.#blind.delete(keyOf(one.monitor));
      const ofHost = [...this.#blind.keys()].filter((key) => key.startsWith(own));
      if (ofHost.length >= MAX_OF_HOST && ofHost[0] !== undefined) this.#blind.delete(ofHost[0]);
      const [oldest] = this.#blind.keys();
      if (this.#blind.size >= MAX_BLIND && oldest !== undefined) this.#blind.delete(oldest);
      this.#blind.set(keyOf(one.monitor), { ...one, host, reportedAt: now });
    }
    return { blind: becameBlind, seeing: seeAgain };
  }

  list(now: number): readonly BlindMonitorView[] {
    for (const [key, { reportedAt }] of this.#blind) if (now - reportedAt > FORGET_MS) this.#blind.delete(key);
    return [...this.#blind.values()].map(({ host, monitor, reason, since }) => ({
      host,
      monitor,
      reason,
      since: iso(since),
    }));
  }
}
