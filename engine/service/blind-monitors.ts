/**
 * Which monitors say that they cannot see, for `status`: whoever is not watched should be known to be so.
 *
 * Kept in memory only: a monitor that is blind says so again and again, so the next engine knows it within a minute, and what is
 * not repeated is forgotten.
 */
import type { BlindMonitorView } from '#protocol/views.ts';
import { iso } from './view.ts';

/** Three times as long as monitors take to repeat it. */
const FORGET_MS = 180_000;
/** More than a cluster can have. */
const MAX_BLIND = 10_000;

export interface BlindMonitor {
  readonly monitor: string;
  readonly reason: string;
  /** When it last saw, ms UTC. */
  readonly since: number;
}

/** What a process of monitors says: each of those that it runs. */
export interface Sightedness {
  readonly blind: readonly BlindMonitor[];
  readonly seeing: readonly string[];
}

export class BlindMonitors {
  /** By host and monitor; who spoke longest ago stands first. */
  readonly #blind = new Map<string, BlindMonitor & { readonly host: string; readonly saidAt: number }>();

  /** Takes what a process of a host says. Returns those that became blind, and the names of those that see again. */
  take(host: string, { blind, seeing }: Sightedness, now: number): Sightedness {
    const keyOf = (monitor: string): string => `${host} ${monitor}`;
    const becameBlind = blind.filter(({ monitor }) => !this.#blind.has(keyOf(monitor)));
    const seeAgain = seeing.filter((monitor) => this.#blind.delete(keyOf(monitor)));
    for (const one of blind) {
      this.#blind.delete(keyOf(one.monitor));
      const [oldest] = this.#blind.keys();
      if (this.#blind.size >= MAX_BLIND && oldest !== undefined) this.#blind.delete(oldest);
      this.#blind.set(keyOf(one.monitor), { ...one, host, saidAt: now });
    }
    return { blind: becameBlind, seeing: seeAgain };
  }

  list(now: number): readonly BlindMonitorView[] {
    for (const [key, { saidAt }] of this.#blind) if (now - saidAt > FORGET_MS) this.#blind.delete(key);
    return [...this.#blind.values()].map(({ host, monitor, reason, since }) => ({
      host,
      monitor,
      reason,
      since: iso(since),
    }));
  }
}
