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
/** More hosts than a cluster can have. */
const MAX_HOSTS = 10_000;

export interface BlindMonitor {
  readonly monitor: string;
  readonly reason: string;
  /** When it last saw, ms UTC. */
  readonly since: number;
}

export class BlindMonitors {
  readonly #hosts = new Map<string, { readonly monitors: readonly BlindMonitor[]; readonly saidAt: number }>();

  /** Takes what a host says of all its monitors. Returns the names of those that became blind, and of those that see again. */
  take(
    host: string,
    monitors: readonly BlindMonitor[],
    now: number,
  ): { readonly blind: readonly BlindMonitor[]; readonly seeing: readonly string[] } {
    const before = this.#hosts.get(host)?.monitors ?? [];
    this.#hosts.delete(host);
    const [oldest] = this.#hosts.keys();
    if (this.#hosts.size >= MAX_HOSTS && oldest !== undefined) this.#hosts.delete(oldest);
    if (monitors.length > 0) this.#hosts.set(host, { monitors, saidAt: now });
    return {
      blind: monitors.filter(({ monitor }) => before.every((one) => one.monitor !== monitor)),
      seeing: before.map(({ monitor }) => monitor).filter((name) => monitors.every(({ monitor }) => monitor !== name)),
    };
  }

  list(now: number): readonly BlindMonitorView[] {
    for (const [host, { saidAt }] of this.#hosts) if (now - saidAt > FORGET_MS) this.#hosts.delete(host);
    return [...this.#hosts].flatMap(([host, { monitors }]) =>
      monitors.map(({ monitor, reason, since }) => ({ host, monitor, reason, since: iso(since) })),
    );
  }
}
