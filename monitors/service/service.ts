/**
 * Runs several monitors in one process and supervises them. A monitor that ends is restarted. A monitor without a successful
 * poll for too long is reported as blind, and its recovery is reported too.
 *
 * Invariant: an error of one monitor does not affect the others. `report` resolves only when the report is in the outbox.
 */

import { setTimeout as delay } from 'node:timers/promises';
import { backoff } from '#protocol/backoff.ts';
import { errorMessage } from '#protocol/error-message.ts';
import type { Log } from '#protocol/log.ts';
import {
  couldNotSee,
  decideReading,
  type HealthChange,
  type MonitorHealth,
  sawAll,
  startHealth,
} from './health-decision.ts';
import type { InstanceFacts, Monitor, MonitorContext, MonitorName } from './monitor.ts';

/** Delay before a monitor that ended is restarted: first and longest. */
const BEGIN_AGAIN_MS = [1_000, 60_000] as const;
/** Time in which the monitors have to end after the stop. */
const END_MS = 10_000;

export interface MonitorState {
  readonly monitor: MonitorName;
  readonly state: 'seeing' | 'blind';
  readonly reason: string | null;
  /** Since its last successful poll. */
  readonly blindMs: number;
}

export interface ServiceOptions {
  readonly monitors: readonly Monitor[];
  /** The name of this host, as Nova has it. */
  readonly node: string;
  readonly log: Log;
  readonly report: MonitorContext['report'];
  readonly queryInstance: (uuid: string) => Promise<InstanceFacts | undefined>;
  /** Called when a monitor becomes blind or recovers. */
  readonly onState: (states: readonly MonitorState[]) => void;
}

export class MonitorService {
  readonly #options: ServiceOptions;
  readonly #observations = new Map<MonitorName, MonitorHealth>();
  readonly #end = new AbortController();

  constructor(options: ServiceOptions) {
    this.#options = options;
    const now = performance.now();
    for (const { name } of options.monitors) this.#observations.set(name, startHealth(now));
  }

  get states(): readonly MonitorState[] {
    const now = performance.now();
    return [...this.#observations].map(([monitor, { is, reason, lastSeen }]) => {
      return { monitor, state: is, reason, blindMs: now - lastSeen };
    });
  }

  /** Watches until `stop`. Resolves when every monitor has ended or `END_MS` is over. */
  async run(): Promise<void> {
    const { monitors } = this.#options;
    const { signal } = this.#end;
    const shortest = Math.min(...monitors.map(({ blindAfterMs }) => blindAfterMs));
    const poll = setInterval(() => this.#pollAll(), Math.max(50, shortest / 2));
    const requested = new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
    const running = Promise.all(monitors.map((monitor) => this.#keep(monitor)));
    try {
      await Promise.race([running, requested.then(() => delay(END_MS, undefined, { ref: false }))]);
    } finally {
      clearInterval(poll);
    }
  }

  stop(): void {
    this.#end.abort();
  }

  async #keep(monitor: Monitor): Promise<void> {
    const { log } = this.#options;
    const { signal } = this.#end;
    const [firstMs, maxMs] = BEGIN_AGAIN_MS;
    let failures = 0;
    while (!signal.aborted) {
      const began = performance.now();
      try {
        await monitor.run(this.#contextOf(monitor));
        if (signal.aborted) return;
        this.#cannotSee(monitor, 'it ended by itself');
      } catch (error) {
        if (signal.aborted) return;
        const reason = errorMessage(error);
        this.#cannotSee(monitor, reason);
        log('error', 'monitor failed and is restarted', { monitor: monitor.name, reason });
      }
      // After a long run the delay starts at its first value again.
      if (performance.now() - began > maxMs) failures = 0;
      await delay(backoff(failures, { firstMs, maxMs }), undefined, { signal }).catch(() => {});
      failures += 1;
    }
  }

  #contextOf(monitor: Monitor): MonitorContext {
    const { node, log, report, queryInstance } = this.#options;
    return {
      node,
      log: (level, message, fields) => log(level, message, { monitor: monitor.name, ...fields }),
      signal: this.#end.signal,
      report,
      queryInstance,
      seen: () => this.#change(monitor, sawAll(this.#observationOf(monitor), performance.now())),
      blind: (reason) => this.#cannotSee(monitor, reason),
    };
  }

  #observationOf({ name }: Monitor): MonitorHealth {
    return this.#observations.get(name) ?? startHealth(performance.now());
  }

  #cannotSee(monitor: Monitor, reason: string): void {
    const before = this.#observationOf(monitor);
    if (before.reason !== reason)
      this.#options.log('warning', 'cannot detect failures', { monitor: monitor.name, reason });
    this.#observations.set(monitor.name, couldNotSee(before, reason));
  }

  #pollAll(): void {
    for (const monitor of this.#options.monitors) {
      this.#change(monitor, decideReading(this.#observationOf(monitor), performance.now(), monitor.blindAfterMs));
    }
  }

  #change({ name, blindAfterMs }: Monitor, [observation, change]: readonly [MonitorHealth, HealthChange]): void {
    this.#observations.set(name, observation);
    if (change === 'none') return;
    const { log, onState } = this.#options;
    if (change === 'recovered') log('info', 'monitor recovered', { monitor: name });
    else
      log('error', 'monitor is blind', {
        monitor: name,
        after_seconds: blindAfterMs / 1000,
        reason: observation.reason,
      });
    onState(this.states);
  }
}
